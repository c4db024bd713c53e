// SPDX-License-Identifier: GPL-3.0-or-later
#include "manager/outbox/outbox.hpp"

#include <algorithm>
#include <cstdlib>
#include <utility>

#include "manager/core/utf8.hpp"
#include "manager/outbox/outgoing_rows.hpp"

namespace toxasync::manager {

namespace {

/// An earlier run may have sent something of it just before its end.
void note_loaded(OutgoingMessage& message, Now now) {
  const auto note = [now](auto& sealed) {
    for (auto& to : sealed.sent_to) {
      to.last_sent = now.steady;
    }
  };
  std::ranges::for_each(message.targets, note);
  std::ranges::for_each(message.past, note);
}

}  // namespace

Outbox::Outbox(const Services& services, FriendBook& friends, OutboxListener& listener)
    : services_(services),
      friends_(friends),
      listener_(listener),
      backoff_(services.random, services.config.retry_first, services.config.retry_longest),
      messages_(services.telemetry),
      reporter_(friends, services.events, services.telemetry),
      sealer_(services.self, friends, messages_, mailboxes_, services.random, services.telemetry),
      live_(friends, mailboxes_, services.telemetry),
      replicator_({.client = services.client,
                   .state = services.state,
                   .random = services.random,
                   .telemetry = services.telemetry,
                   .messages = messages_,
                   .mailboxes = mailboxes_,
                   .window = window_,
                   .gate = gate_,
                   .backoff = backoff_,
                   .first_offer_again = services.config.first_offer_again},
                  *this),
      canceller_({.client = services.client,
                  .messages = messages_,
                  .mailboxes = mailboxes_,
                  .window = window_,
                  .backoff = backoff_},
                 *this) {}

// --- Acceptance ---

void Outbox::join_loaded() {
  store::StateBatch orphans;
  messages_.join_loaded(orphans);
  if (!orphans.empty()) {
    services_.state.keep(std::move(orphans));
  }
}

void Outbox::resume(Now now) {
  for (const auto& id : messages_.ids()) {
    Message& message = *messages_.find(id);
    if (Installation* const to = bundle_recipient(message)) {
      to->mailed_version = std::max(to->mailed_version, message.bundle_version);
    }
    note_loaded(message, now);
    if (message.stage == Message::Stage::cancelling) {
      canceller_.plan(message);
    }
    deadlines_.set(id, now.steady);
  }
  resumed_at_ = now.steady;
}

Installation* Outbox::bundle_recipient(const Message& message) {
  Friend* const recipient = message.bundle_version != 0 ? friends_.find(message.to) : nullptr;
  return recipient != nullptr ? recipient->installation(message.only) : nullptr;
}

std::optional<SendError> Outbox::refusal(const FriendKey& to, ByteView text, seconds ttl, Now now) {
  const Friend* const recipient = friends_.find(to);
  if (recipient == nullptr) {
    return SendError::unknown_friend;
  }
  if (text.empty()) {
    return SendError::empty;
  }
  if (text.size() > limits::message_text) {
    return SendError::too_long;
  }
  if (!is_utf8(text)) {
    return SendError::not_utf8;
  }
  if (!limits::is_time_to_live(ttl)) {
    return SendError::time_to_live;
  }
  if (!crypto::epoch_at(now.unix_time())) {
    return SendError::clock;
  }
  if (!friends_.can_seal(*recipient)) {
    return SendError::no_bundle;
  }
  if (size() >= services_.config.outbox_messages) {
    return SendError::outbox_full;
  }
  return std::nullopt;
}

Outbox::Message Outbox::make(const FriendKey& to, crypto::MessageKind kind, Bytes text, seconds ttl,
                             Now now) const {
  Message message;
  message.id = services_.random.id<crypto::MessageId>();
  message.to = to;
  message.kind = kind;
  message.text = std::move(text);
  const UnixTimeMs later = services_.clock.date_of(now.steady);
  message.sent_at = later > now.wall + TrustedClock::tolerance ? later : now.wall;
  message.made = now.steady;
  message.undated = !services_.clock.checked();
  message.dated_by_line = services_.clock.is_by_line();
  message.not_before = services_.clock.at_least();
  message.ttl = ttl;
  message.cancel_secret = services_.random.id<crypto::CancelSecret>();
  return message;
}

Result<crypto::MessageId, SendError> Outbox::send(const FriendKey& to, crypto::MessageKind kind,
                                                  ByteView text, seconds ttl, Now now) {
  const seconds lifetime = ttl == 0s ? services_.config.ttl : ttl;
  if (const auto error = refusal(to, text, lifetime, now)) {
    return *error;
  }
  Friend& recipient = *friends_.find(to);
  Message made = make(to, kind, {text.begin(), text.end()}, lifetime, now);
  made.sequence = recipient.next_sequence++;
  Message& message = messages_.insert(std::move(made));
  store::StateBatch batch;
  for (Installation& installation : recipient.theirs) {
    sealer_.add_target(message, recipient, installation, now, batch);
  }
  const auto id = message.id;
  if (std::ranges::none_of(message.targets, &Target::open)) {  // points that no honest client gives
    store::StateBatch ignored;
    remove(message, ignored);
    return SendError::no_bundle;
  }
  friends_.save(recipient, batch);
  batch.push_back(put_message(message));
  write(message, std::move(batch));
  return id;
}

bool Outbox::send_service(const FriendKey& to, crypto::MessageKind kind, Bytes text, crypto::Instance only,
                          std::uint64_t bundle_version, store::StateBatch batch, Now now) {
  Friend* const recipient = friends_.find(to);
  if (recipient == nullptr || !crypto::epoch_at(now.unix_time()) || !friends_.can_seal(*recipient) ||
      !messages_.has_room_for_service(to)) {
    return false;
  }
  Message made = make(to, kind, std::move(text), service_ttl, now);
  made.only = recipient->installation(only) != nullptr ? only : crypto::Instance{};
  made.bundle_version = bundle_version;
  Message& message = messages_.insert(std::move(made));
  batch.push_back(put_message(message));
  write(message, std::move(batch));  // it is sealed when that is on disk
  return true;
}

Result<bool, CancelError> Outbox::cancel(const crypto::MessageId& id, Now now) {
  Message* const message = messages_.find(id);
  if (message == nullptr || message->is_service() || message->delivered) {
    return CancelError::unknown;
  }
  if (message->stage == Message::Stage::cancelling) {
    return true;
  }
  if (message->stage == Message::Stage::too_late || message->beyond_recall ||
      message->receipts_under_way > 0 || std::ranges::any_of(message->targets, &Target::may_go_directly)) {
    return CancelError::too_late;
  }
  abandon(*message);
  canceller_.plan(*message);
  message->stage = Message::Stage::cancelling;
  deadlines_.set(id, now.steady);
  write(*message, {put_message(*message)});  // it goes on when that is on disk; last: an exception says that
                                             // nothing was done
  return true;
}

std::optional<MessageStatus> Outbox::status(const crypto::MessageId& id) const {
  const Message* const message = messages_.find(id);
  if (message == nullptr || message->is_service() || message->delivered) {
    return std::nullopt;
  }
  return reporter_.present_status(*message);
}

std::vector<MessageStatus> Outbox::all() const {
  std::vector<MessageStatus> statuses;
  for (const auto& id : messages_.ids_by_friend()) {
    if (const auto one = status(id)) {
      statuses.push_back(*one);
    }
  }
  return statuses;
}

// --- To the disk ---

/// One transaction. What it says leaves when it is on disk.
void Outbox::write(Message& message, store::StateBatch batch) {
  ++message.writes_under_way;
  services_.state.commit(std::move(batch),
                         [this, id = message.id](bool durable) { on_written(id, durable); });
}

void Outbox::write_all(Message& message) {
  store::StateBatch batch{put_message(message)};
  for (const Target& target : message.targets) {
    batch.push_back(put_target(message, target));
    batch.push_back(put_progress(message, target));
  }
  if (!message.past.empty() || message.beyond_recall) {
    batch.push_back(put_past(message));
  }
  message.unsaved = false;
  write(message, std::move(batch));
}

void Outbox::save_later(Message& message) {
  if (message.receipts_under_way > 0) {
    message.unsaved = true;
  } else {
    services_.state.keep({put_message(message)});
  }
}

void Outbox::on_written(const crypto::MessageId& id, bool durable) {
  Message* const message = messages_.find(id);
  if (message == nullptr) {
    return;
  }
  --message->writes_under_way;
  const Now now = services_.clock.now();
  if (!durable && !message->reported && !message->is_service()) {  // it was never accepted
    reporter_.report(*message, MessageState::failed, FailReason::disk);
    store::StateBatch ignored;
    remove(*message, ignored);
    return;
  }
  if (!durable) {
    message->unsaved = true;
    deadlines_.set(id, now.steady + services_.config.retry_first);
    return;
  }
  if (!message->reported) {
    message->reported = true;
    reporter_.report(*message, MessageState::queued);
  }
  advance(*message, now);
}

// --- What comes next ---

void Outbox::advance_all(const FriendKey& to, Now now) {
  for (const auto& id : messages_.ids_to(to)) {
    advance(id, now);
  }
}

void Outbox::advance(const crypto::MessageId& id, Now now) {
  if (Message* const message = messages_.find(id)) {
    advance(*message, now);
  }
}

/// Does the next thing for a message: live to a friend who is online, else to their home nodes.
void Outbox::advance(Message& message, Now now) {
  if (!resumed_at_ || message.writes_under_way > 0 || message.receipts_under_way > 0) {
    return;
  }
  if (is_over(message, now)) {
    finish(message, MessageState::expired);
    return;
  }
  Friend* const recipient = friends_.find(message.to);
  if (recipient != nullptr && message.unsaved) {
    write_all(message);
    return;
  }
  if (message.stage == Message::Stage::cancelling) {
    if (canceller_.advance(message, now)) {
      finish(message, MessageState::cancelled);
    } else {
      schedule(message, now);
    }
    return;
  }
  if (recipient != nullptr && message.stage == Message::Stage::under_way && now.wall < message.expires_at() &&
      !advance_targets(message, *recipient, now)) {
    return;
  }
  if (message.is_done()) {
    finish(message, MessageState::delivered);
  } else {
    schedule(message, now);
  }
}

/// False: it goes on when something is on disk, or with the next tick.
bool Outbox::advance_targets(Message& message, Friend& recipient, Now now) {
  const auto gone = [&](const Target& target) { return recipient.installation(target.instance) == nullptr; };
  if (std::ranges::any_of(message.targets, gone)) {
    abandon(message);  // what is under way for the other installations is started again
  }
  store::StateBatch batch;
  switch (sealer_.sync(message, recipient, now, batch)) {
    case MessageSealer::Sync::changed:
      write(message, std::move(batch));
      return false;
    case MessageSealer::Sync::later:
      deadlines_.set(message.id, now.steady + 1ms);
      return false;
    case MessageSealer::Sync::current:
      break;
  }
  for (Target& target : message.targets) {
    Installation* const to = recipient.installation(target.instance);
    if (target.open() && target.key_refused && to != nullptr) {
      answer_nack(message, target, recipient, now);
    } else if (target.open() && to != nullptr) {
      advance_target(message, target, recipient, *to, now);
    }
  }
  return message.writes_under_way == 0;
}

void Outbox::advance_target(Message& message, Target& target, Friend& recipient, const Installation& to,
                            Now now) {
  if (recipient.online && !target.offered_live && !message.is_service()) {
    if (!std::exchange(target.may_go_directly, true)) {
      write(message, {put_target(message, target)});
      return;
    }
    live_.offer(message, target, recipient, now);
  }
  if (!recipient.online || now.steady >= target.live_until) {  // else its receipt is waited for
    replicate(message, target, recipient, to, now);
  }
}

void Outbox::replicate(Message& message, Target& target, const Friend& recipient, const Installation& to,
                       Now now) {
  const auto epoch = epoch_for(to);
  const auto readiness = replicator_.prepare(target, to, epoch, now);
  store::StateBatch batch;
  if (readiness == Replicator::Readiness::ready) {
    if (MessageSealer::add_destinations(message, target, to, batch)) {
      write(message, std::move(batch));
    } else {
      replicator_.store(message, target, to, now);
    }
  } else if (readiness == Replicator::Readiness::stale && !sealer_.may_seal()) {
    deadlines_.set(message.id, now.steady + 1ms);
  } else if (readiness == Replicator::Readiness::stale &&
             sealer_.seal(message, target, recipient, to, epoch, batch)) {
    write(message, std::move(batch));
  }
}

/// In the order of the messages, as far as there is room.
void Outbox::on_room(const FriendKey& to, const protocol::NodeId& node, Now now) {
  while (const auto first = window_.first_waiting(to, node)) {
    Message* const message = messages_.find(first->second);
    const auto fits = [&](const Target& target) {
      return window_.has_room(to, node, target.envelopes.size());
    };
    if (message != nullptr && std::ranges::none_of(message->targets, fits)) {
      return;
    }
    window_.stop_waiting(to, *first);
    if (message != nullptr) {
      advance(*message, now);
      if (window_.is_waiting(to, node, *first)) {
        return;  // one of its targets is too large for the room there is
      }
    }
  }
}

/// In the order of the messages: one of them, or all if it is open.
void Outbox::on_box(const BoxGate::Box& box, Now now) {
  while (gate_.may_ask(box, now)) {
    const auto place = gate_.pop_waiting(box);
    if (!place) {
      return;
    }
    advance(place->second, now);
  }
}

void Outbox::on_cancel_too_late(Message& message, Now now) {
  abandon(message);
  save_later(message);
  schedule(message, now);
}

void Outbox::on_node_answer(const protocol::NodeId& node, Now now) {
  for (const auto& [id, retry_at] : replicator_.on_node_answer(node, now)) {
    deadlines_.set_earlier(id, retry_at);
  }
}

void Outbox::tick(Now now) {
  sealer_.begin_tick();
  for (const auto& to : window_.take_noted()) {
    for (const auto& node : window_.waited_for(to)) {
      on_room(to, node, now);
    }
  }
  while (const auto box = gate_.pop_due(now)) {
    on_box(*box, now);
  }
  while (const auto due = deadlines_.pop_due(now.steady)) {
    advance(*due, now);
  }
}

// --- What friends say ---

void Outbox::on_presence(const FriendKey& who, Now now) {
  for (const auto& id : messages_.ids_to(who)) {
    std::ranges::for_each(messages_.find(id)->targets, LiveSender::reset);
  }
  advance_all(who, now);
}

void Outbox::drop_bundles(const FriendKey& to, crypto::Instance instance) {
  for (const auto& id : messages_.ids_to(to)) {
    Message* const message = messages_.find(id);
    if (message != nullptr && message->kind == crypto::MessageKind::bundle && message->only == instance) {
      finish(*message, MessageState::cancelled);
    }
  }
}

void Outbox::on_removed(const FriendKey& who, store::StateBatch& batch) {
  for (const auto& id : messages_.ids_to(who)) {
    Message& message = *messages_.find(id);
    if (!message.is_service() && !message.delivered) {
      reporter_.report_end(message, MessageState::failed, FailReason::friend_removed, batch);
    }
    remove(message, batch);
  }
  messages_.forget(who);
  mailboxes_.forget(who);
  window_.forget(who);
  gate_.forget(who);
}

// --- The end ---

void Outbox::abandon(Message& message) {
  const Now now = services_.clock.now();
  canceller_.abandon(message, now);  // these were started first
  replicator_.abandon(message, now);
}

/// Forgets a message; `batch` takes it off the disk.
void Outbox::remove(Message& message, store::StateBatch& batch) {
  abandon(message);
  replicator_.forget(message);
  sealer_.forget_targets(message, batch);
  window_.stop_waiting(message.to, message.place());
  window_.note_room(message.to);
  deadlines_.erase(message.id);
  batch.push_back(erase_message(message.id));
  messages_.erase(message);
}

void Outbox::finish(Message& message, MessageState state) {
  store::StateBatch batch;
  if (!message.is_service() && !message.delivered) {  // else the end was reported
    reporter_.report_end(message, state, FailReason::none, batch);
  }
  if (Installation* const to = bundle_recipient(message); to != nullptr && state == MessageState::expired) {
    to->mailed_version = 0;  // it is mailed anew
  }
  remove(message, batch);
  services_.state.keep(std::move(batch));
}

}  // namespace toxasync::manager
