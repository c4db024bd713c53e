// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <vector>

#include "crypto/secret.hpp"
#include "manager/core/friend_channel.hpp"
#include "manager/core/trusted_clock.hpp"
#include "protocol/bundle.hpp"

namespace toxasync::manager {

struct OneTimeKey {
  crypto::Point key{};
  UnixTime use_until{};  ///< Of the bundle that brought it: later ones do not renew it.

  static constexpr std::size_t min_encoded_size = limits::point + 8;

  static void fields(auto& ar, auto& self) { wire::fields(ar, self.key, self.use_until); }
};

/// What one installation of a friend gave us: where mail for it goes, and with which keys.
struct Installation {
  protocol::BundleVersion version;
  crypto::FriendsRoot root;
  crypto::Point last_resort{};
  ByteArray<32> signer{};  ///< Later bundles of the instance must be signed by it.
  UnixTime use_until{};
  std::vector<protocol::HomeNode> home_nodes;
  std::vector<OneTimeKey> one_time;  ///< Used from the front; `used` of them are gone.
  // In a record of their own, because they change more often:
  std::uint32_t used = 0;
  UnixTime heard{};                 ///< The last sign of life.
  std::uint64_t taken_version = 0;  ///< Of our bundles, the last one that it acknowledged.
  // In memory:
  std::uint64_t mailed_version = 0;  ///< The last one that is on its way by its mailbox.

  [[nodiscard]] crypto::Instance instance() const noexcept { return version.instance; }
  /// Until it is certain that the time of its use is over.
  [[nodiscard]] bool usable(const CertainDate& date) const noexcept {
    return !home_nodes.empty() && date.passed() <= use_until;
  }
};

struct Friend {
  FriendKey key{};
  bool listed = false;  ///< The host has them in its list.
  bool online = false;
  // Kept on disk:
  /// Our installation, for them. Of one friendship: when it was ended and begun again, what they had of us
  /// before (keys that we have dropped, our place in the order of messages) counts no longer.
  crypto::Instance instance{};
  crypto::Instance replaces{};      ///< Our instance before this one, if there was any.
  crypto::Secret<32> signer_seed;   ///< Of the Ed25519 key that signs our bundles for them.
  std::uint64_t our_version = 0;    ///< Of the last bundle made for them.
  std::uint64_t taken_version = 0;  ///< Of the last one they acknowledged.
  ByteArray<16> our_content{};      ///< What our_version said of root, nodes and last-resort key.
  std::uint64_t next_sequence = 1;
  std::vector<Installation> theirs;  ///< At most limits::instances_per_friend.
  // In memory:
  std::uint64_t durable_version = 0;  ///< Of our bundles for them, the last one on disk.
  bool has_no_keys = false;           ///< Of this instance, which is new: those we hold were another's.
  SteadyTime renewed = long_ago;      ///< When the instance was.
  bool gave_anew = false;             ///< Our bundle, since they came or went last, because they have none.
  SteadyTime refill_from{};
  std::size_t bundles_under_way = 0;              ///< Bundles of theirs, on their way to the disk.
  std::optional<protocol::WholeBundle> incoming;  ///< A bundle whose packets are still coming.
  std::deque<Bytes> to_send;                      ///< Packets for the friend channel, sent at a limited rate.

  [[nodiscard]] Installation* installation(crypto::Instance instance) noexcept;
  /// Whether somebody has not acknowledged the latest bundle.
  [[nodiscard]] bool bundle_pending() const noexcept;
  /// Whether an installation of theirs has our latest bundle. Others may be gone for good.
  [[nodiscard]] bool bundle_taken() const noexcept { return taken_version >= our_version; }
};

/// How a bundle came.
enum class BundleSource : std::uint8_t {
  friend_channel,   ///< The host vouches for the friend.
  friends_mailbox,  ///< Sealed with a pre-key of ours: only they could.
  pair_mailbox,     ///< Sealed with nothing but Tox keys.
};

}  // namespace toxasync::manager
