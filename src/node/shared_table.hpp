// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <list>
#include <set>
#include <unordered_map>
#include <utility>

#include "base/time.hpp"
#include "crypto/symmetric.hpp"
#include "node/source.hpp"

namespace toxasync::node {

/// A map of at most `capacity` entries whose places are shared among the networks that they come from
/// (docs/admission.md, "Tables"). In a full table a new entry replaces one of the network that holds most for
/// its size; within it, of the smaller network that does; of one source, first the entry that proved nothing
/// lately, then the one untouched for longest. Networks that hold the same: first the one that proved
/// something least recently.
///
/// find() and touch() take constant time, all else a logarithm of the number of sources. Strangers choose the
/// keys, so the hash is keyed.
template <class Key, class Value>
class SharedTable {
 public:
  struct Inserted {
    Value& value;
    bool evicted;  ///< Another entry was dropped.
  };

  /// For how long a proof counts.
  static constexpr milliseconds lately = 30min;

  SharedTable(std::size_t capacity, const ByteArray<16>& hash_key)
      : capacity_(std::max<std::size_t>(capacity, 1)),
        index_(0, Hash{hash_key}),
        groups_{Groups(0, Hash{hash_key}), Groups(0, Hash{hash_key}), Groups(0, Hash{hash_key})} {}
  SharedTable(const SharedTable&) = delete;
  SharedTable& operator=(const SharedTable&) = delete;

  /// Null when it is not there. Does not touch it.
  [[nodiscard]] Value* find(const Key& key) noexcept {
    const auto found = index_.find(key);
    return found == index_.end() ? nullptr : &found->second->value;
  }

  /// Makes the entry, if there is one, the most recently touched of its source.
  void touch(const Key& key) noexcept {
    if (const auto found = index_.find(key); found != index_.end()) {
      Entries& list = list_of(*found->second);
      list.splice(list.begin(), list, found->second);
    }
  }

  /// As touch; the entry's client has just proved that it owns a mailbox.
  void prove(const Key& key, SteadyTime now) noexcept {
    if (const auto found = index_.find(key); found != index_.end()) {
      Entries& from = list_of(*found->second);
      found->second->proved = now;
      Entries& to = list_of(*found->second);
      to.splice(to.begin(), from, found->second);
      note_proof(*found->second->source, now);
    }
  }

  /// Adds or replaces an entry of `source`. The reference is valid until the entry is dropped.
  Inserted insert(const Key& key, Value value, const Source& source, SteadyTime now) {
    erase(key);
    const bool evict = index_.size() >= capacity_;
    if (evict) {
      drop(worst(now));
    }
    Group& group = group_of(source);
    try {
      group.unproved.push_front({key, std::move(value), &group, long_ago});
      index_.emplace(key, group.unproved.begin());
    } catch (...) {
      if (!group.unproved.empty() && !index_.contains(group.unproved.front().key)) {
        group.unproved.pop_front();
      }
      resize(&group, 0);
      throw;
    }
    Value& added = group.unproved.front().value;
    resize(&group, 1);
    return {added, evict};
  }

  void erase(const Key& key) noexcept {
    if (const auto found = index_.find(key); found != index_.end()) {
      drop(found->second);
    }
  }

  template <class Predicate>
  void erase_if(Predicate&& predicate) {
    for (auto at = index_.begin(); at != index_.end();) {
      const auto entry = (at++)->second;
      if (predicate(std::as_const(entry->value))) {
        drop(entry);
      }
    }
  }

  [[nodiscard]] std::size_t size() const noexcept { return index_.size(); }

 private:
  struct Group;
  struct Entry {
    Key key;
    Value value;
    Group* source;
    SteadyTime proved;  ///< `long_ago`: never.
  };
  using Entries = std::list<Entry>;

  /// What gives way first comes first.
  struct GivesWay {
    bool operator()(const Group* a, const Group* b) const noexcept {
      if (a->pressure != b->pressure) {
        return a->pressure > b->pressure;
      }
      if (a->proved != b->proved) {
        return a->proved < b->proved;
      }
      return a->last < b->last;
    }
  };
  using Children = std::set<Group*, GivesWay>;

