// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <map>
#include <optional>
#include <set>
#include <utility>

#include "base/time.hpp"

namespace toxasync::manager {

/// At most one deadline for each key; the earliest is found in O(log n).
template <class Key>
class DeadlineQueue {
 public:
  void set(const Key& key, SteadyTime at) {
    erase(key);
    by_key_.emplace(key, at);
    by_time_.emplace(at, key);
  }

  /// Keeps the earlier of the old and the new deadline.
  void set_earlier(const Key& key, SteadyTime at) {
    const auto found = by_key_.find(key);
    if (found == by_key_.end() || at < found->second) {
      set(key, at);
    }
  }

  void erase(const Key& key) {
    const auto found = by_key_.find(key);
    if (found != by_key_.end()) {
      by_time_.erase({found->second, key});
      by_key_.erase(found);
    }
  }

  /// Takes out one key whose deadline has come.
  std::optional<Key> pop_due(SteadyTime now) {
    if (by_time_.empty() || by_time_.begin()->first > now) {
      return std::nullopt;
    }
    Key key = by_time_.begin()->second;
    by_time_.erase(by_time_.begin());
    by_key_.erase(key);
    return key;
  }

  [[nodiscard]] bool contains(const Key& key) const { return by_key_.contains(key); }
  [[nodiscard]] SteadyTime next() const noexcept {
    return by_time_.empty() ? never : by_time_.begin()->first;
  }

 private:
  std::map<Key, SteadyTime> by_key_;
  std::set<std::pair<SteadyTime, Key>> by_time_;
};

}  // namespace toxasync::manager
