// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "client/types.hpp"
#include "protocol/frame.hpp"

namespace toxasync::client {

/// Probes of addresses for storage nodes. Each is a first packet, like one to a node whose N is not known
/// (docs/protocol.md, section 6), so a node cannot distinguish them from others; any other program drops
/// them. The answer is a cookie reply with a signed descriptor.
class Discoveries {
 public:
  static constexpr std::size_t most = 8;  ///< Under way.
  static constexpr unsigned attempts = 2;
  static constexpr milliseconds timeout = 3s;
  /// Cookie replies with a bad descriptor that are checked: each costs a signature check.
  static constexpr unsigned bad_descriptors = 2;

  struct Discovery {
    OperationId id{};
    Endpoint at;
    DiscoverListener* listener = nullptr;
    crypto::Point x{};
    std::vector<protocol::FrameNonce> nonces;  ///< One of each attempt.
    unsigned bad = 0;
    SteadyTime deadline{};
  };

  [[nodiscard]] bool full() const noexcept { return under_way_.size() >= most; }
  [[nodiscard]] std::size_t size() const noexcept { return under_way_.size(); }
  [[nodiscard]] SteadyTime next_deadline() const noexcept;

  /// Begins one, with a new X. The reference holds until the next call of a function that is not const.
  Discovery& begin(OperationId id, const Endpoint& at, DiscoverListener& listener, Random& random);
  /// Writes its next packet, and expects an answer to it from now on.
  static void write_packet(Discovery& discovery, Random& random, Now now, protocol::FrameBytes& out);

  /// The one that waits for a cookie reply with this header, or null.
  [[nodiscard]] Discovery* find(const protocol::FrameHeader& header) noexcept;
  /// One whose time-out has passed, or null.
  [[nodiscard]] Discovery* overdue(SteadyTime now) noexcept;
  void remove(OperationId id) noexcept;

 private:
  std::vector<Discovery> under_way_;
};

}  // namespace toxasync::client
