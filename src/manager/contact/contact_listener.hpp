// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "manager/core/friend_request.hpp"

namespace toxasync::manager {

/// The manager: what first contact reports.
class ContactListener {
 public:
  virtual ~ContactListener() = default;
  /// Shows a request to the application. False: it was not accepted; it is offered again later.
  /// Called by FirstContact::deliver_next alone, and may call anything.
  virtual bool on_request(const ReceivedRequest& request) = 0;
  /// Somebody who is our friend already asks to be: they may have nothing of us.
  virtual void on_contact(const FriendKey& key) = 0;
  /// Must not call back.
  virtual void on_request_state(const RequestStatus& status) = 0;
};

}  // namespace toxasync::manager
