// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>
#include <set>

#include "manager/core/friend_channel.hpp"

namespace toxasync::manager {

/// How much of one thing is kept for each friend, so that nobody can use up what others need. A friend has
/// Limits::each at most; while all of them together have Limits::all, those who have more than
/// Limits::always get nothing more. So never more is kept than all + (number of friends) * always.
class FriendBudget {
 public:
  struct Limits {
    std::size_t each = 0;
    std::size_t all = 0;
    std::size_t always = 0;
  };

  explicit FriendBudget(const Limits& limits) noexcept : limits_(limits) {}

  [[nodiscard]] bool has_room(const FriendKey& who, std::size_t amount = 1) const noexcept {
    const std::size_t after = used_by(who) + amount;
    return after <= limits_.each && (after <= limits_.always || total_ + amount <= limits_.all);
  }
  void add(const FriendKey& who, std::size_t amount = 1) {
    used_[who] += amount;
    total_ += amount;
  }
  void remove(const FriendKey& who, std::size_t amount = 1) {
    const auto found = used_.find(who);
    if (found == used_.end()) {
      return;
    }
    amount = std::min(amount, found->second);
    total_ -= amount;
    found->second -= amount;
    if (found->second == 0) {
      used_.erase(found);
    }
    reopen(who);
  }
  void forget(const FriendKey& who) { remove(who, used_by(who)); }

  /// Something of theirs was refused, and waits elsewhere for room.
  void refused(const FriendKey& who) { waiting_.insert(who); }
  /// Rises when a quarter of the room is free again for a friend who had something refused.
  [[nodiscard]] std::uint64_t reopened() const noexcept { return reopened_; }

  [[nodiscard]] std::size_t used_by(const FriendKey& who) const noexcept {
    const auto found = used_.find(who);
    return found == used_.end() ? 0 : found->second;
  }
  [[nodiscard]] std::size_t total() const noexcept { return total_; }

 private:
  static constexpr std::size_t room_divisor = 4;

  /// Room in the whole may be what others wait for.
  void reopen(const FriendKey& who) {
    if (waiting_.empty()) {
      return;
    }
    const std::size_t room = limits_.all - std::min(limits_.all, total_);
    if (room >= limits_.all / room_divisor) {
      const auto reopens = std::erase_if(waiting_, [this](const FriendKey& key) { return is_roomy(key); });
      reopened_ += reopens == 0 ? 0 : 1;
    } else if (is_roomy(who) && waiting_.erase(who) != 0) {
      ++reopened_;
    }
  }
  [[nodiscard]] bool is_roomy(const FriendKey& who) const noexcept {
    return has_room(who, std::max<std::size_t>(limits_.always / room_divisor, 1)) &&
           used_by(who) <= limits_.each - limits_.each / room_divisor;
  }

  Limits limits_;
  std::map<FriendKey, std::size_t> used_;
  std::size_t total_ = 0;
  std::set<FriendKey> waiting_;
  std::uint64_t reopened_ = 0;
};

}  // namespace toxasync::manager
