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
  static constexpr std::int64_t first_after_ms = 60000;
  static constexpr std::int64_t look_again_ms = 3600000;
  /// Between two replacements: friends must learn of each.
  static constexpr std::int64_t replacements_apart_ms = 3600000;
  /// While some are missing or bad, after a node has answered.
  static constexpr std::int64_t look_soon_ms = 10000;

  HomeNodeSelector(const Services& services, NodeBook& book, HomeNodes& home_nodes, NodeDiscovery& discovery)
      : services_(services), book_(book), home_nodes_(home_nodes), discovery_(discovery) {}

  /// A node answered.
  void on_answer(Now now);
  void tick(Now now) override;
  [[nodiscard]] std::int64_t next_deadline_ms() const noexcept override { return next_ms_; }

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
  std::int64_t replaced_ms_ = INT64_MIN;
  std::int64_t next_ms_ = 0;
};

}  // namespace toxasync::manager
