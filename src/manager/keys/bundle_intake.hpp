// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <vector>

#include "manager/core/services.hpp"
#include "manager/keys/friend.hpp"
#include "manager/keys/key_ring.hpp"

namespace toxasync::manager {

/// The book of friends.
class BundleIntakeListener {
 public:
  virtual ~BundleIntakeListener() = default;
  /// Listed friends only.
  [[nodiscard]] virtual Friend* find(const FriendKey& key) noexcept = 0;
  /// The friend's bundle of this version, or a later one, is on our disk.
  virtual void acknowledge_bundle(Friend& from, const protocol::BundleVersion& version) = 0;
  /// A bundle that we did not have is on our disk. `first`: we had nothing of its installation.
  virtual void on_bundle_kept(Friend& from, bool first) = 0;
};

/// Bundles of friends: put together, checked, and kept (docs/protocol.md, section 5).
class BundleIntake {
 public:
  /// Of one friend, to the disk; more are dropped, or stay in their mailbox.
  static constexpr std::size_t bundles_under_way = 4;

  BundleIntake(const Services& services, BundleIntakeListener& listener)
      : services_(services), listener_(listener) {}

  [[nodiscard]] static bool has_room(const Friend& from) noexcept {
    return from.bundles_under_way < bundles_under_way;
  }
  /// Rises when there is room again.
  [[nodiscard]] std::uint64_t reopened() const noexcept { return reopened_; }
  // False: refused.
  bool on_head(Friend& from, ByteView message);
  bool on_keys(Friend& from, ByteView message);
  /// A whole bundle: it is acknowledged once it is on our disk.
  bool keep(Friend& from, const protocol::WholeBundle& bundle, BundleSource source);

 private:
  [[nodiscard]] bool is_genuine(Friend& from, const protocol::BundleHead& head, BundleSource source) const;
  Installation& place(Friend& from, const protocol::BundleHead& head, store::StateBatch& batch);
  void add_keys(Installation& to, std::vector<crypto::Point> keys) const;

  const Services& services_;
  BundleIntakeListener& listener_;
  std::uint64_t reopened_ = 0;
};

}  // namespace toxasync::manager
