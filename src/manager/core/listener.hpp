// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "manager/core/friend_request.hpp"
#include "manager/core/types.hpp"

namespace toxasync::manager {

/// The application. Called by Manager::tick only (or from the packets and completions it handles), never from
/// inside a call of the host.
class ManagerListener {
 public:
  virtual ~ManagerListener() = default;
  /// True: the application has it; the message is done and will not come again. False: it cannot be shown
  /// now; it stays on disk, at the head of all that wait, and is offered again every
  /// DeliveryOrder::offer_again.
  virtual bool on_message(const ReceivedMessage& message) noexcept = 0;
  virtual void on_message_state(const MessageStatus& status) noexcept = 0;
  /// The friend's bundle is here: messages to them can be stored.
  virtual void on_friend_ready(const FriendKey& key) noexcept = 0;
  /// Somebody asks to be our friend. To accept is to add them to the host's list, to refuse is to do nothing.
  /// True: it was shown, and they are not shown again for 30 days. False: it is offered again later.
  virtual bool on_friend_request(const ReceivedRequest& /*request*/) noexcept { return false; }
  virtual void on_friend_request_state(const RequestStatus& /*status*/) noexcept {}
};

}  // namespace toxasync::manager
