// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "manager/core/types.hpp"

namespace toxasync::manager {

/// A friend's installation says of a message of ours that it has arrived, or (nack) that its pre-key is gone.
struct ReceiptFrom {
  FriendKey from{};
  crypto::Instance instance{};
  crypto::MessageId id{};
  crypto::MessageKind kind = crypto::MessageKind::receipt;  ///< Or nack.
};

}  // namespace toxasync::manager
