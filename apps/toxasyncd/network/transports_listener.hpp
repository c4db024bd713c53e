// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "base/transport.hpp"

namespace toxasync::daemon {

/// Gets the packets of all transports of the node.
class TransportsListener {
 public:
  virtual ~TransportsListener() = default;
  /// An answer must leave through the transport that the packet came by.
  virtual void on_packet(Transport& transport, const Route& from, ByteView packet) noexcept = 0;
  /// After one or more packets.
  virtual void on_packets_processed() = 0;
};

}  // namespace toxasync::daemon
