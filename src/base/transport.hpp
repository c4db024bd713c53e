// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>

#include "base/bytes.hpp"
#include "base/ids.hpp"

namespace toxasync {

/// Ed25519 public key of a storage node: its identity for its whole life.
using NodeId = Id<struct NodeIdTag, 32>;

/// What carries a frame. Nothing below adapters/ acts on it; it is bound into cookies and shown in reports.
enum class TransportKind : std::uint8_t { mock = 0, toxcore_dispatcher = 1, udp = 2, toxcore_friends = 3 };

/// An internet address and port. An IPv4 address is in the first four bytes, the rest is zero.
struct Endpoint {
  static constexpr std::size_t packed_size = 19;
  /// For peers that their transport identifies by a key: the ip is its first 16 bytes, the port 0.
  /// Distinguishes sources within this process, and is no address that can be stored or shared
  /// (is_usable_address).
  static constexpr std::uint8_t keyed = 1;

  std::uint8_t family = 0;  ///< 4 or 6; 0 is no address; or `keyed`.
  ByteArray<16> ip{};
  std::uint16_t port = 0;

  // NOLINTNEXTLINE(modernize-use-nullptr): clang-tidy 14 takes the 0 that <=> is compared with for a pointer
  auto operator<=>(const Endpoint&) const = default;
};

/// The route to a peer: where a packet came from, or where one goes.
struct Route {
  /// c-toxcore's MAX_SENDBACK_SIZE. For the transport only: how a reply gets back through a relay, or from
  /// which of our addresses it is sent.
  static constexpr std::size_t max_sendback_size = 254;

  TransportKind transport = TransportKind::mock;
  Endpoint endpoint;
  std::uint8_t sendback_size = 0;
  ByteArray<max_sendback_size> sendback{};

  [[nodiscard]] ByteView sendback_bytes() const noexcept { return {sendback.data(), sendback_size}; }
};

/// Gets the packets that a Transport receives. `packet` is hostile, and valid during the call only.
class PacketReceiver {
 public:
  virtual ~PacketReceiver() = default;
  virtual void on_packet(const Route& from, ByteView packet) noexcept = 0;
};

/// Carries frames: datagrams of at most 1372 bytes that may be lost, duplicated or reordered. Passed in by
/// the host.
class Transport {
 public:
  virtual ~Transport() = default;
  [[nodiscard]] virtual TransportKind kind() const noexcept = 0;
  /// The route to a storage node. `endpoint` is its known address, family 0 if there is none; a transport
  /// that finds nodes by their ids ignores it.
  [[nodiscard]] virtual Route route_to_node(const NodeId& node_id, const Endpoint& endpoint) const noexcept {
    static_cast<void>(node_id);
    return {kind(), endpoint, 0, {}};
  }
  /// Sends one packet; never blocks. False when it could not be sent.
  virtual bool send(const Route& to, ByteView packet) noexcept = 0;
  /// A node found a request that came from there to be authentic: the sender may write to a mailbox, or owns
  /// one. A transport with few places keeps them for such peers.
  virtual void on_authentic(const Route& from) noexcept { static_cast<void>(from); }
  /// Where received packets go; null to drop them. The receiver must outlive the transport or be reset to
  /// null.
  virtual void set_receiver(PacketReceiver* receiver) noexcept = 0;
};

}  // namespace toxasync
