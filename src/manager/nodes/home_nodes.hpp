// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <array>
#include <map>
#include <vector>

#include "manager/nodes/node_book.hpp"

namespace toxasync::manager {

/// The manager: brings what depends on the home nodes up to date.
class HomeNodesListener {
 public:
  virtual ~HomeNodesListener() = default;
  /// Nodes were added, removed or given other addresses.
  virtual void on_home_nodes_changed() = 0;
};

/// Who made a node a home node.
enum class ChosenBy : std::uint8_t { user = 0, selector = 1 };

struct OwnHomeNode {
  client::KnownNode known;
  UnixTime added{};
  UnixTime retired{};  ///< {}: in use.
  ChosenBy by = ChosenBy::user;
};

/// Our own home nodes: where our mail is kept. One that is removed is retired: it is polled for a while,
/// since friends may still use an older bundle.
class HomeNodes final : public Part {
 public:
  static constexpr seconds retired_kept = days(45);
  static constexpr std::size_t most_retired = 16;

  HomeNodes(const Services& services, NodeBook& book, HomeNodesListener& listener)
      : services_(services), book_(book), listener_(listener) {}

  [[nodiscard]] std::span<const Table> tables() const noexcept override {
    static constexpr std::array tables{Table::home_node};
    return tables;
  }
  bool load(const store::StateEntry& entry) override;

  /// announce() must follow each change. A node that the selector chose becomes the user's when the user adds
  /// it.
  Result<bool, NodeError> add(const client::KnownNode& node, ChosenBy by = ChosenBy::user);
  Result<bool, NodeError> remove(const protocol::NodeId& id);
  /// Calls the listener, once for all changes since the last call.
  void announce();
  /// It does not behave as a node does: another one is picked in its place.
  void demote(const protocol::NodeId& id) { book_.on_fault(id); }
  /// Forgets those that no friend can still be using, and the oldest past the limit. Their ids.
  std::vector<protocol::NodeId> forget_retired(const CertainDate& date, store::StateBatch& batch);
  /// Marks in the future, of a clock that was wrong.
  void clamp(const CertainDate& date);
  [[nodiscard]] std::vector<protocol::NodeId> ids_in_use() const;

  /// Those in use, with the addresses at which they are now.
  [[nodiscard]] std::vector<protocol::HomeNode> in_use() const;
  /// Those of them that the user named.
  [[nodiscard]] std::vector<protocol::NodeId> named() const;
  /// Those of them that the selector chose.
  [[nodiscard]] std::vector<protocol::NodeId> chosen_by_selector() const;
  [[nodiscard]] std::vector<HomeNodeStatus> status() const;
  /// Those in use and the retired ones.
  [[nodiscard]] const std::map<protocol::NodeId, OwnHomeNode>& all() const noexcept { return nodes_; }

 private:
  OwnHomeNode& place(OwnHomeNode node);
  void save(const OwnHomeNode& node);

  const Services& services_;
  NodeBook& book_;
  HomeNodesListener& listener_;
  std::map<protocol::NodeId, OwnHomeNode> nodes_;
  bool changed_ = false;
};

}  // namespace toxasync::manager
