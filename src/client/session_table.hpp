// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstddef>
#include <list>
#include <map>

#include "client/session.hpp"

namespace toxasync::client {

/// All sessions, with a bound: past it the least recently used one without users is dropped, of stores if
/// they have more than three quarters of the places, else of the others if they have more than the rest.
class SessionTable {
 public:
  /// `capacity` must be larger than the number of sessions with users.
  explicit SessionTable(std::size_t capacity) noexcept : capacity_(capacity) {}

  /// The session of that name, new if there is none; becomes the most recently used. Stays valid while it has
  /// users.
  Session& find_or_create(const SessionName& name, Random& random);
  /// The session with this X, or null.
  [[nodiscard]] Session* find(const crypto::Point& x) noexcept;
  void forget_node(const protocol::NodeId& node);
  /// What the operation has subscribed to is announced to nobody.
  void unsubscribe(OperationId operation) noexcept;
  [[nodiscard]] std::size_t size() const noexcept { return sessions_.size(); }

 private:
  using List = std::list<Session>;

  void make_room(Purpose wanted);
  /// False: all of those have users.
  bool drop_oldest(bool of_stores);
  void erase(List::iterator session);

  std::size_t capacity_;
  std::size_t stores_ = 0;  ///< Of them.
  List sessions_;           ///< Most recently used first.
  std::map<SessionName, List::iterator> by_name_;
  std::map<crypto::Point, List::iterator> by_x_;
};

}  // namespace toxasync::client
