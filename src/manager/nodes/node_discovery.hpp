// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <deque>
#include <map>
#include <set>

#include "base/node_finder.hpp"
#include "manager/nodes/node_book.hpp"

namespace toxasync::manager {

/// Finds nodes while few are known: asks nodes for others, and addresses whether a node is there
/// (docs/protocol.md, section 6, "Peers" and "Finding"). The question for others also shows that a node
/// answers, which is required of home nodes that are picked.
class NodeDiscovery final : public Part, private client::PeersListener, private client::DiscoverListener {
 public:
  static constexpr std::size_t enough = 16;  ///< Good nodes known: past that nobody is asked.
  /// Between two questions of a kind: four a minute.
  static constexpr milliseconds step = 15s;
  /// Routine questions wait until the program has run for a while, unless it needs home nodes.
  static constexpr milliseconds routine_after = 10min;
  static constexpr milliseconds first_step = 2s;
  static constexpr seconds ask_again = 24h;              ///< The same node, within 25 %.
  static constexpr seconds check_again = 1h;             ///< Whether it answers, when home nodes are needed.
  static constexpr milliseconds probe_again = 24h;       ///< The same address.
  static constexpr std::size_t probes_remembered = 256;  ///< Addresses; the oldest is forgotten first.

  NodeDiscovery(const Services& services, NodeBook& book) : services_(services), book_(book) {}

  void use(NodeFinder* finder) {
    finder_ = finder;
    next_ = SteadyTime{};
  }
  /// Home nodes are to be picked, and too few good ones are known.
  void want_homes(bool wanted);

  void tick(Now now) override;
  [[nodiscard]] SteadyTime next_deadline() const noexcept override { return next_; }

 private:
  void on_peers(client::OperationId operation, const client::PeersResult& result, Now now) override;
  void on_discovered(client::OperationId operation, const client::DiscoverResult& result, Now now) override;
  void ask_one(Now now);
  void probe_one(Now now);
  [[nodiscard]] bool is_due(const BookedNode& node, Now now) const;
  [[nodiscard]] SteadyTime next_step(Now now) const;

  const Services& services_;
  NodeBook& book_;
  NodeFinder* finder_ = nullptr;
  bool homes_wanted_ = false;
  SteadyTime started_ = long_ago;
  SteadyTime next_{};
  std::map<Endpoint, SteadyTime> probed_at_;
  std::deque<Endpoint> probed_;  ///< The keys of probed_at_, the oldest first.
};

}  // namespace toxasync::manager
