// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "base/metrics.hpp"
#include "base/result.hpp"
#include "client/session.hpp"
#include "client/types.hpp"
#include "protocol/store_response.hpp"

namespace toxasync::client {

/// Stores or cancels one envelope on one node: builds the request and interprets the answer. The attempts are
/// an Exchange's. docs/protocol.md, section 6.
class StoreOperation {
 public:
  explicit StoreOperation(StoreJob job) noexcept : job_(std::move(job)) {}

  /// Whether the payload can be sent at all.
  [[nodiscard]] bool fits() const noexcept { return job_.payload.size() <= limits::large_envelope; }
  [[nodiscard]] SessionName session() const noexcept;
  /// X25519(w, N), with which the node checks the write tag. False when N is refused.
  [[nodiscard]] bool agree(crypto::Wiped<32>& shared, const crypto::Point& node_key) const noexcept;
  /// The tag field is zero.
  [[nodiscard]] protocol::StoreRequest request(std::uint64_t counter) const;
  /// How the operation ends; or why the answer is refused (and the operation goes on).
  [[nodiscard]] Result<StoreResult, Counter> on_response(
      const protocol::StoreResponse& response) const noexcept;

 private:
  StoreJob job_;
};

}  // namespace toxasync::client
