// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <vector>

#include "base/transport.hpp"
#include "crypto/curve.hpp"
#include "wire/archive.hpp"

namespace toxasync::protocol {

using toxasync::NodeId;

/// An address as an item of a vector.
struct Address {
  Endpoint endpoint;

  static constexpr std::size_t min_encoded_size = limits::address;

  bool operator==(const Address&) const = default;
  static void fields(auto& ar, auto& self) {
    wire::fields(ar, self.endpoint.family, self.endpoint.ip, self.endpoint.port);
  }
};
static_assert(limits::address == Endpoint::packed_size);

/// Whether packets may be sent there: a known family, a port, and not an address that could be abused
/// (unspecified, multicast, broadcast). Loopback, private and link-local ones count only with
/// `allow_local`.
[[nodiscard]] bool is_usable_address(const Endpoint& endpoint, bool allow_local) noexcept;

/// What a node states about itself, signed: docs/protocol.md, section 6.
struct NodeDescriptor {
  std::uint8_t version = 1;
  NodeId id{};
  crypto::Point key{};  ///< N
  std::uint64_t valid_from_s = 0;
  std::uint64_t valid_until_s = 0;
  std::uint64_t capacity_bytes = 0;
  std::vector<Address> addresses;

  static void fields(auto& ar, auto& self) {
    wire::fields(ar, self.version, self.id, self.key, self.valid_from_s, self.valid_until_s,
                 self.capacity_bytes, wire::bounded<limits::addresses_per_node>(self.addresses));
  }

  /// The descriptor with the signature of `signer`, whose public key must be `id`.
  [[nodiscard]] Bytes encode_signed(const crypto::SigningKey& signer) const;

  /// Decodes and verifies. Nothing when malformed, of another version, with a refused key, or not signed by
  /// its id.
  static std::optional<NodeDescriptor> decode_signed(ByteView bytes);
};

}  // namespace toxasync::protocol
