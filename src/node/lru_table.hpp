// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <algorithm>
#include <cstddef>
#include <list>
#include <unordered_map>
#include <utility>

#include "crypto/symmetric.hpp"

namespace toxasync::node {

/// A map of at most `capacity` entries: a new one replaces the least recently touched one. Strangers
/// choose the keys, so the hash is keyed.
template <class Key, class Value>
class LruTable {
 public:
  struct Inserted {
    Value& value;
    bool evicted;  ///< Another entry was dropped.
  };

  LruTable(std::size_t capacity, const ByteArray<16>& hash_key)
      : capacity_(std::max<std::size_t>(capacity, 1)), index_(0, Hash{hash_key}) {}

  /// Null when it is not there. Does not touch it.
  [[nodiscard]] Value* find(const Key& key) noexcept {
    const auto found = index_.find(key);
    return found == index_.end() ? nullptr : &found->second->second;
  }

  /// Makes the entry, if there is one, the most recently touched.
  void touch(const Key& key) noexcept {
    if (const auto found = index_.find(key); found != index_.end()) {
      entries_.splice(entries_.begin(), entries_, found->second);
    }
  }

  /// Adds or replaces an entry and touches it. The reference is valid until the entry is dropped.
  Inserted insert(const Key& key, Value value) {
    if (const auto found = index_.find(key); found != index_.end()) {
      found->second->second = std::move(value);
      entries_.splice(entries_.begin(), entries_, found->second);
      return {found->second->second, false};
    }
    entries_.emplace_front(key, std::move(value));
    try {
      index_.emplace(key, entries_.begin());
    } catch (...) {
      entries_.pop_front();
      throw;
    }
    const bool evict = entries_.size() > capacity_;
    if (evict) {
      index_.erase(entries_.back().first);
      entries_.pop_back();
    }
    return {entries_.front().second, evict};
  }

  void erase(const Key& key) noexcept {
    if (const auto found = index_.find(key); found != index_.end()) {
      entries_.erase(found->second);
      index_.erase(found);
    }
  }

  [[nodiscard]] std::size_t size() const noexcept { return entries_.size(); }

 private:
  struct Hash {
    ByteArray<16> key;
    std::size_t operator()(const Key& bytes) const noexcept {
      return static_cast<std::size_t>(crypto::siphash(key, bytes));
    }
  };
  using Entries = std::list<std::pair<Key, Value>>;

  std::size_t capacity_;
  Entries entries_;  // The last touched first.
  std::unordered_map<Key, typename Entries::iterator, Hash> index_;
};

}  // namespace toxasync::node
