// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "base/metrics.hpp"
#include "base/result.hpp"
#include "client/session.hpp"
#include "client/types.hpp"
#include "protocol/peers.hpp"
#include "protocol/retrieve_request.hpp"

namespace toxasync::client {

/// Asks one node for other nodes: builds the request and interprets the answer. The attempts are an
/// Exchange's. docs/protocol.md, section 6.
class PeersOperation {
 public:
  explicit PeersOperation(const protocol::NodeId& node) noexcept : node_(node) {}

  [[nodiscard]] SessionName session() const noexcept { return {node_, Purpose::peers, {}, {}}; }
  /// Nothing is tagged: the request is about no mailbox.
  [[nodiscard]] static bool agree(crypto::Wiped<32>& /*shared*/, const crypto::Point& /*node_key*/) noexcept {
    return true;
  }
  [[nodiscard]] static protocol::RetrieveRequest request(std::uint64_t counter);
  /// The descriptors that are signed by the nodes they name and valid by our clock; the others are counted.
  [[nodiscard]] static PeersResult on_answer(const protocol::Peers& answer, Now now,
                                             const Telemetry& telemetry);

 private:
  protocol::NodeId node_;
};

}  // namespace toxasync::client
