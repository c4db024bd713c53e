// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <vector>

#include "crypto/envelope.hpp"
#include "protocol/node_descriptor.hpp"

// Key bundles: docs/protocol.md, section 5.

namespace toxasync::protocol {

struct HomeNode {
  NodeId id{};
  std::vector<Address> addresses;  ///< 1 to 4.

  static constexpr std::size_t min_encoded_size = 32 + limits::length_prefix + limits::address;

  template <class Archive>
  void serialize(Archive& ar, unsigned /*version*/) {
    wire::fields(ar, id, wire::bounded<limits::addresses_per_node, 1>(addresses));
  }
};

/// Names one state of an installation's keys.
struct BundleVersion {
  std::uint64_t instance = 0;
  std::uint64_t version = 0;

  // NOLINTNEXTLINE(modernize-use-nullptr): clang-tidy 14 takes the 0 that <=> is compared with for a pointer
  auto operator<=>(const BundleVersion&) const = default;

  template <class Archive>
  void serialize(Archive& ar, unsigned /*version*/) {
    wire::fields(ar, instance, version);
  }
};

struct BundleHead {
  BundleVersion version;
  crypto::Point root{};  ///< M
  ByteArray<16> root_mac{};
  crypto::Point last_resort{};
  std::uint64_t use_until_s = 0;  ///< Unix; for all keys of the bundle.
  std::uint16_t one_time_count = 0;
  std::vector<HomeNode> home_nodes;  ///< 1 to 5.

  template <class Archive>
  void serialize(Archive& ar, unsigned v) {
    version.serialize(ar, v);
    wire::fields(ar, root, root_mac, last_resort, use_until_s, one_time_count,
                 wire::bounded<limits::home_nodes, 1>(home_nodes));
  }
};

struct BundleKeys {
  BundleVersion version;
  std::uint16_t first = 0;          ///< Place of the first key among the bundle's one-time keys.
  std::vector<crypto::Point> keys;  ///< 1 to 40.

  template <class Archive>
  void serialize(Archive& ar, unsigned v) {
    version.serialize(ar, v);
    wire::fields(ar, first, wire::bounded<limits::keys_per_packet, 1>(keys));
  }
};

/// H128(key = agreement, "toxasync/1 root"|M|R|S|instance|version): the giver R shows his friend S that M is
/// his own. `agreement` is X25519(m, S) for the giver and X25519(s, M) for the friend.
ByteArray<16> root_mac(const crypto::Point& agreement, const crypto::Point& root, const crypto::Point& giver,
                       const crypto::Point& taker, const BundleVersion& version) noexcept;

}  // namespace toxasync::protocol
