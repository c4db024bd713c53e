// SPDX-License-Identifier: GPL-3.0-or-later
#include <algorithm>

#include "manager/outbox.hpp"

// The copies of a message on the recipient's home nodes (docs/protocol.md, sections 4 and 6).

namespace toxasync::manager {

namespace {

/// The nodes that have the whole message.
struct ProgressRecord {
  std::vector<protocol::NodeId> complete;
  template <class Archive>
  void serialize(Archive& ar, unsigned /*version*/) {
    wire::fields(ar, wire::bounded<64>(complete));
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

bool is_home(const std::vector<protocol::HomeNode>& homes, const protocol::NodeId& node) noexcept {
  return std::ranges::find(homes, node, &protocol::HomeNode::id) != homes.end();
}

}  // namespace

void Outbox::load_progress(const store::StateEntry& entry) {
  ProgressRecord record;
  if (read_record(services_, entry, record)) {
    loaded_progress_[to_array<16>(ByteView(entry.key).subspan(1))] = std::move(record.complete);
  }
}

/// Whether the envelopes can be stored as they are; seals them again when their epoch or root has passed.
bool Outbox::ready_to_store(Message& message, const Friend& whom, Now now) {
  const auto epoch = crypto::epoch_at(now.unix_s());
  if (!epoch || !whom.theirs || whom.theirs->home_nodes.empty()) {
    return false;
  }
  const auto& homes = whom.theirs->home_nodes;
  std::erase_if(message.copies, [&](const auto& copy) {
    return !copy.complete && copy.in_flight == 0 && !is_home(homes, copy.node);
  });
  bool finished = true;
  for (const auto& node : homes) {
    const auto copy = std::ranges::find(message.copies, node.id, &Message::Copy::node);
    if (copy == message.copies.end()) {
      message.copies.emplace_back(node.id, false);
      finished = false;
    } else {
      finished = finished && copy->complete;
    }
  }
  const bool busy = std::ranges::any_of(message.copies, [](const auto& copy) { return copy.in_flight > 0; });
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
  recipient.waiting.erase({message.sequence, message.id});
  for (auto& copy : message.copies) {
    if (copy.complete || copy.in_flight > 0 || copy.retry_at_ms > now.steady_ms ||
        !is_home(whom.theirs->home_nodes, copy.node)) {
      continue;
    }
    if (!has_room(recipient, message)) {
      recipient.waiting.emplace(message.sequence, message.id);
      return;
    }
    start_copy(message, copy, now);
  }
}

bool Outbox::has_room(const Recipient& recipient, const Message& message) noexcept {
  return recipient.in_flight == 0 || recipient.in_flight + message.envelopes.size() <= parts_in_flight;
}

void Outbox::start_copy(Message& message, Message::Copy& copy, Now now) {
  Recipient& recipient = recipients_[message.to];
  const auto* const to = mailbox(recipient, message.root, message.epoch);
  for (std::size_t part = 0; part < message.envelopes.size() && to != nullptr; ++part) {
    if (copy.done[part]) {
      continue;
    }
    const auto operation = services_.client.store(
        {copy.node, to->clone(), protocol::StoreOp::store, message.ttl_s, message.envelopes[part].bytes},
        now);
    operations_.emplace(operation, PendingStore{message.id, copy.node, part});
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
  Recipient& recipient = recipients_[message->to];
  --recipient.in_flight;
  const auto copy = std::ranges::find(message->copies, pending.node, &Message::Copy::node);
  if (copy != message->copies.end()) {
    --copy->in_flight;
    if (is_good(result.outcome)) {
      copy->done.set(pending.part);
    } else if (result.outcome == client::StoreOutcome::wrong_epoch) {
      services_.telemetry.refuse(Counter::refused_clock);
    }
    if (copy->in_flight == 0) {
      finish_copy(*message, *copy, now, result.retry_after_s);
    }
  }
  release_waiting(recipient, now);
  return true;
}

void Outbox::finish_copy(Message& message, Message::Copy& copy, Now now, std::uint16_t retry_after_s) {
  if (copy.done.count() == message.envelopes.size()) {
    copy.complete = true;
    services_.state.keep(
        {put_record(state_key(Table::progress, {message.id}), ProgressRecord{complete_nodes(message)})});
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
  advance(message, now);  // its other copies may have waited for this one, to be sealed again
}

/// In the order of the messages, as far as there is room.
void Outbox::release_waiting(Recipient& recipient, Now now) {
  while (!recipient.waiting.empty()) {
    const auto first = *recipient.waiting.begin();
    Message* const message = find(first.second);
    if (message != nullptr && !has_room(recipient, *message)) {
      return;
    }
    recipient.waiting.erase(first);
    if (message != nullptr) {
      advance(*message, now);
    }
  }
}

}  // namespace toxasync::manager
