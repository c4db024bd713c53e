// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "adapters/toxcore_courier/bootstrap_node.hpp"
#include "base/node_finder.hpp"
#include "base/transport.hpp"
#include "plugin/tox_async.h"

namespace toxasync {

/// The transport of a Tox_Async, with the functions that the client's event loop and the C API need. Only
/// open_transport() knows which one it is.
class ClientTransport {
 public:
  virtual ~ClientTransport() = default;

  [[nodiscard]] virtual Tox_Async_Transport type() const noexcept = 0;
  [[nodiscard]] virtual Transport& transport() noexcept = 0;

  /// Delivers the packets that have arrived; never blocks.
  virtual void poll() = 0;
  /// Whether poll() should be called at once. Transports that cannot tell are polled at the usual interval.
  [[nodiscard]] virtual bool has_received() const { return false; }

  /// Finds storage nodes in the DHT. Null without access to the DHT; others could not find this client there
  /// either, so it cannot be a storage node.
  [[nodiscard]] virtual NodeFinder* node_finder() noexcept { return nullptr; }

  /// The port of a UDP socket of our own; 0: there is none.
  [[nodiscard]] virtual std::uint16_t udp_port() const noexcept { return 0; }

  // For a transport with a Tox instance of its own.

  virtual void add_bootstrap_node(BootstrapNode /*node*/) {}
  /// The instance's Tox public key.
  [[nodiscard]] virtual std::optional<crypto::Point> tox_key() const noexcept { return std::nullopt; }
  /// Storage nodes that the instance is connected to.
  [[nodiscard]] virtual std::size_t nodes_online() const { return 0; }
};

}  // namespace toxasync
