// SPDX-License-Identifier: GPL-3.0-or-later
#include "manager/inbox/inbox_message.hpp"

namespace toxasync::manager {

store::StateWrite put_inbox_message(const InboxMessage& message) {
  return put_record(state_key(Table::inbox, {message.from, message.id}), message);
}

store::StateWrite erase_inbox_message(const InboxMessage& message) {
  return erase_record(state_key(Table::inbox, {message.from, message.id}));
}

std::optional<InboxMessage> read_inbox_message(const store::StateEntry& entry) {
  InboxMessage message;
  if (wire::decode(entry.value, message) != wire::Error::none) {
    return std::nullopt;
  }
  return message;
}

}  // namespace toxasync::manager
