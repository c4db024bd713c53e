// SPDX-License-Identifier: GPL-3.0-or-later
#include "manager/core/events.hpp"

#include <utility>

#include "manager/core/state_tables.hpp"

namespace toxasync::manager {

namespace {

struct EndedRecord {
  MessageStatus& s;
  static void fields(auto& ar, auto& self) {
    wire::fields(ar, self.s.to, self.s.state, self.s.stored, self.s.wanted, self.s.reason);
  }
};

}  // namespace

bool Events::load(const store::StateEntry& entry) {
  const ByteView name = ByteView(entry.key).subspan(1);
  if (name.size() != sizeof(crypto::MessageId)) {
    return false;
  }
  MessageStatus status;
  status.id = id_from<crypto::MessageId>(name);
  EndedRecord record{status};
  if (wire::decode(entry.value, record) != wire::Error::none) {
    return false;
  }
  state(status);
  return true;
}

store::StateWrite Events::ended_write(MessageStatus status, FailReason reason) {
  status.reason = reason;
  return put_record(state_key(Table::ended, {status.id}), EndedRecord{status});
}

void Events::deliver() {
  if (delivering_) {
    return;  // the application called us from a callback: the loop below goes on
  }
  delivering_ = true;
  while (!waiting_.empty()) {
    const auto event = waiting_.front();
    waiting_.pop_front();
    if (const auto* const status = std::get_if<MessageStatus>(&event)) {
      listener_.on_message_state(*status);
      if (is_final(status->state) && status->reason != FailReason::disk) {
        journal_.keep({erase_record(state_key(Table::ended, {status->id}))});
      }
    } else if (const auto* const request = std::get_if<RequestStatus>(&event)) {
      listener_.on_friend_request_state(*request);
    } else {
      listener_.on_friend_ready(std::get<FriendKey>(event));
    }
  }
  delivering_ = false;
}

}  // namespace toxasync::manager
