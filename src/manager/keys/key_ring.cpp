// SPDX-License-Identifier: GPL-3.0-or-later
#include "manager/keys/key_ring.hpp"

#include <algorithm>
#include <utility>

namespace toxasync::manager {

namespace {

/// Secrets are wiped with the record.
struct RootRecord {
  crypto::Wiped<32> secret;
  std::int64_t created_s = 0;
  std::int64_t replace_at_s = 0;
  std::int64_t retired_s = 0;
  static void fields(auto& ar, auto& self) {
    wire::fields(ar, wire::array_of(self.secret), self.created_s, self.replace_at_s, self.retired_s);
  }
};

store::StateWrite root_write(const Root& root) {
  return put_record(state_key(Table::root, {root.id()}),
                    RootRecord{crypto::Wiped<32>(root.pair.secret.bytes()), root.created_s, root.replace_at_s,
                               root.retired_s});
}

struct KeyRecord {
  crypto::Wiped<32> secret;
  std::int64_t time_s = 0;  ///< Use until.
  FriendKey given_to{};
  std::uint64_t version = 0;
  static void fields(auto& ar, auto& self) {
    wire::fields(ar, wire::array_of(self.secret), self.time_s, self.given_to, self.version);
  }
};

Bytes key_name(const PreKey& key, const crypto::PreKeyId& id) {
  return state_key(key.one_time ? Table::one_time : Table::last_resort, {id});
}

store::StateWrite key_write(const PreKey& key, const crypto::PreKeyId& id) {
  return put_record(key_name(key, id), KeyRecord{crypto::Wiped<32>(key.pair.secret.bytes()), key.use_until_s,
                                                 key.given_to, key.version});
}

/// Whose mailboxes are cover for those of `root`. Derived, so that it is the same after a restart, and
/// nothing more is on disk.
crypto::KeyPair cover_root(const crypto::KeyPair& root) {
  return crypto::KeyPair::from_secret(
      crypto::Secret<32>(crypto::h256(root.secret.view(), {as_bytes("toxasync/1 cover root")})));
}

}  // namespace

Root::Root(crypto::KeyPair keys, std::int64_t created, std::int64_t replace_at, std::int64_t retired)
    : pair(std::move(keys)),
      cover(cover_root(pair)),
      created_s(created),
      replace_at_s(replace_at),
      retired_s(retired) {}

bool KeyRing::load(const store::StateEntry& entry) {
  const auto table = static_cast<Table>(entry.key[0]);
  if (table == Table::root) {
    RootRecord record;
    if (read_record(services_, entry, record)) {
      roots_.emplace_back(crypto::KeyPair::from_secret(crypto::Secret<32>::copy_of(record.secret)),
                          record.created_s, record.replace_at_s, record.retired_s);
      // The one that is not retired stands last, whatever the clock said when the others were made.
      std::ranges::sort(roots_, {}, [](const Root& root) {
        return std::pair(root.retired_s == 0 ? INT64_MAX : root.retired_s, root.created_s);
      });
    }
    return true;
  }
  KeyRecord record;
  if (!read_record(services_, entry, record)) {
    return true;
  }
  auto pair = crypto::KeyPair::from_secret(crypto::Secret<32>::copy_of(record.secret));
  const auto id = crypto::pre_key_id(pair.public_key);
  insert(id, {std::move(pair), record.time_s, record.given_to, record.version, table == Table::one_time});
  return true;
}

bool KeyRing::renew_roots(std::int64_t now_s, store::StateBatch& batch) {
  bool changed = false;
  if (roots_.empty() || now_s >= roots_.back().replace_at_s) {
    if (!roots_.empty()) {
      roots_.back().retired_s = std::max<std::int64_t>(now_s, 1);
      batch.push_back(root_write(roots_.back()));
    }
    roots_.emplace_back(crypto::KeyPair::generate(services_.random), now_s, now_s + root_replaced_after_s);
    batch.push_back(root_write(roots_.back()));
    changed = true;
  }
  while (roots_.size() > roots_held ||
         (roots_.size() > 1 && roots_.front().retired_s + root_kept_s < now_s)) {
    drop_oldest_root(batch);
    changed = true;
  }
  return changed;
}

void KeyRing::drop_oldest_root(store::StateBatch& batch) {
  batch.push_back(erase_record(state_key(Table::root, {roots_.front().id()})));
  roots_.erase(roots_.begin());
}

void KeyRing::replace_root_soon(std::int64_t now_s, store::StateBatch& batch) {
  Root& root = roots_.back();
  const std::int64_t soon_s = now_s + root_replaced_after_removal_s;
  if (soon_s < root.replace_at_s) {
    root.replace_at_s = soon_s;
    batch.push_back(root_write(root));
  }
}

bool KeyRing::renew(std::int64_t now_s, store::StateBatch& batch) {
  const bool roots_changed = renew_roots(now_s, batch);
  std::vector<crypto::PreKeyId> over;
  for (const auto& [id, key] : keys_) {
    if (key.use_until_s + kept_longer_s < now_s) {
      over.push_back(id);
    }
  }
  for (const auto& id : over) {
    batch.push_back(erase_record(key_name(keys_.at(id), id)));
    drop(id);
  }
  const auto found = keys_.find(last_resort_);
  if (found == keys_.end() || found->second.use_until_s - use_for_s + last_resort_replaced_after_s <= now_s) {
    make_last_resort(now_s, batch);
  }
  return roots_changed;
}

void KeyRing::make_last_resort(std::int64_t now_s, store::StateBatch& batch) {
  PreKey key{crypto::KeyPair::generate(services_.random), now_s + use_for_s, {}, 0, false};
  const auto id = crypto::pre_key_id(key.pair.public_key);
  batch.push_back(key_write(key, id));
  insert(id, std::move(key));
}

void KeyRing::make_one_time(const FriendKey& to, std::uint64_t version, std::size_t count, std::int64_t now_s,
                            store::StateBatch& batch) {
  for (std::size_t i = 0; i < count; ++i) {
    PreKey key{crypto::KeyPair::generate(services_.random), now_s + use_for_s, to, version, true};
    const auto id = crypto::pre_key_id(key.pair.public_key);
    batch.push_back(key_write(key, id));
    insert(id, std::move(key));
  }
}

void KeyRing::insert(const crypto::PreKeyId& id, PreKey key) {
  if (key.one_time) {
    by_friend_[key.given_to].push_back(id);
  } else if (const auto found = keys_.find(last_resort_);
             found == keys_.end() || found->second.use_until_s <= key.use_until_s) {
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

std::size_t KeyRing::fresh_one_time(const FriendKey& to, std::int64_t now_s) const noexcept {
  const auto found = by_friend_.find(to);
  return found == by_friend_.end()
             ? 0
             : static_cast<std::size_t>(std::ranges::count_if(found->second, [&](const auto& id) {
                 return keys_.at(id).use_until_s > now_s + stale_before_end_s;
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
  const auto found = by_friend_.find(friend_key);
  if (found == by_friend_.end()) {
    return;
  }
  for (const auto& id : found->second) {
    batch.push_back(erasure(id));
    keys_.erase(id);
  }
  by_friend_.erase(found);
}

}  // namespace toxasync::manager
