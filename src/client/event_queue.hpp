// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <deque>
#include <variant>
#include <vector>

#include "client/types.hpp"

namespace toxasync::client {

/// Calls of listeners that are due, in their order. The client makes them at the end of on_packet and tick,
/// when it holds no reference into its tables: a listener may call anything.
class EventQueue {
 public:
  template <class Listener, class What>
  struct For {
    Listener* listener;
    What what;
  };
  struct Announcement {};
  using Stored = For<StoreResultListener, StoreResult>;
  using Fetched = For<RetrieveListener, std::vector<FetchedEnvelope>>;  ///< The envelopes of a window.
  using Retrieved = For<RetrieveListener, RetrieveResult>;
  using Announced = For<RetrieveListener, Announcement>;
  using PeersNamed = For<PeersListener, PeersResult>;
  using Discovered = For<DiscoverListener, DiscoverResult>;
  using News = For<NodeNewsListener, NodeNews>;
  using Event = std::variant<Stored, Fetched, Retrieved, Announced, PeersNamed, Discovered, News>;

  /// `id` is the operation's; 0 for news of a node.
  void push(OperationId id, Event event) { due_.push_back({id, std::move(event)}); }
  /// For the next tick, of an operation that ends as soon as it begins.
  void push_for_tick(OperationId id, Event event, Now now);
  /// Drops what has not been delivered of an operation.
  void drop(OperationId id);

  /// Moves what waited for a tick to what is due.
  void on_tick();
  void deliver(Now now);

  /// `never` when nothing waits for a tick.
  [[nodiscard]] SteadyTime next_deadline() const noexcept {
    return for_tick_.empty() ? never : for_tick_since_;
  }
  [[nodiscard]] std::size_t waiting_for_tick() const noexcept { return for_tick_.size(); }

 private:
  struct Entry {
    OperationId id{};
    Event event;
  };

  std::deque<Entry> due_;
  std::deque<Entry> for_tick_;
  SteadyTime for_tick_since_{};  ///< When the first of for_tick_ came.
  bool delivering_ = false;
};

}  // namespace toxasync::client
