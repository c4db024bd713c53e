// SPDX-License-Identifier: GPL-3.0-or-later
#include "model.hpp"

#include <algorithm>

namespace toxasync::sim {

namespace {

/// Copies lie for their life, and what was shown is remembered for longer than that.
constexpr seconds remembered = days(28);
/// Longer than a message may be shown after its end, if it came from its sender directly.
constexpr milliseconds shown_late = 15min;
/// Nodes keep nothing for less (docs/protocol.md, section 2).
constexpr milliseconds shortest_kept = 1h;

std::string name_of(const FriendKey& key) {
  return to_hex(ByteView(key).first(3));
}

}  // namespace

void Model::fail(Fault fault, const Message& message, const std::string& what) {
  throw Broken(fault, "message " + std::to_string(message.number) + " (" +
                          to_hex(ByteView(message.id).first(4)) + ", " + std::to_string(message.text.size()) +
                          " bytes, " + name_of(message.from) + " to " + name_of(message.to) + "): " + what);
}

Message& Model::must_find(const Id& id, const char* what) {
  const auto found = messages_.find(id);
  if (found == messages_.end()) {
    throw Broken(Fault::misdelivered, std::string("a message that nobody sent was ") + what);
  }
  return found->second;
}

const Message* Model::find(const Id& id) const {
  const auto found = messages_.find(id);
  return found == messages_.end() ? nullptr : &found->second;
}

std::optional<Id> Model::any_id(test::SeededRandom& random) const {
  const auto found = messages_.lower_bound(Id(random.array<16>()));
  return found == messages_.end() ? std::nullopt : std::optional(found->first);
}

std::size_t Model::count(bool (*what)(const Message&)) const {
  return static_cast<std::size_t>(
      std::ranges::count_if(messages_, [&](const auto& entry) { return what(entry.second); }));
}

/// A node that lost its disk has lost, too, that the message was fetched there.
bool Model::cancel_may_be_wrong(const Message& message) const {
  return message.node_failed || hostile_nodes_ > 0;
}

void Model::sent(const Id& id, const Sent& what) {
  Message message;
  message.id = id;
  message.from = what.from;
  message.to = what.to;
  message.number = ++last_number_;
  message.text.assign(what.text.begin(), what.text.end());
  message.kind = what.kind;
  message.sent_at = what.now;
  message.dated = what.dated;
  message.ttl = what.ttl;
  message.for_hostile = what.for_hostile;
  message.node_failed = what.node_failed;
  message.may_be_lost = broken_.contains({what.from, what.to});
  if (!messages_.emplace(id, std::move(message)).second) {
    throw Broken(Fault::misdelivered, "a message id was given twice");
  }
}

void Model::clock_is_wrong(const FriendKey& whose) {
  wrong_clocks_.insert(whose);
}

void Model::crashed(const FriendKey& who, bool repeats_last, bool disk_was_behind) {
  if (const auto last = last_shown_.find(who); last != last_shown_.end() && repeats_last) {
    Message& message = *last->second.message;
    message.may_be_shown = std::max(message.may_be_shown, message.shown + 1);
    highest_shown_[{message.from, who}].for_sure = last->second.sure_before;
  }
  for (auto& [id, message] : messages_) {
    if (message.from == who) {
      message.forgotten = message.forgotten || !message.queued;  // it was never promised
      message.restarted = true;
      message.may_be_retold = message.may_be_retold || (message.ended() && disk_was_behind);
    }
  }
}

void Model::cancel_asked(const Id& id) {
  must_find(id, "cancelled").cancel_asked = true;
}

std::vector<Id> Model::open_messages(const FriendKey& who) const {
  std::vector<Id> open;
  for (const auto& [id, message] : messages_) {
    if (message.from == who && !message.ended()) {
      open.push_back(id);
    }
  }
  return open;
}

void Model::node_failed() {
  nodes_failed_ = true;
  for (auto& [id, message] : messages_) {
    message.node_failed = true;
  }
}

Model::Backup Model::backup(const FriendKey& who) const {
  Backup copy;
  for (const auto& [id, message] : messages_) {
    if (message.from == who && message.queued) {
      copy.known.insert(id);
      if (message.ended()) {
        copy.ended.insert(id);
      }
    }
    if (message.to == who && message.shown > 0) {
      copy.shown.insert(id);
    }
  }
  return copy;
}

void Model::restored(const FriendKey& who, const std::set<FriendKey>& friends, const Backup& copy) {
  old_installations_ = true;
  for (const auto& other : friends) {
    strangers(who, other);
    for (const Direction& direction : {Direction{who, other}, Direction{other, who}}) {
      disordered_.insert(direction);
      reusing_.insert(direction);
    }
  }
  for (auto& [id, message] : messages_) {
    if (message.from == who) {
      message.forgotten = message.forgotten || !copy.known.contains(id);
      message.may_be_retold = message.may_be_retold || (message.ended() && !copy.ended.contains(id));
      message.may_be_lost = true;
    }
    if (message.to == who) {
      message.may_be_lost = true;
      if (!copy.shown.contains(id)) {
        message.may_be_shown = std::max(message.may_be_shown, message.shown + 1);
      }
    }
  }
  for (auto& [name, message] : of_hostile_) {
    if (message.to == who) {
      message.may_be_shown = std::max(message.may_be_shown, message.shown + 1);
    }
  }
}

void Model::removed(const FriendKey& who, const FriendKey& other) {
  strangers(who, other);
  disordered_.insert({who, other});
  disordered_.insert({other, who});
  given_again_.insert({who, other});  // keys that were used before: the second use is answered with a nack
  for (auto& [id, message] : messages_) {
    if (message.from == who && message.to == other) {
      message.may_be_lost = true;
      message.may_fail = true;
      message.may_be_retold = true;
      message.forgotten = message.forgotten || !message.queued;
    } else if (message.from == other && message.to == who) {
      message.may_be_lost = true;
    }
  }
}

void Model::strangers(const FriendKey& a, const FriendKey& b) {
  broken_.insert({a, b});
  broken_.insert({b, a});
}

void Model::met(const FriendKey& a, const FriendKey& b) {
  for (const Direction& direction : {Direction{a, b}, Direction{b, a}}) {
    broken_.erase(direction);
  }
}

void Model::shown(const FriendKey& to, const manager::ReceivedMessage& received, Times now) {
  Message& message = must_find(received.id, "shown");
  if (message.to != to || message.from != received.from) {
    fail(Fault::misdelivered, message, "shown to the wrong person or under a wrong name");
  }
  if (message.text != received.text || message.kind != received.kind) {
    fail(Fault::misdelivered, message, "shown with another text");
  }
  if (received.sent_at != std::min(message.dated, now.own) && !between_wrong_clocks(message)) {
    fail(Fault::untrue, message,
         "shown with another time of sending: by " +
             std::to_string((received.sent_at - message.dated).count()) + " ms, and " +
             std::to_string((now.own - received.sent_at).count()) + " ms before it was shown");
  }
  if (message.shown >= message.may_be_shown) {
    fail(Fault::duplicated, message, "shown " + std::to_string(message.shown + 1) + " times");
  }
  if (message.cancelled && !cancel_may_be_wrong(message)) {
    fail(Fault::untrue, message, "shown after it was reported cancelled");
  }
  if (message.expired && message.shown == 0 && !message.may_be_retold && now.is_sure &&
      !between_wrong_clocks(message)) {
    fail(Fault::untrue, message, "shown after it was reported expired");
  }
  if (message.never_accepted) {
    fail(Fault::untrue, message, "shown after it was reported as never accepted");
  }
  check_life(message, now);
  if (!disordered_.contains({message.from, to})) {
    check_order(message, received.late, to);
  }
  note_shown(message, to);
}

/// Its sender says that it has expired half an hour after its end; one that came directly may be shown for a
/// while, and one that was confirmed always. (After a start the first node to answer may tell a date that is
/// believed: docs/protocol.md, end of section 2.)
void Model::check_life(const Message& message, const Times& now) const {
  if (now.right > message.expires_at() + limits::clocks_apart + shown_late && message.shown == 0 &&
      !message.delivered && !message.restarted && now.is_sure && !between_wrong_clocks(message)) {
    fail(Fault::untrue, message,
         "shown " + std::to_string((now.right - message.expires_at()) / 1min) + " minutes after its end");
  }
}

void Model::check_order(const Message& message, bool late, const FriendKey& to) const {
  const auto found = highest_shown_.find({message.from, to});
  const Highest highest = found == highest_shown_.end() ? Highest{} : found->second;
  if (late && message.number > highest.of_all) {
    fail(Fault::reordered, message, "marked late though nothing later was shown");
  }
  if (!late && message.number <= highest.for_sure) {
    fail(Fault::reordered, message, "shown after a later one, and not marked");
  }
}

void Model::note_shown(Message& message, const FriendKey& to) {
  ++message.shown;
  Highest& highest = highest_shown_[{message.from, to}];
  last_shown_[to] = {&message, highest.for_sure};
  highest = {std::max(highest.of_all, message.number), std::max(highest.for_sure, message.number)};
}

void Model::shown_of_hostile(const FriendKey& to, const manager::ReceivedMessage& received, UnixTimeMs now) {
  const Id name(crypto::h128({}, {to, received.from, received.id}));
  Message& message = of_hostile_[name];
  if (message.shown >= message.may_be_shown && now < message.sent_at + remembered &&
      !wrong_clocks_.contains(to)) {
    fail(Fault::duplicated, message, "of a hostile friend, shown again");
  }
  message.id = received.id;
  message.from = received.from;
  message.to = to;
  message.text = received.text;
  message.sent_at = now;
  note_shown(message, to);
}

void Model::told(const FriendKey& from, const manager::MessageStatus& status, UnixTimeMs now) {
  Message& message = must_find(status.id, "reported");
  if (message.from != from || message.to != status.to) {
    fail(Fault::misdelivered, message, "reported to somebody else");
  }
  using manager::MessageState;
  if (message.ended() && !message.may_be_retold) {
    fail(Fault::untrue, message, "reported again after its end");
  }
  switch (status.state) {
    case MessageState::queued:
      if (message.queued) {
        fail(Fault::untrue, message, "reported queued twice");
      }
      break;
    case MessageState::stored:
      if (status.stored == 0 || status.stored > status.wanted) {
        fail(Fault::untrue, message, "stored on more nodes than there are");
      }
      message.stored = std::max(message.stored, status.stored);
      break;
    case MessageState::delivered:
      message.delivered = true;
      if (message.shown == 0 && !message.may_be_lost && !message.for_hostile) {
        fail(Fault::untrue, message, "was reported delivered, and was not shown");
      }
      break;
    case MessageState::expired:
      message.expired = true;
      if (now < message.may_end_from() - clocks_agree && !message.cancel_asked && !nodes_failed_ &&
          !(away_ && message.has_lost_its_date())) {
        fail(Fault::untrue, message,
             "reported expired " + std::to_string((message.may_end_from() - now) / 1min) +
                 " minutes before its end");
      }
      break;
    case MessageState::cancelled:
      message.cancelled = true;
      if (!message.cancel_asked) {
        fail(Fault::untrue, message, "reported cancelled, and nobody asked for it");
      }
      if (message.shown > 0 && !cancel_may_be_wrong(message)) {
        fail(Fault::untrue, message, "reported cancelled, and it has been shown");
      }
      break;
    case MessageState::failed:
      message.failed = true;
      message.never_accepted = status.reason == manager::FailReason::disk;
      if (message.never_accepted
              ? message.queued || !failing_disks_.contains(from)
              : status.reason != manager::FailReason::friend_removed || !message.may_fail) {
        fail(Fault::untrue, message, "failed without a reason");
      }
      break;
  }
  message.queued = true;
}

void Model::sealed(const FriendKey& from, const FriendKey& to, const Id& id, const crypto::PreKeyId& pre_key,
                   bool one_time) {
  const Message* const message = find(id);
  if (message != nullptr && (message->from != from || message->to != to)) {
    wrong_on_the_way_ = "sealed by somebody else, or for somebody else";
  }
  if (!one_time) {
    return;
  }
  if (message == nullptr) {
    wrong_on_the_way_ = "a one-time key was used for what is no text";
  }
  with_one_time_key_.insert(id);
  const auto [first, fresh] = one_time_.try_emplace(pre_key, id);
  if (!fresh && first->second != id && !reusing_.contains({from, to}) && !given_again_.contains({from, to})) {
    wrong_on_the_way_ = "one-time key " + to_hex(pre_key) + " was used for two messages";
  }
}

void Model::check_the_way() const {
  if (!wrong_on_the_way_.empty()) {
    throw Broken(Fault::revealed, wrong_on_the_way_);
  }
}

std::vector<std::pair<FriendKey, crypto::PreKeyId>> Model::spent_keys() const {
  std::vector<std::pair<FriendKey, crypto::PreKeyId>> spent;
  for (const auto& [key, id] : one_time_) {
    const Message* const message = find(id);
    if (message != nullptr && message->shown > 0 && !message->may_be_lost && came_.contains(key)) {
      spent.emplace_back(message->to, key);
    }
  }
  return spent;
}

void Model::check_stored_was_shown(const std::set<FriendKey>& absent, UnixTimeMs then, Fault fault) const {
  for (const auto& [id, message] : messages_) {
    const bool excused = message.may_be_lost || message.node_failed || message.cancel_asked ||
                         message.for_hostile || message.expires_at() <= then;
    if (message.stored > hostile_nodes_ && message.shown == 0 && !excused && !absent.contains(message.to)) {
      fail(fault, message,
           "was stored on a node, and is not shown though the recipient had time to fetch it");
    }
  }
}

void Model::check_accepted_was_stored(const std::set<FriendKey>& absent, UnixTimeMs then, Fault fault) const {
  for (const auto& [id, message] : messages_) {
    const bool excused = message.may_be_lost || message.node_failed || message.cancel_asked ||
                         message.forgotten || message.for_hostile || message.ended() ||
                         message.expires_at() <= then + shortest_kept;
    if (message.stored == 0 && message.shown == 0 && !excused && !absent.contains(message.from)) {
      fail(fault, message, "was accepted, and is on no node though its sender had time to store it");
    }
  }
}

void Model::check_queued_was_shown(UnixTimeMs now) const {
  for (const auto& [id, message] : messages_) {
    const bool excused = message.may_be_lost || message.forgotten || message.failed || message.cancel_asked ||
                         message.for_hostile || message.expires_at() <= now;
    if (message.shown == 0 && !excused) {
      fail(Fault::lost, message, "was accepted, and is not shown though both were online together");
    }
  }
}

void Model::check_ended() const {
  for (const auto& [id, message] : messages_) {
    if (!message.forgotten && !message.ended()) {
      fail(Fault::stuck, message,
           std::string("was accepted, and nothing was said of its end; shown ") +
               std::to_string(message.shown) + " times");
    }
  }
}

}  // namespace toxasync::sim
