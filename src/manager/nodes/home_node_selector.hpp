// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "manager/nodes/home_nodes.hpp"
#include "manager/nodes/node_discovery.hpp"

namespace toxasync::manager {

/// Home nodes for a user who has named none: picks known good ones, and replaces those that cannot be reached
/// any more or have lost mail (docs/protocol.md, section 7, "Placement"). Those that the user named stay, and
/// the picked ones go when the user names some.
class HomeNodeSelector final : public Part {
 public:
  static constexpr std::size_t wanted = 3;
  /// The host names its user's nodes when it starts.
  static constexpr milliseconds first_after = 1min;
  static constexpr milliseconds look_again = 1h;
  /// Between two replacements: friends must learn of each.
  static constexpr milliseconds replacements_apart = 1h;
  /// While some are missing or bad, after a node has answered.
  static constexpr milliseconds look_soon = 10s;

  HomeNodeSelector(const Services& services, NodeBook& book, HomeNodes& home_nodes, NodeDiscovery& discovery)
      : services_(services), book_(book), home_nodes_(home_nodes), discovery_(discovery) {}

  /// A node answered.
  void on_answer(Now now);
  void tick(Now now) override;
  [[nodiscard]] SteadyTime next_deadline() const noexcept override { return next_; }

 private:
  void replace_one(std::vector<protocol::NodeId> homes, Now now);
  /// It lost mail, or cannot be reached.
  [[nodiscard]] bool is_bad(const protocol::NodeId& id) const;
  bool pick(std::size_t count, std::span<const protocol::NodeId> taken);

  const Services& services_;
  NodeBook& book_;
  HomeNodes& home_nodes_;
  NodeDiscovery& discovery_;
  bool looked_ = false;
  bool searching_ = false;  ///< The user named none, and some are missing or bad.
  SteadyTime replaced_ = long_ago;
  SteadyTime next_{};
};

}  // namespace toxasync::manager
