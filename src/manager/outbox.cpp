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
    ar& m.id& m.to& m.kind& wire::bounded<limits::message_text>(m.text) &
        m.sequence& m.sent_at_ms& m.ttl_s& m.pre_key& m.root& m.epoch& m
            .cancel_secret& wire::bounded<limits::parts>(m.envelopes);
  }
};

/// The nodes that have the whole message.
struct ProgressRecord {
  std::vector<protocol::NodeId> complete;
  template <class Archive>
  void serialize(Archive& ar, unsigned /*version*/) {
    ar& wire::bounded<64>(complete);
  }
};

std::vector<protocol::NodeId> complete_nodes(const OutgoingMessage& message) {
  std::vector<protocol::NodeId> nodes;
  for (const auto& copy : message.copies) {
    if (copy.complete && nodes.size() < 64) {
      nodes.push_back(copy.node);
    }
  }
  return nodes;
}

bool is_good(client::StoreOutcome outcome) noexcept {
  return outcome == client::StoreOutcome::stored || outcome == client::StoreOutcome::duplicate ||
         outcome == client::StoreOutcome::gone;
}

}  // namespace

Outbox::Outbox(const Services& services, FriendBook& friends, KeyRing& keys)
    : services_(services), friends_(friends), keys_(keys) {}

