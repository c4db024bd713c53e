// SPDX-License-Identifier: GPL-3.0-or-later
#include "manager/outbox/outgoing_rows.hpp"

#include <utility>

namespace toxasync::manager {

namespace {

/// Most nodes whose progress is kept for a target: homes change.
constexpr std::size_t progress_nodes = 32;

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

struct TargetRecord {
  OutgoingMessage::Target& t;
  template <class Archive>
  void serialize(Archive& ar, unsigned /*version*/) {
    auto confirmed = static_cast<std::uint8_t>(t.confirmed);
    auto may_go_directly = static_cast<std::uint8_t>(t.may_go_directly);
    wire::fields(ar, confirmed, may_go_directly, t.nacks, t.pre_key, t.root, t.epoch,
                 wire::bounded<limits::parts>(t.envelopes),
                 wire::bounded<OutgoingMessage::Past::kept>(t.past));
    t.confirmed = confirmed != 0;
    t.may_go_directly = may_go_directly != 0;
  }
};

struct NodeProgress {
  protocol::NodeId node{};
  crypto::Epoch epoch = 0;
  std::uint64_t renew_at_s = 0;

  static constexpr std::size_t min_encoded_size = 32 + 4 + 8;

  template <class Archive>
  void serialize(Archive& ar, unsigned /*version*/) {
    wire::fields(ar, node, epoch, renew_at_s);
  }
};

struct ProgressRecord {
  std::vector<NodeProgress> complete;
  template <class Archive>
  void serialize(Archive& ar, unsigned /*version*/) {
    wire::fields(ar, wire::bounded<progress_nodes>(complete));
  }
};

/// Table, message id, instance.
Bytes target_key(Table table, const crypto::MessageId& id, std::uint64_t instance) {
  return state_key(table, {id, bytes_of(instance)});
}

template <class Record>
bool decodes(const store::StateEntry& entry, Record record) {
  return wire::decode(entry.value, record) == wire::Error::none;
}

}  // namespace

store::StateWrite put_message(const OutgoingMessage& message) {
  return put_record(state_key(Table::outbox, {message.id}),
                    MessageRecord{const_cast<OutgoingMessage&>(message)});
}

store::StateWrite put_target(const OutgoingMessage& message, const OutgoingMessage::Target& target) {
  return put_record(target_key(Table::target, message.id, target.instance),
                    TargetRecord{const_cast<OutgoingMessage::Target&>(target)});
}

store::StateWrite put_progress(const OutgoingMessage& message, const OutgoingMessage::Target& target) {
  ProgressRecord record;
  for (const auto& copy : target.copies) {
    if (copy.complete && record.complete.size() < progress_nodes) {
      record.complete.push_back({copy.node, copy.epoch, static_cast<std::uint64_t>(copy.renew_at_s)});
    }
  }
  return put_record(target_key(Table::progress, message.id, target.instance), record);
}

store::StateWrite erase_message(const crypto::MessageId& id) {
  return erase_record(state_key(Table::outbox, {id}));
}

void erase_target(const crypto::MessageId& id, std::uint64_t instance, store::StateBatch& batch) {
  batch.push_back(erase_record(target_key(Table::target, id, instance)));
  batch.push_back(erase_record(target_key(Table::progress, id, instance)));
}

std::optional<TargetName> read_target_name(const store::StateEntry& entry) {
  const ByteView name = ByteView(entry.key).subspan(1);
  if (name.size() != sizeof(crypto::MessageId) + sizeof(std::uint64_t)) {
    return std::nullopt;
  }
  return TargetName{to_array<16>(name), load_le<std::uint64_t>(name.data() + sizeof(crypto::MessageId))};
}

std::optional<OutgoingMessage> read_message(const store::StateEntry& entry) {
  OutgoingMessage message;
  return decodes(entry, MessageRecord{message}) ? std::optional(std::move(message)) : std::nullopt;
}

std::optional<OutgoingMessage::Target> read_target(const store::StateEntry& entry) {
  OutgoingMessage::Target target;
  return decodes(entry, TargetRecord{target}) ? std::optional(std::move(target)) : std::nullopt;
}

std::optional<std::vector<OutgoingMessage::Copy>> read_progress(const store::StateEntry& entry) {
  ProgressRecord record;
  if (wire::decode(entry.value, record) != wire::Error::none) {
    return std::nullopt;
  }
  std::vector<OutgoingMessage::Copy> copies;
  for (const auto& progress : record.complete) {
    auto& copy = copies.emplace_back(progress.node);
    copy.complete = true;
    copy.epoch = progress.epoch;
    copy.renew_at_s = static_cast<std::int64_t>(progress.renew_at_s);
  }
  return copies;
}

}  // namespace toxasync::manager
