// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "crypto/curve.hpp"
#include "node/source_prefix.hpp"

namespace toxasync::node {

/// The networks that a request came from, and that pay for it, the smallest first (docs/admission.md).
///
/// Packets that a node of the DHT forwards come from an address that says nothing about their sender. Their
/// networks are others than those of the forwarder itself: their session, which costs its sender one of the
/// forwarder's key agreements; the forwarder; and all that is forwarded, because forwarders cost nothing.
class Source {
 public:
  // NOLINTNEXTLINE(google-explicit-constructor): what comes directly is its endpoint
  Source(const Endpoint& endpoint) noexcept : networks_(networks_of(endpoint)) {}
  Source(const Route& route, const crypto::Point& session) noexcept;
  Source() noexcept = default;

  [[nodiscard]] const std::array<SourcePrefix, 3>& networks() const noexcept { return networks_; }
  [[nodiscard]] bool forwarded() const noexcept { return forwarded_; }
  /// Who pays for key agreements: not the session, which only a key agreement makes one.
  [[nodiscard]] const SourcePrefix& payer() const noexcept { return networks_[forwarded_ ? 1 : 0]; }

  bool operator==(const Source&) const = default;

 private:
  std::array<SourcePrefix, 3> networks_{};
  bool forwarded_ = false;
};

}  // namespace toxasync::node
