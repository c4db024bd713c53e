// SPDX-License-Identifier: GPL-3.0-or-later
#include "manager/outbox/outbox.hpp"

#include <algorithm>
#include <cstdlib>
#include <utility>

#include "manager/core/utf8.hpp"
#include "protocol/live.hpp"

namespace toxasync::manager {

namespace {

struct MessageRecord {
  OutgoingMessage& m;
  template <class Archive>
  void serialize(Archive& ar, unsigned /*version*/) {
    auto delivered = static_cast<std::uint8_t>(m.delivered);
    wire::fields(ar, m.id, m.to, m.kind, wire::bounded<limits::message_text>(m.text), m.sequence,
                 m.sent_at_ms, m.ttl_s, m.cancel_secret, m.only, m.bundle_version, delivered, m.stage);
    m.delivered = delivered != 0;
  }
};

}  // namespace

Outbox::Outbox(const Services& services, FriendBook& friends, Hooks hooks)
    : services_(services), friends_(friends), hooks_(std::move(hooks)) {}

bool Outbox::load(const store::StateEntry& entry) {
  const auto table = static_cast<Table>(entry.key[0]);
  const std::size_t name_size = entry.key.size() - 1;
  if (table == Table::target && name_size == sizeof(crypto::MessageId) + 8) {
    load_target(entry);
    return true;
  }
  if (table == Table::progress && name_size == sizeof(crypto::MessageId) + 8) {
    load_progress(entry);
    return true;
  }
  if (table != Table::outbox) {
    return false;
  }
  Message message;
  MessageRecord record{message};
  if (read_record(services_, entry, record)) {
    message.reported = true;
    message.loaded = true;
    insert(std::move(message));
  }
  return true;
}

void Outbox::resume(Now now) {
  for (auto& [id, message] : messages_) {
    if (message.bundle_version != 0) {
      Friend* const whom = friends_.find(message.to);
      if (Installation* const to = whom != nullptr ? whom->installation(message.only) : nullptr) {
        to->mailed_version = std::max(to->mailed_version, message.bundle_version);
      }
    }
    if (message.stage == Message::Stage::cancelling) {
      plan_cancel(message);
    }
    deadlines_.set(id, now.steady_ms);
  }
  resumed_ = true;
}

Outbox::Message* Outbox::find(const crypto::MessageId& id) noexcept {
  const auto found = messages_.find(id);
  return found == messages_.end() ? nullptr : &found->second;
}

Outbox::Message& Outbox::insert(Message message) {
  recipients_[message.to].by_sequence.emplace(message.sequence, message.id);
  service_count_ += message.is_service() ? 1 : 0;
  const auto id = message.id;
  return messages_.insert_or_assign(id, std::move(message)).first->second;
}

Result<crypto::MessageId, SendError> Outbox::send(const FriendKey& to, crypto::MessageKind kind,
                                                  ByteView text, std::uint32_t ttl_s, Now now) {
  Friend* const whom = friends_.find(to);
  if (whom == nullptr) {
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
  const std::uint32_t lifetime_s = ttl_s == 0 ? services_.config.ttl_s : ttl_s;
  if (!limits::is_time_to_live(lifetime_s)) {
    return SendError::time_to_live;
  }
  if (!crypto::epoch_at(now.unix_s())) {
    return SendError::clock;
  }
  if (!friends_.can_seal(*whom, now.unix_s())) {
    return SendError::no_bundle;
  }
  if (size() >= services_.config.outbox_messages) {
    return SendError::outbox_full;
  }
  Message message;
  message.id = services_.random.array<16>();
  message.to = to;
  message.kind = kind;
  message.text.assign(text.begin(), text.end());
  message.sequence = whom->next_sequence++;
  message.sent_at_ms = now.unix_ms;
  message.ttl_s = lifetime_s;
  message.cancel_secret = services_.random.array<16>();
  Message& placed = insert(std::move(message));
  store::StateBatch batch;
  for (Installation& installation : whom->theirs) {
    add_target(placed, *whom, installation, now, batch);
  }
  const auto id = placed.id;
  if (std::ranges::none_of(placed.targets, &Target::open)) {  // points that no honest client gives
    store::StateBatch ignored;
    remove(placed, ignored);
    return SendError::no_bundle;
  }
  friends_.save(*whom, batch);
  batch.push_back(message_write(placed));
  write(placed, std::move(batch));
  return id;
}

bool Outbox::send_service(const FriendKey& to, crypto::MessageKind kind, Bytes text, std::uint64_t only,
                          std::uint64_t bundle_version, store::StateBatch batch, Now now) {
  Friend* const whom = friends_.find(to);
  if (whom == nullptr || !crypto::epoch_at(now.unix_s()) || !friends_.can_seal(*whom, now.unix_s()) ||
      service_count_ >= service_messages) {
    return false;
  }
  Message message;
  message.id = services_.random.array<16>();
  message.to = to;
  message.kind = kind;
  message.text = std::move(text);
  message.sent_at_ms = now.unix_ms;
  message.ttl_s = service_ttl_s;
  message.cancel_secret = services_.random.array<16>();
  message.only = whom->installation(only) != nullptr ? only : 0;
  message.bundle_version = bundle_version;
  Message& placed = insert(std::move(message));
  batch.push_back(message_write(placed));
  write(placed, std::move(batch));  // it is sealed when that is on disk
  return true;
}

store::StateWrite Outbox::message_write(const Message& message) {
  auto copy = MessageRecord{const_cast<Message&>(message)};
  return put_record(state_key(Table::outbox, {message.id}), copy);
}

/// One transaction. What it says leaves when it is on disk.
void Outbox::write(Message& message, store::StateBatch batch) {
  ++message.writes_under_way;
  services_.state.commit(std::move(batch), [this, id = message.id](bool durable) { written(id, durable); });
}

void Outbox::write_all(Message& message) {
  store::StateBatch batch{message_write(message)};
  for (Target& target : message.targets) {
    batch.push_back(target_write(message, target));
  }
  message.unsaved = false;
  write(message, std::move(batch));
}

void Outbox::written(const crypto::MessageId& id, bool durable) {
  Message* const message = find(id);
  if (message == nullptr) {
    return;
  }
  --message->writes_under_way;
  const Now now = services_.clock.now();
  if (!durable && !message->reported && !message->is_service()) {  // it was never accepted
    report(*message, MessageState::failed, FailReason::disk);
    store::StateBatch ignored;
    remove(*message, ignored);
    return;
  }
  if (!durable) {
    message->unsaved = true;
    deadlines_.set(id, now.steady_ms + services_.config.retry_first_ms);
    return;
  }
  if (!message->reported) {
    message->reported = true;
    report(*message, MessageState::queued);
  }
  advance(*message, now);
}

void Outbox::advance_all(const FriendKey& whom, Now now) {
  const auto found = recipients_.find(whom);
  if (found == recipients_.end()) {
    return;
  }
  const auto order = found->second.by_sequence;  // advance() may end messages
  for (const auto& [sequence, id] : order) {
    if (Message* const message = find(id)) {
      advance(*message, now);
    }
  }
}

/// Does the next thing for a message: live to a friend who is online, else to his home nodes.
void Outbox::advance(Message& message, Now now) {
  if (!resumed_ || message.writes_under_way > 0) {
    return;
  }
  if (now.unix_ms >= message.expires_at_ms()) {
    finish(message, MessageState::expired);
    return;
  }
  Friend* const whom = friends_.find(message.to);
  if (whom != nullptr && message.unsaved) {
    write_all(message);
    return;
  }
  if (message.stage == Message::Stage::cancelling) {
    advance_cancel(message, now);
    return;
  }
  if (whom != nullptr && message.stage == Message::Stage::under_way) {
    const Sync sync = sync_targets(message, *whom, now);
    if (sync == Sync::writing) {
      return;
    }
    if (sync == Sync::later) {
      deadlines_.set(message.id, now.steady_ms + 1);
      return;
    }
    for (Target& target : message.targets) {
      if (target.open()) {
        advance_target(message, target, *whom, now);
      }
    }
    if (message.writes_under_way > 0) {
      return;
    }
  }
  if (is_done(message)) {
    finish(message, MessageState::delivered);
    return;
  }
  schedule(message, now);
}

void Outbox::advance_target(Message& message, Target& target, Friend& whom, Now now) {
  const Installation* const to = whom.installation(target.instance);
  if (to == nullptr) {
    return;
  }
  if (whom.online && !target.offered_live && !message.is_service()) {
    if (!std::exchange(target.may_go_directly, true)) {
      write(message, {target_write(message, target)});
      return;
    }
    offer_live(message, target, whom, now);
  }
  const bool waits_for_receipt = whom.online && now.steady_ms < target.live_until_ms;
  if (!waits_for_receipt && ready_to_store(message, target, whom, now)) {
    store_copies(message, target, *to, now);
  }
}

void Outbox::offer_live(Message& message, Target& target, Friend& whom, Now now) {
  target.offered_live = true;
  const auto* const to = mailbox(recipients_[message.to], target.root, target.epoch);
  if (to == nullptr) {
    return;
  }
  for (const auto& envelope : target.envelopes) {
    const protocol::LiveEnvelope packet{target.epoch, to->address, envelope.bytes};
    if (!friends_.enqueue(whom, protocol::make_friend_packet(protocol::FriendPacketType::envelope, packet))) {
      return;
    }
    services_.telemetry.count(Counter::live_sent);
  }
  target.live_until_ms = now.steady_ms + live_receipt_ms;
}

/// Whether nothing is left to do: every installation has confirmed a text; a receipt, which nobody confirms,
/// is on all nodes.
bool Outbox::is_done(const Message& message) noexcept {
  const bool unconfirmed_kind =
      message.kind == crypto::MessageKind::receipt || message.kind == crypto::MessageKind::nack;
  const auto done = [&](const Target& target) {
    const bool stored = !target.copies.empty() && std::ranges::all_of(target.copies, &Copy::complete);
    return !target.open() || (unconfirmed_kind && stored);
  };
  return (message.delivered || message.is_service()) && std::ranges::all_of(message.targets, done) &&
         (message.delivered || !message.targets.empty());
}

void Outbox::schedule(const Message& message, Now now) {
  const std::int64_t left_ms = message.expires_at_ms() - now.unix_ms;
  std::int64_t at = now.steady_ms + std::clamp<std::int64_t>(left_ms, 1, look_again_ms);
  for (const Target& target : message.targets) {
    if (target.live_until_ms > now.steady_ms) {
      at = std::min(at, target.live_until_ms);
    }
    for (const Copy& copy : target.copies) {
      const std::int64_t due = copy.complete ? copy.offer_again_ms : copy.retry_at_ms;
      if (target.open() && copy.in_flight == 0 && due > now.steady_ms) {
        at = std::min(at, due);
      }
      if (target.open() && copy.complete && copy.renew_at_s > now.unix_s()) {
        at = std::min(at, now.steady_ms + 1000 * copy.renew_at_s - now.unix_ms);
      }
    }
  }
  if (message.stage == Message::Stage::cancelling && message.cancel_retry_ms > now.steady_ms) {
    at = std::min(at, message.cancel_retry_ms);
  }
  deadlines_.set(message.id, at);
}

void Outbox::on_presence(const FriendKey& whom, Now now) {
  const auto found = recipients_.find(whom);
  if (found == recipients_.end()) {
    return;
  }
  for (const auto& [sequence, id] : found->second.by_sequence) {
    for (Target& target : find(id)->targets) {
      target.offered_live = false;
      target.live_until_ms = 0;
    }
  }
  advance_all(whom, now);
}

void Outbox::drop_bundles(const FriendKey& whom, std::uint64_t instance) {
  const auto found = recipients_.find(whom);
  if (found == recipients_.end()) {
    return;
  }
  const auto order = found->second.by_sequence;
  for (const auto& [sequence, id] : order) {
    Message* const message = find(id);
    if (message != nullptr && message->kind == crypto::MessageKind::bundle && message->only == instance) {
      finish(*message, MessageState::cancelled);
    }
  }
}

void Outbox::on_removed(const FriendKey& whom, store::StateBatch& batch) {
  const auto found = recipients_.find(whom);
  if (found == recipients_.end()) {
    return;
  }
  const auto order = found->second.by_sequence;
  for (const auto& [sequence, id] : order) {
    Message& message = *find(id);
    if (!message.is_service() && !message.delivered) {
      batch.push_back(
          services_.events.ended_write(status_of(message, MessageState::failed), FailReason::friend_removed));
      report(message, MessageState::failed, FailReason::friend_removed);
    }
    remove(message, batch);
  }
  recipients_.erase(whom);
  roomy_.erase(whom);
}

void Outbox::on_receipt(const FriendKey& from, std::uint64_t instance, const crypto::MessageId& id) {
  Message* const message = find(id);
  if (message == nullptr || message->to != from || !message->reported) {
    return;
  }
  if (message->kind == crypto::MessageKind::bundle) {
    const auto version = message->bundle_version;
    finish(*message, MessageState::delivered);
    hooks_.on_bundle_taken(from, version, instance);
    return;
  }
  store::StateBatch batch;
  if (Target* const target = message->target(instance); target != nullptr && !target->confirmed) {
    target->confirmed = true;
    target->envelopes.clear();
    target->past.clear();
    target->copies.clear();
    set_unconfirmed(*message, instance, false);
    batch.push_back(target_write(*message, *target));
  }
  const bool first = !std::exchange(message->delivered, true);
  if (first) {
    batch.push_back(
        services_.events.ended_write(status_of(*message, MessageState::delivered), FailReason::none));
    report(*message, MessageState::delivered);
  }
  if (is_done(*message)) {
    remove(*message, batch);
  } else if (first) {  // other installations of his are still without it
    message->stage = Message::Stage::under_way;
    message->cancel_jobs.clear();
    batch.push_back(message_write(*message));
  }
  if (!batch.empty()) {
    services_.state.keep(std::move(batch));
  }
}

void Outbox::abandon_operations(Message& message) {
  for (const auto operation : message.operations) {
    services_.client.abandon(operation, services_.clock.now());
    operations_.erase(operation);
  }
  recipients_[message.to].in_flight -= message.operations.size();
  message.operations.clear();
  for (Target& target : message.targets) {
    for (Copy& copy : target.copies) {
      copy.in_flight = 0;
    }
  }
}

void Outbox::forget_unanswered(const Message& message) {
  for (const Target& target : message.targets) {
    for (const Copy& copy : target.copies) {
      const auto found = unanswered_.find(copy.node);
      if (found != unanswered_.end() && found->second.erase(message.id) != 0 && found->second.empty()) {
        unanswered_.erase(found);
      }
    }
  }
}

/// Forgets a message; `batch` takes it off the disk.
void Outbox::remove(Message& message, store::StateBatch& batch) {
  const auto id = message.id;
  abandon_operations(message);
  forget_unanswered(message);
  while (!message.targets.empty()) {
    drop_target(message, message.targets.back().instance, batch);
  }
  Recipient& recipient = recipients_[message.to];
  recipient.by_sequence.erase({message.sequence, id});
  recipient.waiting.erase({message.sequence, id});
  roomy_.insert(message.to);
  deadlines_.erase(id);
  service_count_ -= message.is_service() ? 1 : 0;
  crypto::wipe(message.text);
  batch.push_back(erase_record(state_key(Table::outbox, {id})));
  messages_.erase(id);
}

void Outbox::tick(Now now) {
  seals_left_ = seals_per_tick;
  for (const auto& whom : std::exchange(roomy_, {})) {
    if (const auto found = recipients_.find(whom); found != recipients_.end()) {
      release_waiting(found->second, now);
    }
  }
  const std::int64_t ahead_ms = now.unix_ms - now.steady_ms;
  if (std::abs(ahead_ms - std::exchange(wall_clock_ahead_ms_, ahead_ms)) > clock_was_set_ms) {
    for (const auto& [id, message] : messages_) {
      deadlines_.set(id, now.steady_ms);
    }
  }
  while (const auto due = deadlines_.pop_due(now.steady_ms)) {
    if (Message* const message = find(*due)) {
      advance(*message, now);
    }
  }
}

}  // namespace toxasync::manager
