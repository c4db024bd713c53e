// SPDX-License-Identifier: GPL-3.0-or-later
#include "manager/outbox/outgoing_rows.hpp"

#include <utility>

namespace toxasync::manager {

namespace {

/// Most nodes whose progress is kept for a target: homes change.
constexpr std::size_t progress_nodes = 32;

struct NodeProgress {
  protocol::NodeId node{};
  crypto::Epoch epoch = 0;
  UnixTime renew_at{};

  static constexpr std::size_t min_encoded_size = 32 + 4 + 8;

  static void fields(auto& ar, auto& self) { wire::fields(ar, self.node, self.epoch, self.renew_at); }
};

struct ProgressRecord {
  std::vector<NodeProgress> complete;
  static void fields(auto& ar, auto& self) { wire::fields(ar, wire::bounded<progress_nodes>(self.complete)); }
};

template <class Message>
struct PastRecord {
  Message& message;
  static void fields(auto& ar, auto& self) {
    wire::fields(ar, wire::flag(self.message.beyond_recall),
                 wire::bounded<OutgoingMessage::Past::kept>(self.message.past));
  }
};

/// Table, message id, instance.
Bytes target_key(Table table, const crypto::MessageId& id, crypto::Instance instance) {
  return state_key(table, {id, bytes_of(instance)});
}

/// Nothing: the row is damaged.
template <class Record>
std::optional<Record> decode(const store::StateEntry& entry) {
  Record record;
  if (wire::decode(entry.value, record) != wire::Error::none) {
    return std::nullopt;
  }
  return record;
}

}  // namespace

store::StateWrite put_message(const OutgoingMessage& message) {
  return put_record(state_key(Table::outbox, {message.id}), message);
}

store::StateWrite put_target(const OutgoingMessage& message, const OutgoingMessage::Target& target) {
  return put_record(target_key(Table::target, message.id, target.instance), target);
}

store::StateWrite put_progress(const OutgoingMessage& message, const OutgoingMessage::Target& target) {
  ProgressRecord record;
  for (const auto& copy : target.copies) {
    if (copy.complete && record.complete.size() < progress_nodes) {
      record.complete.push_back({copy.node, copy.epoch, copy.renew_at});
    }
  }
  return put_record(target_key(Table::progress, message.id, target.instance), record);
}

store::StateWrite put_past(const OutgoingMessage& message) {
  return put_record(state_key(Table::sealed_before, {message.id}),
                    PastRecord<const OutgoingMessage>{message});
}

store::StateWrite erase_past(const crypto::MessageId& id) {
  return erase_record(state_key(Table::sealed_before, {id}));
}

store::StateWrite erase_message(const crypto::MessageId& id) {
  return erase_record(state_key(Table::outbox, {id}));
}

void erase_target(const crypto::MessageId& id, crypto::Instance instance, store::StateBatch& batch) {
  batch.push_back(erase_record(target_key(Table::target, id, instance)));
  batch.push_back(erase_record(target_key(Table::progress, id, instance)));
}

std::optional<TargetName> read_target_name(const store::StateEntry& entry) {
  const ByteView name = ByteView(entry.key).subspan(1);
  if (name.size() != sizeof(crypto::MessageId) + sizeof(crypto::Instance)) {
    return std::nullopt;
  }
  return TargetName{id_from<crypto::MessageId>(name), instance_from(name.subspan(sizeof(crypto::MessageId)))};
}

std::optional<OutgoingMessage> read_message(const store::StateEntry& entry) {
  return decode<OutgoingMessage>(entry);
}

std::optional<OutgoingMessage::Target> read_target(const store::StateEntry& entry) {
  return decode<OutgoingMessage::Target>(entry);
}

std::optional<std::vector<OutgoingMessage::Copy>> read_progress(const store::StateEntry& entry) {
  const auto record = decode<ProgressRecord>(entry);
  if (!record) {
    return std::nullopt;
  }
  std::vector<OutgoingMessage::Copy> copies;
  for (const auto& progress : record->complete) {
    auto& copy = copies.emplace_back(progress.node);
    copy.complete = true;
    copy.epoch = progress.epoch;
    copy.renew_at = progress.renew_at;
  }
  return copies;
}

bool read_past(const store::StateEntry& entry, OutgoingMessage& message) {
  PastRecord<OutgoingMessage> record{message};
  return wire::decode(entry.value, record) == wire::Error::none;
}

}  // namespace toxasync::manager
