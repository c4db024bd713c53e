// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <limits>
#include <map>
#include <optional>
#include <set>
#include <utility>

namespace toxasync::manager {

/// At most one deadline for each key; the earliest is found in O(log n).
template <class Key>
class DeadlineQueue {
 public:
  void set(const Key& key, std::int64_t at_ms) {
    erase(key);
    by_key_.emplace(key, at_ms);
    by_time_.emplace(at_ms, key);
  }

  /// Keeps the earlier of the old and the new deadline.
  void set_earlier(const Key& key, std::int64_t at_ms) {
    const auto found = by_key_.find(key);
    if (found == by_key_.end() || at_ms < found->second) {
      set(key, at_ms);
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
  std::optional<Key> pop_due(std::int64_t now_ms) {
    if (by_time_.empty() || by_time_.begin()->first > now_ms) {
      return std::nullopt;
    }
    Key key = by_time_.begin()->second;
    by_time_.erase(by_time_.begin());
    by_key_.erase(key);
    return key;
  }

  [[nodiscard]] bool contains(const Key& key) const { return by_key_.contains(key); }
  [[nodiscard]] std::int64_t next_ms() const noexcept {
    return by_time_.empty() ? std::numeric_limits<std::int64_t>::max() : by_time_.begin()->first;
  }

 private:
  std::map<Key, std::int64_t> by_key_;
  std::set<std::pair<std::int64_t, Key>> by_time_;
};

}  // namespace toxasync::manager
