// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <set>
#include <vector>

#include "base/clock.hpp"
#include "client/types.hpp"
#include "manager/nodes/node_health.hpp"

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
      static_cast<crypto::Epoch>(limits::largest_time_to_live / limits::epoch_length) + 1;
  static constexpr std::size_t most_finished = epochs_back + 3;
  static constexpr std::int64_t failed_again_in_means = 6;  ///< A mailbox of the past that was not read.
  /// Those of the past wait so long at the start, when the nodes are asked for everything else.
  static constexpr milliseconds past_after = 1min;

  /// Mailboxes of the epochs that `step` divides are in use, for mail of the epochs nearest to them: 1 or 3.
  MailboxWatch(crypto::Epoch step, milliseconds mean) : step_(step), mean_(mean) {}

  /// The mailbox that is written to in an epoch.
  static constexpr crypto::Epoch slot(crypto::Epoch epoch, crypto::Epoch step) noexcept {
    return (epoch + step / 2) / step * step;
  }

  /// What to look into now, which is charged to the node; nothing while a visit is under way, none is due, or
  /// the nodes must not be asked so soon. ended() must follow.
  std::optional<Visit> next(Now now, const Nodes& nodes, NodeHealth& health, Random& random);
  /// How the visit went. True: finished() has changed.
  bool ended(const client::RetrieveResult& result, Now now, Random& random);
  /// The visit was given up: it tells nothing.
  void abandoned() noexcept;
  /// The present mailbox is looked into again at once.
  void poll_soon(Now now);
  void reset();

  /// Epochs whose mailboxes are read to the end on all their nodes, and closed. For the disk: to forget them
  /// costs polls.
  [[nodiscard]] std::vector<crypto::Epoch> finished() const { return {finished_.begin(), finished_.end()}; }
  void restore(const std::vector<crypto::Epoch>& finished) { finished_ = {finished.begin(), finished.end()}; }

 private:
  /// A mailbox that is being read, on one node after the other.
  struct Sweep {
    crypto::Epoch epoch = 0;
    std::vector<protocol::NodeId> left;
    bool clean = false;  ///< Read to the end on each node so far, after it was closed.
  };

  [[nodiscard]] std::optional<crypto::Epoch> due_slot(Now now);
  /// When nothing can be stored in it any longer.
  [[nodiscard]] static constexpr UnixTime closed_at(crypto::Epoch slot) noexcept {
    return crypto::epoch_start(slot + 2) + limits::late_store_grace;
  }
  [[nodiscard]] static constexpr bool is_closed(crypto::Epoch slot, Now now) noexcept {
    return now.unix_time() >= closed_at(slot);
  }
  /// Takes up the sweep that is due. What is not closed does not wait for what is. False: none is.
  bool choose_sweep(Now now, const Nodes& nodes, Random& random);
  /// One of the nodes that are left of the sweep.
  std::optional<protocol::NodeId> take_node(Now now, NodeHealth& health);
  bool end_sweep(Now now, Random& random);

  crypto::Epoch step_;
  milliseconds mean_;
  std::set<crypto::Epoch> finished_;
  std::map<crypto::Epoch, SteadyTime> due_;  ///< Those that are not in it are due now.
  std::optional<Sweep> sweep_;
  std::optional<Sweep> paused_;
  bool visiting_ = false;
  std::optional<SteadyTime> past_from_;  ///< Once it has begun.
};

}  // namespace toxasync::manager
