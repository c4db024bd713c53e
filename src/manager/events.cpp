// SPDX-License-Identifier: GPL-3.0-or-later
#include "manager/events.hpp"

#include <utility>

namespace toxasync::manager {

void Events::tell() {
  if (telling_) {
    return;  // the application called us from a callback: the loop below goes on
  }
  telling_ = true;
  while (!waiting_.empty()) {
    const auto event = waiting_.front();
    waiting_.pop_front();
    if (const auto* const status = std::get_if<MessageStatus>(&event)) {
      listener_.on_message_state(*status);
    } else {
      listener_.on_friend_ready(std::get<FriendKey>(event));
    }
  }
  telling_ = false;
}

}  // namespace toxasync::manager
