// SPDX-License-Identifier: GPL-3.0-or-later
#include "manager/keys/installation_records.hpp"

namespace toxasync::manager {

namespace {

struct BundleRecord {
  Installation bundle;
  static void fields(auto& ar, auto& self) {
    protocol::BundleVersion::fields(ar, self.bundle.version);
    wire::fields(ar, self.bundle.root, self.bundle.last_resort, self.bundle.signer, self.bundle.use_until,
                 wire::bounded<limits::home_nodes>(self.bundle.home_nodes),
                 wire::bounded<most_kept_keys>(self.bundle.one_time));
  }
};

struct UseRecord {
  std::uint32_t used = 0;
  UnixTime heard{};
  std::uint64_t taken_version = 0;
  static void fields(auto& ar, auto& self) { wire::fields(ar, self.used, self.heard, self.taken_version); }
};

Bytes keys_name(const FriendKey& of, crypto::Instance instance) {
  return state_key(Table::friend_keys, {of, bytes_of(instance)});
}

Bytes use_name(const FriendKey& of, crypto::Instance instance) {
  return state_key(Table::friend_use, {of, bytes_of(instance)});
}

}  // namespace

store::StateWrite bundle_write(const FriendKey& of, const Installation& installation) {
  return put_record(keys_name(of, installation.instance()), BundleRecord{installation});
}

store::StateWrite use_write(const FriendKey& of, const Installation& installation) {
  return put_record(use_name(of, installation.instance()),
                    UseRecord{installation.used, installation.heard, installation.taken_version});
}

void erase_installation(const FriendKey& of, crypto::Instance instance, store::StateBatch& batch) {
  batch.push_back(erase_record(keys_name(of, instance)));
  batch.push_back(erase_record(use_name(of, instance)));
}

std::optional<FriendKey> friend_of_installation(const store::StateEntry& entry) {
  const ByteView name = ByteView(entry.key).subspan(1);
  const bool whole = name.size() == sizeof(FriendKey) + sizeof(crypto::Instance);
  return whole ? std::optional(id_from<FriendKey>(name)) : std::nullopt;
}

void load_installation(const Telemetry& telemetry, const store::StateEntry& entry, Friend& of) {
  const auto instance = instance_from(ByteView(entry.key).subspan(1 + sizeof(FriendKey)));
  Installation* one = of.installation(instance);
  if (one == nullptr) {
    one = &of.theirs.emplace_back();  // its other record may come later
    one->version.instance = instance;
  }
  if (static_cast<Table>(entry.key[0]) == Table::friend_use) {
    UseRecord record;
    if (read_record(telemetry, entry, record)) {
      one->used = record.used;
      one->heard = record.heard;
      one->taken_version = record.taken_version;
    }
    return;
  }
  BundleRecord record;
  if (read_record(telemetry, entry, record) && record.bundle.instance() == instance) {
    record.bundle.used = one->used;
    record.bundle.heard = one->heard;
    record.bundle.taken_version = one->taken_version;
    *one = std::move(record.bundle);
  }
}

}  // namespace toxasync::manager
