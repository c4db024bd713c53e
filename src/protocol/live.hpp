// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <vector>

#include "crypto/envelope.hpp"
#include "wire/archive.hpp"

namespace toxasync::protocol {

/// An envelope on the friend channel, instead of through a node: docs/protocol.md, section 5.
struct LiveEnvelope {
  crypto::Epoch epoch = 0;
  crypto::Point mailbox{};  ///< P
  Bytes envelope;

  static void fields(auto& ar, auto& self) {
    wire::fields(ar, self.epoch, self.mailbox, wire::bounded<limits::large_envelope>(self.envelope));
  }
};

/// Receipt: the recipient has these messages on disk. Nack: their pre-key is gone, seal them again.
struct LiveReceipt {
  crypto::Instance instance{};         ///< The recipient's installation, as in their bundle.
  std::vector<crypto::MessageId> ids;  ///< 1 to 80.

  static void fields(auto& ar, auto& self) {
    wire::fields(ar, self.instance, wire::bounded<limits::receipt_ids, 1>(self.ids));
  }
};

}  // namespace toxasync::protocol