bool Outbox::load(const store::StateEntry& entry) {
  const auto table = static_cast<Table>(entry.key[0]);
  if (table == Table::progress && entry.key.size() == 1 + sizeof(crypto::MessageId)) {
    ProgressRecord record;
    if (read_record(services_, entry, record)) {
      loaded_progress_[to_array<16>(ByteView(entry.key).subspan(1))] = std::move(record.complete);
    }
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
        message.copies.push_back({node, true, {}, 0, false, 0, 0});
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
  message.pre_key = friends_.take_pre_key(*whom, batch);
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
  const crypto::EnvelopeHeader header{services_.self.public_key, keys_.instance(),
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
  if (!durable) {
    services_.telemetry.refuse(Counter::state_failed);
    if (!message->reported) {  // it was never accepted
      report(*message, MessageState::failed);
      store::StateBatch ignored;
      remove(*message, ignored);
    } else {  // resealed in memory only: try again later
      message->epoch = 0;
      deadlines_.set(id, services_.clock.now().steady_ms + services_.config.retry_first_ms);
    }
    return;
  }
  if (!message->reported) {
    message->reported = true;
    report(*message, MessageState::queued);
  }
  if (Message* const still = find(id)) {  // the report may have called back
    advance(*still, services_.clock.now());
  }
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
  Friend* const whom = friends_.find(message.to);
  if (!resumed_ || whom == nullptr || message.writes_under_way > 0) {
    return;
  }
  if (now.unix_ms >= message.expires_at_ms()) {
    finish(message, MessageState::expired);
    return;
  }
  if (whom->online && !message.offered_live) {
    offer_live(message, *whom, now);
  }
  const bool waits_for_receipt = whom->online && now.steady_ms < message.live_until_ms;
  if (!waits_for_receipt && ready_to_store(message, *whom, now)) {
    store_copies(message, *whom, now);
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

/// Whether the envelopes can be stored as they are; seals them again when their epoch or root has passed.
bool Outbox::ready_to_store(Message& message, const Friend& whom, Now now) {
  const auto epoch = crypto::epoch_at(now.unix_s());
  if (!epoch || !whom.theirs || whom.theirs->home_nodes.empty()) {
    return false;
  }
  for (const auto& node : whom.theirs->home_nodes) {
    if (std::ranges::find(message.copies, node.id, &Message::Copy::node) == message.copies.end()) {
      message.copies.push_back({node.id, false, {}, 0, false, 0, 0});
    }
  }
  const bool busy = std::ranges::any_of(message.copies, [](const auto& copy) { return copy.in_flight > 0; });
  const bool finished = std::ranges::all_of(message.copies, &Message::Copy::complete);
  const bool current =
      message.epoch + 1 >= *epoch && message.epoch <= *epoch + 1 && message.root == whom.theirs->root;
  if (finished || current || busy) {
    return !finished && current;
  }
  if (seal(message, whom, *epoch)) {
    write(message, {});
  }
  return false;
}

void Outbox::store_copies(Message& message, const Friend& whom, Now now) {
  Recipient& recipient = recipients_[message.to];
  for (std::size_t i = 0; i < message.copies.size(); ++i) {
    auto& copy = message.copies[i];
    const auto is_home = [&copy](const protocol::HomeNode& node) { return node.id == copy.node; };
    if (copy.complete || copy.in_flight > 0 || copy.retry_at_ms > now.steady_ms ||
        std::ranges::none_of(whom.theirs->home_nodes, is_home)) {
      continue;
    }
    if (recipient.in_flight > 0 && recipient.in_flight + message.envelopes.size() > parts_in_flight) {
      if (std::ranges::find(recipient.waiting, message.id) == recipient.waiting.end()) {
        recipient.waiting.push_back(message.id);
      }
      return;
    }
    start_copy(message, i);
  }
}

void Outbox::start_copy(Message& message, std::size_t index) {
  Recipient& recipient = recipients_[message.to];
  const auto* const to = mailbox(recipient, message.root, message.epoch);
  auto& copy = message.copies[index];
  copy.failed = false;
  for (std::size_t part = 0; part < message.envelopes.size() && to != nullptr; ++part) {
    if (copy.done[part]) {
      continue;
    }
    const auto operation = services_.client.store(
        {copy.node, to->clone(), protocol::StoreOp::store, message.ttl_s, message.envelopes[part].bytes},
        services_.clock.now());
    operations_.emplace(operation, PendingStore{message.id, index, part});
    message.operations.insert(operation);
    ++copy.in_flight;
    ++recipient.in_flight;
  }
}

bool Outbox::on_stored(client::OperationId operation, const client::StoreResult& result, Now now) {
  const auto found = operations_.find(operation);
  if (found == operations_.end()) {
    return false;
  }
  const PendingStore pending = found->second;
  operations_.erase(found);
  Message* const message = find(pending.message);
  if (message == nullptr) {
    return true;
  }
  message->operations.erase(operation);
  auto& copy = message->copies[pending.copy];
  Recipient& recipient = recipients_[message->to];
  --copy.in_flight;
  --recipient.in_flight;
  if (is_good(result.outcome)) {
    copy.done.set(pending.part);
  } else {
    copy.failed = true;
    if (result.outcome == client::StoreOutcome::wrong_epoch) {
      services_.telemetry.refuse(Counter::refused_clock);
    }
  }
  if (copy.in_flight == 0) {
    finish_copy(*message, copy, now, result.retry_after_s);
  }
  release_waiting(recipient, now);
  return true;
}

void Outbox::finish_copy(Message& message, Message::Copy& copy, Now now, std::uint16_t retry_after_s) {
  if (copy.done.count() == message.envelopes.size()) {
    copy.complete = true;
    store::StateBatch batch;
    batch.push_back(
        put_record(state_key(Table::progress, {message.id}), ProgressRecord{complete_nodes(message)}));
    services_.state.commit(std::move(batch), nullptr);
    services_.telemetry.count(Counter::messages_stored);
    report(message, MessageState::stored);
  } else {
    const auto& config = services_.config;
    copy.backoff_ms =
        std::min(copy.backoff_ms == 0 ? config.retry_first_ms : 2 * copy.backoff_ms, config.retry_longest_ms);
    const std::int64_t jitter = static_cast<std::int64_t>(
        services_.random.below(static_cast<std::uint64_t>(copy.backoff_ms / 4 + 1)));
    copy.retry_at_ms = now.steady_ms + std::max(copy.backoff_ms + jitter, std::int64_t{retry_after_s} * 1000);
  }
  if (Message* const still = find(message.id)) {
    schedule(*still, now);
  }
}

void Outbox::release_waiting(Recipient& recipient, Now now) {
  // A message that still finds no room goes to the end of the line: each is tried once.
  for (std::size_t turns = recipient.waiting.size(); turns > 0 && !recipient.waiting.empty(); --turns) {
    const auto id = recipient.waiting.front();
    recipient.waiting.pop_front();
    if (Message* const message = find(id)) {
      advance(*message, now);
    }
  }
}

void Outbox::schedule(const Message& message, Now now) {
  std::int64_t at = now.steady_ms + (message.expires_at_ms() - now.unix_ms);
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
  services_.listener.on_message_state(status);
}

void Outbox::finish(Message& message, MessageState state) {
  store::StateBatch batch;
  report(message, state);
  remove(message, batch);
  services_.state.commit(std::move(batch), nullptr);
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
  std::erase(recipient.waiting, id);
  deadlines_.erase(id);
  crypto::wipe(message.text);
  batch.push_back(erase_record(state_key(Table::outbox, {id})));
  batch.push_back(erase_record(state_key(Table::progress, {id})));
  messages_.erase(id);
}

void Outbox::tick(Now now) {
  while (const auto due = deadlines_.pop_due(now.steady_ms)) {
    if (Message* const message = find(*due)) {
      advance(*message, now);
    }
  }
}

}  // namespace toxasync::manager
