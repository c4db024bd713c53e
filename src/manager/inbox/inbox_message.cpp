// SPDX-License-Identifier: GPL-3.0-or-later
#include "manager/inbox/inbox_message.hpp"

#include <utility>

namespace toxasync::manager {

namespace {

struct MessageRecord {
  InboxMessage& m;
  template <class Archive>
  void serialize(Archive& ar, unsigned /*version*/) {
    wire::fields(ar, m.id, m.from, m.instance, m.sequence, m.floor, m.kind, m.sent_at_ms,
                 wire::bounded<limits::message_text>(m.text));
  }
};

}  // namespace

store::StateWrite put_inbox_message(const InboxMessage& message) {
  return put_record(state_key(Table::inbox, {message.id}), MessageRecord{const_cast<InboxMessage&>(message)});
}

store::StateWrite erase_inbox_message(const crypto::MessageId& id) {
  return erase_record(state_key(Table::inbox, {id}));
}

std::optional<InboxMessage> read_inbox_message(const store::StateEntry& entry) {
  InboxMessage message;
  MessageRecord record{message};
  return wire::decode(entry.value, record) == wire::Error::none ? std::optional(std::move(message))
                                                                : std::nullopt;
}

}  // namespace toxasync::manager
