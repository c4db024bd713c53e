// SPDX-License-Identifier: GPL-3.0-or-later
#include "manager/outbox.hpp"

#include <algorithm>

#include "manager/utf8.hpp"
#include "protocol/live.hpp"

namespace toxasync::manager {

namespace {

struct MessageRecord {
  OutgoingMessage& m;
  template <class Archive>
  void serialize(Archive& ar, unsigned /*version*/) {
    wire::fields(ar, m.id, m.to, m.kind, wire::bounded<limits::message_text>(m.text), m.sequence,
                 m.sent_at_ms, m.ttl_s, m.pre_key, m.root, m.epoch, m.cancel_secret,
                 wire::bounded<limits::parts>(m.envelopes));
  }
};

}  // namespace

Outbox::Outbox(const Services& services, FriendBook& friends, KeyRing& keys)
    : services_(services), friends_(friends), keys_(keys) {}

bool Outbox::load(const store::StateEntry& entry) {
  const auto table = static_cast<Table>(entry.key[0]);
  if (table == Table::progress && entry.key.size() == 1 + sizeof(crypto::MessageId)) {
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
    insert(std::move(message));
  }
  return true;
}

void Outbox::resume(Now now) {
  for (auto& [id, message] : messages_) {
    if (const auto progress = loaded_progress_.find(id); progress != loaded_progress_.end()) {
      for (const auto& node : progress->second) {
        message.copies.emplace_back(node, true);
      }
    }
    deadlines_.set(id, now.steady_ms);
  }
  loaded_progress_.clear();
  resumed_ = true;
}

Outbox::Message* Outbox::find(const crypto::MessageId& id) noexcept {
  const auto found = messages_.find(id);
  return found == messages_.end() ? nullptr : &found->second;
}

void Outbox::insert(Message message) {
  recipients_[message.to].by_sequence.emplace(message.sequence, message.id);
  const auto id = message.id;
  messages_.insert_or_assign(id, std::move(message));
}

const crypto::WritableMailbox* Outbox::mailbox(Recipient& recipient, const crypto::Point& root,
                                               crypto::Epoch epoch) {
  if (!recipient.mailbox || recipient.mailbox->epoch != epoch || recipient.root != root) {
    recipient.mailbox = crypto::friends_mailbox(root, epoch);
    recipient.root = root;
  }
  return recipient.mailbox ? &*recipient.mailbox : nullptr;
}

Result<crypto::MessageId, SendError> Outbox::send(const FriendKey& to, crypto::MessageKind kind,
                                                  ByteView text, Now now) {
  Friend* const whom = friends_.find(to);
  const auto epoch = crypto::epoch_at(now.unix_s());
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
  if (!epoch) {
    return SendError::clock;
  }
  if (!friends_.can_seal(*whom, now.unix_s())) {
    return SendError::no_bundle;
  }
  if (messages_.size() >= services_.config.outbox_messages) {
    return SendError::outbox_full;
  }
  Message message;
  message.id = services_.random.array<16>();
  message.to = to;
  message.kind = kind;
  message.text.assign(text.begin(), text.end());
  message.sequence = whom->next_sequence++;
  message.sent_at_ms = now.unix_ms;
  message.ttl_s = services_.config.ttl_s;
  message.cancel_secret = services_.random.array<16>();
  store::StateBatch batch;
  message.pre_key = friends_.take_pre_key(*whom, now.unix_s(), batch);
  const auto id = message.id;
  insert(std::move(message));
  Message& placed = *find(id);
  if (!seal(placed, *whom,
            *epoch)) {  // a point of the bundle is of low order: it was not made by an honest client
    store::StateBatch ignored;
    remove(placed, ignored);
    return SendError::no_bundle;
  }
  write(placed, std::move(batch));
  return id;
}

/// Seals all parts for the friend's mailbox of `epoch`. Fails only for keys that no honest client gives.
bool Outbox::seal(Message& message, const Friend& whom, crypto::Epoch epoch) {
  Recipient& recipient = recipients_[message.to];
  const auto* const to = mailbox(recipient, whom.theirs->root, epoch);
  if (to == nullptr) {
    return false;
  }
  const std::size_t parts = limits::parts_needed(message.text.size());
  const crypto::EnvelopeHeader header{services_.self.public_key, whom.instance,
                                      crypto::pre_key_id(message.pre_key), message.id};
  std::vector<protocol::PagedEnvelope> envelopes;
  for (std::size_t part = 0; part < parts; ++part) {
    const auto text = ByteView(message.text).subspan(part * limits::large_text);
    const auto piece = text.first(std::min(text.size(), limits::large_text));
    const crypto::EnvelopeBody body{message.sequence,
                                    recipient.by_sequence.begin()->first,
                                    static_cast<std::uint64_t>(message.sent_at_ms),
                                    message.ttl_s,
                                    message.kind,
                                    static_cast<std::uint8_t>(part),
                                    static_cast<std::uint8_t>(parts),
                                    {piece.begin(), piece.end()}};
    auto sealed = crypto::seal_envelope(services_.self, message.to, message.pre_key, *to, header, body,
                                        message.cancel_secret, services_.random);
    if (!sealed) {
      return false;
    }
    envelopes.push_back({std::move(*sealed)});
  }
  message.envelopes = std::move(envelopes);
  message.root = whom.theirs->root;
  message.epoch = epoch;
  for (auto& copy : message.copies) {
    copy.done.reset();
  }
  return true;
}

/// One transaction: the sealed message and what `batch` holds (its pre-key marked as used).
void Outbox::write(Message& message, store::StateBatch batch) {
  batch.push_back(put_record(state_key(Table::outbox, {message.id}), MessageRecord{message}));
  ++message.writes_under_way;
  services_.state.commit(std::move(batch), [this, id = message.id](bool durable) { written(id, durable); });
}

void Outbox::written(const crypto::MessageId& id, bool durable) {
  Message* const message = find(id);
  if (message == nullptr) {
    return;
  }
  --message->writes_under_way;
  const Now now = services_.clock.now();
  if (!durable && !message->reported) {  // it was never accepted
    report(*message, MessageState::failed);
    store::StateBatch ignored;
    remove(*message, ignored);
    return;
  }
  message->unsaved = !durable;
  if (!durable) {
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
    write(message, {});
    return;
  }
  if (whom != nullptr) {
    if (whom->online && !message.offered_live) {
      offer_live(message, *whom, now);
    }
    const bool waits_for_receipt = whom->online && now.steady_ms < message.live_until_ms;
    if (!waits_for_receipt && ready_to_store(message, *whom, now)) {
      store_copies(message, *whom, now);
    }
  }
  schedule(message, now);
}

void Outbox::offer_live(Message& message, Friend& whom, Now now) {
  message.offered_live = true;
  const auto* const to = mailbox(recipients_[message.to], message.root, message.epoch);
  if (to == nullptr) {
    return;
  }
  for (const auto& envelope : message.envelopes) {
    const protocol::LiveEnvelope packet{message.epoch, to->address, envelope.bytes};
    if (!friends_.enqueue(whom, protocol::make_friend_packet(protocol::FriendPacketType::envelope, packet))) {
      return;
    }
    services_.telemetry.count(Counter::live_sent);
  }
  message.live_until_ms = now.steady_ms + live_receipt_ms;
}

void Outbox::schedule(const Message& message, Now now) {
  const std::int64_t left_ms = message.expires_at_ms() - now.unix_ms;
  std::int64_t at = now.steady_ms + std::clamp<std::int64_t>(left_ms, 1, look_again_ms);
  if (message.live_until_ms > now.steady_ms) {
    at = std::min(at, message.live_until_ms);
  }
  for (const auto& copy : message.copies) {
    if (!copy.complete && copy.in_flight == 0 && copy.retry_at_ms > now.steady_ms) {
      at = std::min(at, copy.retry_at_ms);
    }
  }
  deadlines_.set(message.id, at);
}

void Outbox::on_presence(const FriendKey& whom, Now now) {
  const auto found = recipients_.find(whom);
  if (found == recipients_.end()) {
    return;
  }
  for (const auto& [sequence, id] : found->second.by_sequence) {
    Message& message = *find(id);
    message.offered_live = false;
    message.live_until_ms = 0;
  }
  advance_all(whom, now);
}

void Outbox::on_removed(const FriendKey& whom, store::StateBatch& batch) {
  const auto found = recipients_.find(whom);
  if (found == recipients_.end()) {
    return;
  }
  const auto order = found->second.by_sequence;
  for (const auto& [sequence, id] : order) {
    Message& message = *find(id);
    report(message, MessageState::failed);
    remove(message, batch);
  }
  recipients_.erase(whom);
  roomy_.erase(whom);
}

void Outbox::on_receipt(const FriendKey& from, const crypto::MessageId& id) {
  Message* const message = find(id);
  if (message != nullptr && message->to == from && message->reported) {
    finish(*message, MessageState::delivered);
  }
}

void Outbox::report(const Message& message, MessageState state) const {
  static constexpr std::array counters = {Counter::messages_queued, Counter::messages_stored,
                                          Counter::messages_confirmed, Counter::messages_expired,
                                          Counter::messages_failed};
  if (state != MessageState::stored) {
    services_.telemetry.count(counters[static_cast<std::size_t>(state)]);
  }
  MessageStatus status{message.id, message.to, state, 0, 0};
  status.stored = static_cast<std::uint8_t>(std::ranges::count_if(message.copies, &Message::Copy::complete));
  const Friend* const whom = friends_.find(message.to);
  const std::size_t homes = whom != nullptr && whom->theirs ? whom->theirs->home_nodes.size() : 0;
  status.wanted = static_cast<std::uint8_t>(std::max<std::size_t>(homes, status.stored));
  services_.events.state(status);
}

void Outbox::finish(Message& message, MessageState state) {
  store::StateBatch batch;
  report(message, state);
  remove(message, batch);
  services_.state.keep(std::move(batch));
}

/// Forgets a message; `batch` takes it off the disk.
void Outbox::remove(Message& message, store::StateBatch& batch) {
  const auto id = message.id;
  Recipient& recipient = recipients_[message.to];
  for (const auto operation : message.operations) {
    services_.client.abandon(operation, services_.clock.now());
    operations_.erase(operation);
  }
  recipient.in_flight -= message.operations.size();
  recipient.by_sequence.erase({message.sequence, id});
  recipient.waiting.erase({message.sequence, id});
  roomy_.insert(message.to);
  deadlines_.erase(id);
  crypto::wipe(message.text);
  batch.push_back(erase_record(state_key(Table::outbox, {id})));
  batch.push_back(erase_record(state_key(Table::progress, {id})));
  messages_.erase(id);
}

void Outbox::tick(Now now) {
  for (const auto& whom : std::exchange(roomy_, {})) {
    if (const auto found = recipients_.find(whom); found != recipients_.end()) {
      release_waiting(found->second, now);
    }
  }
  while (const auto due = deadlines_.pop_due(now.steady_ms)) {
    if (Message* const message = find(*due)) {
      advance(*message, now);
    }
  }
}

}  // namespace toxasync::manager
