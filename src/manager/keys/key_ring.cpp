// SPDX-License-Identifier: GPL-3.0-or-later
#include "manager/keys/key_ring.hpp"

#include <algorithm>
#include <tuple>
#include <utility>

namespace toxasync::manager {

namespace {

/// Secrets are wiped with the record.
struct RootRecord {
  crypto::Wiped<32> secret;
  UnixTime created{};
  UnixTime replace_at{};
  UnixTime retired{};
  static void fields(auto& ar, auto& self) {
    wire::fields(ar, wire::array_of(self.secret), self.created, self.replace_at, self.retired);
  }
};

store::StateWrite root_write(const Root& root) {
  return put_record(
      state_key(Table::root, {root.id()}),
      RootRecord{crypto::Wiped<32>(root.pair.secret.bytes()), root.created, root.replace_at, root.retired});
}

struct KeyRecord {
  crypto::Wiped<32> secret;
  UnixTime time{};  ///< Use until.
  FriendKey given_to{};
  std::uint64_t version = 0;
  static void fields(auto& ar, auto& self) {
    wire::fields(ar, wire::array_of(self.secret), self.time, self.given_to, self.version);
  }
};

Bytes key_name(const PreKey& key, const crypto::PreKeyId& id) {
  return state_key(key.one_time ? Table::one_time : Table::last_resort, {id});
}

store::StateWrite key_write(const PreKey& key, const crypto::PreKeyId& id) {
  return put_record(key_name(key, id), KeyRecord{crypto::Wiped<32>(key.pair.secret.bytes()), key.use_until,
                                                 key.given_to, key.version});
}

/// Whose mailboxes are cover for those of `root`. Derived, so that it is the same after a restart, and
/// nothing more is on disk.
crypto::KeyPair cover_root(const crypto::KeyPair& root) {
  return crypto::KeyPair::from_secret(
      crypto::Secret<32>(crypto::h256(root.secret.view(), {as_bytes("toxasync/1 cover root")})));
}

}  // namespace

Root::Root(crypto::KeyPair keys, UnixTime created, UnixTime replace_at, UnixTime retired)
    : pair(std::move(keys)),
      cover(cover_root(pair)),
      created(created),
      replace_at(replace_at),
      retired(retired) {}

bool KeyRing::load(const store::StateEntry& entry) {
  const auto table = static_cast<Table>(entry.key[0]);
  if (table == Table::root) {
    RootRecord record;
    if (read_record(services_.telemetry, entry, record)) {
      roots_.emplace_back(crypto::KeyPair::from_secret(crypto::Secret<32>::copy_of(record.secret)),
                          record.created, record.replace_at, record.retired);
      // The one that is not retired stands last, whatever the clock said when the others were made.
      std::ranges::sort(roots_, {}, [](const Root& root) {
        return std::pair(root.retired == UnixTime{} ? UnixTime::max() : root.retired, root.created);
      });
    }
    return true;
  }
  KeyRecord record;
  if (!read_record(services_.telemetry, entry, record)) {
    return true;
  }
  auto pair = crypto::KeyPair::from_secret(crypto::Secret<32>::copy_of(record.secret));
  const auto id = crypto::pre_key_id(pair.public_key);
  insert(id, {std::move(pair), record.time, record.given_to, record.version, table == Table::one_time});
  return true;
}

/// Marks that lie in the future were made while the clock was ahead. What then looks too new is given the
/// longest past that matters: mail for it may be as old.
void KeyRing::clamp(const CertainDate& date, store::StateBatch& batch) {
  for (Root& root : roots_) {
    const bool ahead = date.clamped(root.created) != root.created;
    const UnixTime created = ahead ? date.now() - limits::largest_time_to_live : root.created;
    const UnixTime replace_at = date.clamped(root.replace_at, root_replaced_after);
    const UnixTime retired = date.clamped(root.retired);
    if (std::tuple(created, replace_at, retired) != std::tuple(root.created, root.replace_at, root.retired)) {
      root.created = created;
      root.replace_at = replace_at;
      root.retired = retired;
      batch.push_back(root_write(root));
    }
  }
  for (auto& [id, key] : keys_) {
    const UnixTime until = date.clamped(key.use_until, use_for);
    if (until != key.use_until) {
      key.use_until = until;
      batch.push_back(key_write(key, id));
    }
  }
}

UnixTime KeyRing::root_replaced_at() const noexcept {
  const UnixTime room = roots_.size() < roots_held ? UnixTime{} : roots_.front().retired + root_kept;
  return std::max(root().replace_at, room);
}

bool KeyRing::renew_roots(const CertainDate& date, store::StateBatch& batch) {
  bool changed = false;
  while (roots_.size() > 1 && roots_.front().retired + root_kept < date.passed()) {
    drop_oldest_root(batch);
    changed = true;
  }
  if (roots_.empty() || date.passed() >= root_replaced_at()) {
    if (!roots_.empty()) {
      roots_.back().retired = date.now();
      batch.push_back(root_write(roots_.back()));
    }
    roots_.emplace_back(crypto::KeyPair::generate(services_.random), date.now(),
                        date.now() + root_replaced_after);
    batch.push_back(root_write(roots_.back()));
    changed = true;
  }
  return changed;
}

void KeyRing::drop_oldest_root(store::StateBatch& batch) {
  batch.push_back(erase_record(state_key(Table::root, {roots_.front().id()})));
  roots_.erase(roots_.begin());
}

void KeyRing::replace_root_soon(const CertainDate& date, store::StateBatch& batch) {
  Root& root = roots_.back();
  const bool many = roots_.size() > roots_replaced_soon;
  const UnixTime soon = date.passed() + (many ? root_replaced_after_removals : root_replaced_after_removal);
  if (soon < root.replace_at) {
    root.replace_at = soon;
    batch.push_back(root_write(root));
  }
}

bool KeyRing::renew(const CertainDate& date, store::StateBatch& batch) {
  clamp(date, batch);
  const bool roots_changed = renew_roots(date, batch);
  std::vector<crypto::PreKeyId> over;
  for (const auto& [id, key] : keys_) {
    if (key.use_until + kept_longer < date.passed()) {
      over.push_back(id);
    }
  }
  for (const auto& id : over) {
    batch.push_back(erase_record(key_name(keys_.at(id), id)));
    drop(id);
  }
  const auto found = keys_.find(last_resort_);
  if (found == keys_.end() ||
      found->second.use_until - use_for + last_resort_replaced_after <= date.passed()) {
    make_last_resort(date, batch);
  }
  return roots_changed;
}

void KeyRing::make_last_resort(const CertainDate& date, store::StateBatch& batch) {
  PreKey key{crypto::KeyPair::generate(services_.random), date.now() + use_for, {}, 0, false};
  const auto id = crypto::pre_key_id(key.pair.public_key);
  batch.push_back(key_write(key, id));
  insert(id, std::move(key));
}

void KeyRing::make_one_time(const FriendKey& to, std::uint64_t version, std::size_t count,
                            const CertainDate& date, store::StateBatch& batch) {
  for (std::size_t i = 0; i < count; ++i) {
    PreKey key{crypto::KeyPair::generate(services_.random), date.now() + use_for, to, version, true};
    const auto id = crypto::pre_key_id(key.pair.public_key);
    batch.push_back(key_write(key, id));
    insert(id, std::move(key));
  }
}

void KeyRing::drop_one_time(const FriendKey& to, std::size_t most, std::span<const std::uint64_t> last,
                            store::StateBatch& batch) {
  auto& held = by_friend_[to];
  const auto turn = [&](const crypto::PreKeyId& id) {
    const std::uint64_t version = keys_.at(id).version;
    return std::pair(std::ranges::find(last, version) != last.end(), version);
  };
  std::ranges::stable_sort(held, {}, turn);  // those of a version stay in their order
  const auto kept = held.end() - static_cast<std::ptrdiff_t>(std::min(most, held.size()));
  std::for_each(held.begin(), kept, [&](const crypto::PreKeyId& id) {
    batch.push_back(erasure(id));
    keys_.erase(id);
  });
  held.erase(held.begin(), kept);
}

void KeyRing::insert(const crypto::PreKeyId& id, PreKey key) {
  if (key.one_time) {
    by_friend_[key.given_to].push_back(id);
  } else if (const auto found = keys_.find(last_resort_);
             found == keys_.end() || found->second.use_until <= key.use_until) {
    last_resort_ = id;
  }
  keys_.insert_or_assign(id, std::move(key));
}

std::vector<crypto::Point> KeyRing::one_time_keys(const FriendKey& to, std::uint64_t version) const {
  std::vector<crypto::Point> points;
  if (const auto found = by_friend_.find(to); found != by_friend_.end()) {
    for (const auto& id : found->second) {
      const PreKey& key = keys_.at(id);
      if (key.version == version) {
        points.push_back(key.pair.public_key);
      }
    }
  }
  return points;
}

std::size_t KeyRing::held_one_time(const FriendKey& to) const noexcept {
  const auto found = by_friend_.find(to);
  return found == by_friend_.end() ? 0 : found->second.size();
}

std::size_t KeyRing::fresh_one_time(const FriendKey& to, const CertainDate& date) const noexcept {
  const auto found = by_friend_.find(to);
  return found == by_friend_.end()
             ? 0
             : static_cast<std::size_t>(std::ranges::count_if(found->second, [&](const auto& id) {
                 return keys_.at(id).use_until > date.passed() + stale_before_end;
               }));
}

const PreKey* KeyRing::find(const crypto::PreKeyId& id) const noexcept {
  const auto found = keys_.find(id);
  return found == keys_.end() ? nullptr : &found->second;
}

store::StateWrite KeyRing::erasure(const crypto::PreKeyId& id) {
  return erase_record(state_key(Table::one_time, {id}));
}

void KeyRing::drop(const crypto::PreKeyId& id) noexcept {
  const auto found = keys_.find(id);
  if (found == keys_.end()) {
    return;
  }
  if (found->second.one_time) {
    std::erase(by_friend_[found->second.given_to], id);
  }
  keys_.erase(found);
}

void KeyRing::drop_all_of(const FriendKey& friend_key, store::StateBatch& batch) {
  drop_one_time(friend_key, 0, {}, batch);
  by_friend_.erase(friend_key);
}

}  // namespace toxasync::manager
