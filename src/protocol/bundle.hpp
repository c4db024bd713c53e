// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "crypto/envelope.hpp"
#include "protocol/node_descriptor.hpp"

// Key bundles: docs/protocol.md, section 5.

namespace toxasync::protocol {

struct HomeNode {
  NodeId id{};
  std::vector<Address> addresses;  ///< 1 to 4.

  static constexpr std::size_t min_encoded_size = 32 + limits::length_prefix + limits::address;

  bool operator==(const HomeNode&) const = default;
  static void fields(auto& ar, auto& self) {
    wire::fields(ar, self.id, wire::bounded<limits::addresses_per_node, 1>(self.addresses));
  }
};

/// Names one state of an installation's keys.
struct BundleVersion {
  crypto::Instance instance{};
  std::uint64_t version = 0;

  // NOLINTNEXTLINE(modernize-use-nullptr): clang-tidy 14 takes the 0 that <=> is compared with for a pointer
  auto operator<=>(const BundleVersion&) const = default;

  static void fields(auto& ar, auto& self) { wire::fields(ar, self.instance, self.version); }
};

/// Instead of a bundle's version: which of my bundles do you have?
constexpr BundleVersion greeting{};

/// The receiver has a bundle on disk; version 0: none of this instance.
struct BundleTaken {
  BundleVersion version;
  crypto::Instance receiver{};  ///< The receiver's installation, as in its own bundles.

  static void fields(auto& ar, auto& self) {
    BundleVersion::fields(ar, self.version);
    wire::fields(ar, self.receiver);
  }
};

struct BundleHead {
  BundleVersion version;
  crypto::Instance replaces{};  ///< The sender's instance that this one replaces; 0: none.
  crypto::FriendsRoot root;     ///< M, and the receiver's u
  ByteArray<16> root_mac{};
  crypto::Point last_resort{};
  std::uint64_t use_until_s = 0;  ///< Unix; for all keys of the bundle.
  std::uint16_t one_time_count = 0;
  ByteArray<32> keys_hash{};  ///< one_time_hash of the one-time keys.
  ByteArray<32> signer{};     ///< Ed25519; the same in all bundles of an instance and of its followers.
  std::vector<HomeNode> home_nodes;  ///< 1 to 5.
  crypto::Signature signature{};     ///< Of `signer`, over all before it; sign() and is_signed().

  static void fields(auto& ar, auto& self) {
    BundleVersion::fields(ar, self.version);
    wire::fields(ar, self.replaces);
    crypto::FriendsRoot::fields(ar, self.root);
    wire::fields(ar, self.root_mac, self.last_resort, self.use_until_s, self.one_time_count, self.keys_hash,
                 self.signer, wire::bounded<limits::home_nodes, 1>(self.home_nodes), self.signature);
  }

  /// Sets signer and signature: Ed25519 over "toxasync/1 bundle"|R|S|the head without its signature.
  void sign(const crypto::SigningKey& key, const crypto::FriendKey& sender,
            const crypto::FriendKey& receiver);
  [[nodiscard]] bool is_signed(const crypto::FriendKey& sender, const crypto::FriendKey& receiver) const;
};

struct BundleKeys {
  BundleVersion version;
  std::uint16_t first = 0;          ///< Place of the first key among the bundle's one-time keys.
  std::vector<crypto::Point> keys;  ///< 1 to 40.

  static void fields(auto& ar, auto& self) {
    BundleVersion::fields(ar, self.version);
    wire::fields(ar, self.first, wire::bounded<limits::keys_per_packet, 1>(self.keys));
  }
};

/// A bundle as the text of a message of kind `bundle` (docs/protocol.md, section 5).
struct WholeBundle {
  BundleHead head;
  std::vector<crypto::Point> keys;  ///< head.one_time_count of them.

  static void fields(auto& ar, auto& self) {
    BundleHead::fields(ar, self.head);
    wire::fields(ar, wire::bounded<limits::one_time_keys>(self.keys));
  }
};

/// H256 of the keys, one after the other.
ByteArray<32> one_time_hash(std::span<const crypto::Point> keys) noexcept;

/// H128(key = agreement, "toxasync/1 root"|M|R|S|instance|version): the sender R proves to a friend S that M
/// is their own. `agreement` is X25519(m, S) for the sender and X25519(s, M) for the friend.
ByteArray<16> root_mac(const ByteArray<32>& agreement, const crypto::Point& root,
                       const crypto::FriendKey& sender, const crypto::FriendKey& receiver,
                       const BundleVersion& version) noexcept;

}  // namespace toxasync::protocol
