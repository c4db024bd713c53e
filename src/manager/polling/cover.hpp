// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <unordered_set>

#include "manager/keys/key_ring.hpp"
#include "manager/nodes/home_nodes.hpp"

namespace toxasync::manager {

/// Loop messages: at random times an envelope like any other goes to our own cover mailbox, on all our home
/// nodes, where the poller fetches it like any other (docs/protocol.md, section 10).
class Cover final : public Part, private client::StoreResultListener {
 public:
  /// Mean time between two; they are a Poisson process.
  static constexpr milliseconds loop_interval = 6h;
  /// Whose box they go to: nobody's. Each friend has one, and it must look like one of those.
  static constexpr FriendKey writer{};
  /// One of them in this many is a large envelope.
  static constexpr std::uint64_t large_one_in = 4;
  /// While so many are on their way nothing is added.
  static constexpr std::size_t operations_under_way = 4 * limits::home_nodes;

  Cover(const Services& services, const KeyRing& keys, const HomeNodes& home_nodes)
      : services_(services), keys_(keys), home_nodes_(home_nodes) {}

  void tick(Now now) override;
  [[nodiscard]] SteadyTime next_deadline() const noexcept override { return next_.value_or(never); }

 private:
  /// One that failed is not tried again: nobody waits for it.
  void on_stored(client::OperationId operation, const client::StoreResult& result, Now now) override;
  void send_loop(Now now);
  [[nodiscard]] Bytes seal(const crypto::WritableMailbox& mailbox, Now now) const;

  const Services& services_;
  const KeyRing& keys_;
  const HomeNodes& home_nodes_;
  std::unordered_set<client::OperationId> operations_;
  std::optional<SteadyTime> next_;  ///< Nothing before the first tick.
};

}  // namespace toxasync::manager