  /// A network together with the larger ones that it lies in: the prefixes below its level are zero.
  using GroupName = ByteArray<3 * std::tuple_size_v<SourcePrefix>>;
  /// A network: a source with its entries (level 0), or a larger one with those in it.
  struct Group {
    GroupName name{};
    std::size_t level = 0;
    Group* parent = nullptr;
    std::size_t size = 0;      ///< Entries in it.
    std::size_t pressure = 0;  ///< What it holds for its size, or the most of those in it.
    SteadyTime proved = long_ago;
    std::uint64_t last = 0;  ///< When the last entry was added: different in all groups of a level.
    Entries unproved;        ///< Level 0, the last touched first.
    Entries proven;          ///< The same.
    Children children;       ///< Levels 1 and 2, and of the root.
  };
  struct Hash {
    ByteArray<16> key;
    std::size_t operator()(ByteView bytes) const noexcept {
      return static_cast<std::size_t>(crypto::siphash(key, bytes));
    }
  };
  using Groups = std::unordered_map<GroupName, Group, Hash>;
  using Place = typename Entries::iterator;

  static constexpr std::size_t levels = 3;
  /// As of the free space (StorageQuota): an eighth, a quarter, a half.
  static constexpr std::array<std::size_t, levels> parts = {8, 4, 2};
  /// A group is moved for a new proof at most so often.
  static constexpr milliseconds proof_step = 1min;

  static Entries& list_of(const Entry& entry) noexcept {
    return entry.proved == long_ago ? entry.source->unproved : entry.source->proven;
  }

  /// The groups of a source, made where they are missing; its smallest.
  Group& group_of(const Source& source) {
    Group* parent = &root_;
    for (std::size_t level = levels; level-- > 0;) {
      GroupName name{};
      for (std::size_t i = level; i < levels; ++i) {
        const SourcePrefix& prefix = source.networks()[i];
        std::ranges::copy(prefix, name.begin() + static_cast<std::ptrdiff_t>(i * prefix.size()));
      }
      Group& group = groups_[level].try_emplace(name).first->second;
      if (group.parent == nullptr) {
        group.name = name;
        group.level = level;
        group.last = ++serial_;
        try {
          parent->children.insert(&group);
        } catch (...) {
          groups_[level].erase(name);
          resize(parent, 0);
          throw;
        }
        group.parent = parent;
      }
      parent = &group;
    }
    return *parent;
  }

  /// Changes a group and those that it lies in: `change` is called for each. Needs no memory.
  template <class Change>
  void update(Group* group, Change&& change) noexcept {
    while (group != nullptr && group != &root_) {
      Group* const parent = group->parent;
      auto node = parent->children.extract(group);
      change(*group);
      if (group->size == 0) {
        groups_[group->level].erase(GroupName(group->name));
      } else {
        group->pressure = group->size * parts[group->level];
        if (!group->children.empty()) {
          group->pressure = std::max(group->pressure, (*group->children.begin())->pressure);
        }
        parent->children.insert(std::move(node));
      }
      group = parent;
    }
  }

  /// One entry more, one fewer, or (0) as many: groups without entries go.
  void resize(Group* group, int by) noexcept {
    update(group, [&](Group& at) {
      at.size += static_cast<std::size_t>(by);  // -1 wraps around
      at.last = by > 0 ? ++serial_ : at.last;
    });
  }

  void note_proof(Group& source, SteadyTime now) noexcept {
    if (source.proved == long_ago || now - source.proved >= proof_step) {
      update(&source, [now](Group& at) { at.proved = now; });
    }
  }

  /// Of a table that is not empty.
  Place worst(SteadyTime now) noexcept {
    Group* group = &root_;
    while (!group->children.empty()) {
      group = *group->children.begin();
    }
    const bool spent = !group->proven.empty() && now - group->proven.back().proved >= lately;
    Entries& list = spent || group->unproved.empty() ? group->proven : group->unproved;
    return std::prev(list.end());
  }

  void drop(Place entry) noexcept {
    Group* const source = entry->source;
    index_.erase(entry->key);
    list_of(*entry).erase(entry);
    resize(source, -1);
  }

  std::size_t capacity_;
  std::unordered_map<Key, Place, Hash> index_;
  std::array<Groups, levels> groups_;
  Group root_;
  std::uint64_t serial_ = 0;
};

}  // namespace toxasync::node
