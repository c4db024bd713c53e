// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <set>
#include <vector>

#include "base/clock.hpp"
#include "client/client.hpp"
#include "manager/node_health.hpp"

namespace toxasync::manager {

/// Which mailboxes of one root are to be looked into next, and on which node: the present one again and
/// again, each of those before it, as far back as mail can lie, once more after its end (docs/protocol.md,
/// sections 2 and "First contact"). One visit at a time; the owner decides when.
class MailboxWatch {
 public:
  struct Visit {
    crypto::Epoch epoch = 0;
    protocol::NodeId node{};
  };
  /// The nodes on which mail for the mailbox of an epoch may lie.
  using Nodes = std::function<std::vector<protocol::NodeId>(crypto::Epoch)>;

  /// How far back: the longest time to live, and the edges.
  static constexpr crypto::Epoch epochs_back =
      static_cast<crypto::Epoch>(limits::largest_time_to_live_s / limits::epoch_length_s) + 1;
  static constexpr std::size_t most_finished = epochs_back + 3;
  static constexpr std::int64_t failed_again_in_means = 6;  ///< A mailbox of the past that was not read.

  /// Mailboxes of the epochs that `step` divides are in use, for mail of the epochs nearest to them: 1 or 3.
  MailboxWatch(crypto::Epoch step, std::int64_t mean_ms) : step_(step), mean_ms_(mean_ms) {}

  /// The mailbox that is written to in an epoch.
  static constexpr crypto::Epoch slot(crypto::Epoch epoch, crypto::Epoch step) noexcept {
    return (epoch + step / 2) / step * step;
  }

  /// What to look into now; nothing while a visit is under way or none is due. ended() must follow.
  std::optional<Visit> next(Now now, const Nodes& nodes, const NodeHealth& health, Random& random);
  /// How the visit went. True: finished() has changed.
  bool ended(const client::RetrieveResult& result, Now now, Random& random);
  /// The visit was given up: it tells nothing.
  void abandoned() noexcept;
  /// The present mailbox is looked into again at once.
  void hurry(Now now);
  void reset();

  /// Epochs whose mailboxes are read to the end on all their nodes, and closed. For the disk: to forget them
  /// costs polls.
  [[nodiscard]] std::vector<crypto::Epoch> finished() const { return {finished_.begin(), finished_.end()}; }
  void restore(const std::vector<crypto::Epoch>& finished) { finished_ = {finished.begin(), finished.end()}; }

 private:
  [[nodiscard]] std::optional<crypto::Epoch> due_slot(Now now);
  /// When nothing can be stored in it any longer (Unix seconds).
  [[nodiscard]] static constexpr std::int64_t closed_at_s(crypto::Epoch slot) noexcept {
    return crypto::epoch_start_s(slot + 2) + limits::late_store_grace_s;
  }
  bool end_sweep(Now now, Random& random);

  crypto::Epoch step_;
  std::int64_t mean_ms_;
  std::set<crypto::Epoch> finished_;
  std::map<crypto::Epoch, std::int64_t> due_ms_;  ///< Steady; those that are not in it are due now.
  // The mailbox that is being read, one node after the other:
  bool sweeping_ = false;
  bool visiting_ = false;
  bool clean_ = false;  ///< Read to the end on each node so far, after it was closed.
  crypto::Epoch epoch_ = 0;
  std::vector<protocol::NodeId> left_;
};

}  // namespace toxasync::manager
