// SPDX-License-Identifier: GPL-3.0-or-later
#include <algorithm>
#include <utility>

#include "manager/keys/friend_book.hpp"

// Bundles of friends: checked, kept, acknowledged (docs/protocol.md, section 5).

namespace toxasync::manager {

namespace {

/// Most one-time keys of an installation that we keep: what is left of older bundles and a new one.
constexpr std::size_t kept_keys = 2 * limits::one_time_keys;
/// What is said of the time of use is believed so far ahead.
constexpr std::int64_t longest_use_s = 2 * KeyRing::use_for_s;

struct BundleRecord {
  Installation bundle;
  template <class Archive>
  void serialize(Archive& ar, unsigned v) {
    bundle.version.serialize(ar, v);
    wire::fields(ar, bundle.root, bundle.last_resort, bundle.signer, bundle.use_until_s,
                 wire::bounded<limits::home_nodes>(bundle.home_nodes),
                 wire::bounded<kept_keys>(bundle.one_time));
  }
};

struct UseRecord {
  std::uint32_t used = 0;
  std::int64_t heard_s = 0;
  std::uint64_t taken_version = 0;
  template <class Archive>
  void serialize(Archive& ar, unsigned /*version*/) {
    wire::fields(ar, used, heard_s, taken_version);
  }
};

Bytes keys_name(const FriendKey& whom, std::uint64_t instance) {
  return state_key(Table::friend_keys, {whom, bytes_of(instance)});
}

Bytes use_name(const FriendKey& whom, std::uint64_t instance) {
  return state_key(Table::friend_use, {whom, bytes_of(instance)});
}

}  // namespace

bool FriendBook::load_installation(const store::StateEntry& entry) {
  const ByteView name = ByteView(entry.key).subspan(1);
  if (name.size() != sizeof(FriendKey) + 8) {
    return false;
  }
  Friend& whom = friends_[to_array<32>(name)];
  whom.key = to_array<32>(name);
  const auto instance = load_le<std::uint64_t>(name.data() + sizeof(FriendKey));
  Installation* one = whom.installation(instance);
  if (one == nullptr) {
    one = &whom.theirs.emplace_back();  // its other row may come later
    one->version.instance = instance;
  }
  if (static_cast<Table>(entry.key[0]) == Table::friend_use) {
    UseRecord record;
    if (read_record(services_, entry, record)) {
      one->used = record.used;
      one->heard_s = record.heard_s;
      one->taken_version = record.taken_version;
    }
    return true;
  }
  BundleRecord record;
  if (read_record(services_, entry, record) && record.bundle.instance() == instance) {
    record.bundle.used = one->used;
    record.bundle.heard_s = one->heard_s;
    record.bundle.taken_version = one->taken_version;
    *one = std::move(record.bundle);
  }
  return true;
}

store::StateWrite FriendBook::use_write(const Friend& whom, const Installation& of) {
  return put_record(use_name(whom.key, of.instance()), UseRecord{of.used, of.heard_s, of.taken_version});
}

void FriendBook::forget(const Friend& whom, std::uint64_t instance, store::StateBatch& batch) {
  batch.push_back(erase_record(keys_name(whom.key, instance)));
  batch.push_back(erase_record(use_name(whom.key, instance)));
}

bool FriendBook::on_packet(Friend& from, const protocol::FriendPacket& packet) {
  bool good = false;
  if (packet.type == protocol::FriendPacketType::bundle_head) {
    good = on_head(from, packet.message);
  } else if (packet.type == protocol::FriendPacketType::bundle_keys) {
    good = on_keys(from, packet.message);
  } else if (packet.type == protocol::FriendPacketType::bundle_taken) {
    good = on_taken(from, packet.message);
  }
  if (!good) {
    services_.telemetry.refuse(Counter::refused_bundle);
  }
  return good;
}

bool FriendBook::on_head(Friend& from, ByteView message) {
  protocol::WholeBundle bundle;
  if (wire::decode(message, bundle.head) != wire::Error::none) {
    return false;
  }
  const auto& head = bundle.head;
  if (head.one_time_count == 0) {
    return take_bundle(from, bundle, BundleSource::friend_channel);
  }
  if (!is_genuine(from, head, BundleSource::friend_channel)) {
    return false;
  }
  const Installation* const held = from.installation(head.version.instance);
  if (held != nullptr && held->version.version >= head.version.version) {
    acknowledge(from, held->version);  // our acknowledgement was lost
    return true;
  }
  from.incoming = std::move(bundle);
  return true;
}

bool FriendBook::on_keys(Friend& from, ByteView message) {
  protocol::BundleKeys part;
  if (wire::decode(message, part) != wire::Error::none) {
    return false;
  }
  if (!from.incoming) {
    // The rest of a bundle that we have already; its head was acknowledged.
    const Installation* const held = from.installation(part.version.instance);
    return held != nullptr && held->version == part.version;
  }
  auto& keys = from.incoming->keys;
  const std::size_t count = from.incoming->head.one_time_count;
  if (part.version != from.incoming->head.version || part.first != keys.size() ||
      keys.size() + part.keys.size() > count) {
    from.incoming.reset();
    return false;
  }
  keys.insert(keys.end(), part.keys.begin(), part.keys.end());
  if (keys.size() < count) {
    return true;
  }
  const auto whole = std::exchange(from.incoming, std::nullopt);
  return take_bundle(from, *whole, BundleSource::friend_channel);
}

bool FriendBook::on_whole_bundle(Friend& from, const protocol::WholeBundle& bundle, BundleSource source) {
  const bool good = take_bundle(from, bundle, source);
  if (!good) {
    services_.telemetry.refuse(Counter::refused_bundle);
  }
  return good;
}

/// Whether the head is the friend's own, and no less trustworthy than what we hold of him.
bool FriendBook::is_genuine(Friend& from, const protocol::BundleHead& head, BundleSource source) const {
  crypto::Wiped<32> shared;
  if (head.one_time_count > limits::one_time_keys || !crypto::is_canonical(head.last_resort) ||
      head.version.instance == 0 || head.replaces == head.version.instance ||
      !crypto::x25519(shared, services_.self.secret.bytes(), head.root) ||
      !crypto::equal(head.root_mac, protocol::root_mac(shared, head.root, from.key, services_.self.public_key,
                                                       head.version)) ||
      !head.is_signed(from.key, services_.self.public_key)) {
    return false;
  }
  // Later bundles are vouched for by the first: whoever steals our Tox key cannot make one.
  const Installation* const same = from.installation(head.version.instance);
  const Installation* const before = from.installation(head.replaces);
  if ((same != nullptr && same->signer != head.signer) ||
      (before != nullptr && before->signer != head.signer)) {
    return false;
  }
  return source != BundleSource::pair_mailbox || same != nullptr || before != nullptr || from.theirs.empty();
}

/// A whole bundle: it is acknowledged once it is on our disk.
bool FriendBook::take_bundle(Friend& from, const protocol::WholeBundle& bundle, BundleSource source) {
  const auto& head = bundle.head;
  const auto canonical = [](const crypto::Point& key) { return crypto::is_canonical(key); };
  if (bundle.keys.size() != head.one_time_count || !std::ranges::all_of(bundle.keys, canonical) ||
      protocol::one_time_hash(bundle.keys) != head.keys_hash || !is_genuine(from, head, source)) {
    return false;
  }
  auto nodes = head.home_nodes;
  for (auto& node : nodes) {
    std::erase_if(node.addresses, [this](const protocol::Address& address) {
      return !protocol::is_usable_address(address.endpoint, services_.config.allow_local_addresses);
    });
  }
  std::erase_if(nodes, [](const protocol::HomeNode& node) { return node.addresses.empty(); });
  const Installation* const held = from.installation(head.version.instance);
  const bool old = held != nullptr && held->version.version >= head.version.version;
  if (nodes.empty() || (!old && from.bundles_under_way >= bundles_under_way)) {
    return false;
  }
  const bool fresh = held == nullptr;
  store::StateBatch batch;
  if (!old) {
    Installation& placed = place(from, head, batch);
    placed.home_nodes = std::move(nodes);
    add_keys(placed, bundle.keys);
    batch.push_back(put_record(keys_name(from.key, placed.instance()), BundleRecord{placed}));
    batch.push_back(use_write(from, placed));
  }
  ++from.bundles_under_way;
  const auto version = old ? held->version : head.version;
  services_.state.keep(std::move(batch), [this, key = from.key, version, source, old, fresh] {
    Friend* const whom = find(key);
    if (whom == nullptr) {
      return;
    }
    whom->bundles_under_way -= std::min<std::size_t>(whom->bundles_under_way, 1);
    if (source == BundleSource::friend_channel) {
      acknowledge(*whom, version);
    }
    if (!old) {
      services_.telemetry.count(Counter::bundles_accepted);
      listener_.on_friend_bundle(*whom);
      if (fresh) {
        whom->our_content = {};  // a new bundle, with keys that no other installation of his has
      }
      offer_bundle(*whom);
    }
  });
  return true;
}

/// The installation that the head is of, without what it replaces.
Installation& FriendBook::place(Friend& from, const protocol::BundleHead& head, store::StateBatch& batch) {
  const auto drop = [&](std::uint64_t instance) {
    forget(from, instance, batch);
    std::erase_if(from.theirs, [instance](const Installation& one) { return one.instance() == instance; });
  };
  if (from.installation(head.replaces) != nullptr) {
    drop(head.replaces);
  }
  Installation* placed = from.installation(head.version.instance);
  if (placed == nullptr) {
    if (from.theirs.size() >= limits::instances_per_friend) {
      drop(std::ranges::min_element(from.theirs, {}, &Installation::heard_s)->instance());
    }
    placed = &from.theirs.emplace_back();
  }
  const auto latest_s = static_cast<std::uint64_t>(services_.clock.now().unix_s() + longest_use_s);
  placed->version = head.version;
  placed->root = head.root;
  placed->last_resort = head.last_resort;
  placed->signer = head.signer;
  placed->use_until_s = static_cast<std::int64_t>(std::min(head.use_until_s, latest_s));
  placed->heard_s = services_.clock.now().unix_s();
  return *placed;
}

/// Those that end first stand first; when there are too many, they are the ones to go.
/// In an order of our own: another device of ours that got the same ones seldom takes the same.
void FriendBook::add_keys(Installation& to, std::vector<crypto::Point> keys) const {
  for (std::size_t i = keys.size(); i > 1; --i) {
    std::swap(keys[i - 1], keys[services_.random.below(i)]);
  }
  const auto used = std::min<std::size_t>(to.used, to.one_time.size());
  const auto left = to.one_time.size() - used;
  const auto kept = std::min(left, kept_keys - std::min(kept_keys, keys.size()));
  to.one_time.erase(to.one_time.begin(), to.one_time.end() - static_cast<std::ptrdiff_t>(kept));
  to.used = 0;
  for (const auto& key : keys) {
    to.one_time.push_back({key, to.use_until_s});
  }
}

bool FriendBook::on_taken(Friend& from, ByteView message) {
  protocol::BundleTaken taken_by;
  if (wire::decode(message, taken_by) != wire::Error::none || taken_by.taker == 0) {
    return false;
  }
  const auto& [version, taker] = taken_by;
  if (version == protocol::greeting) {
    const Installation* const held = from.installation(taker);
    acknowledge(from, held != nullptr ? held->version : protocol::BundleVersion{taker, 0});
    return true;
  }
  if (version.instance != from.instance) {
    return false;
  }
  if (version.version > from.our_version) {
    renew_instance(from);  // our state was restored from a copy
  } else if (version.version == 0) {
    give_bundle_anew(from, taker);
  } else {
    taken(from, version.version, taker);
  }
  return true;
}

/// The installation with which he is online has nothing of us.
void FriendBook::give_bundle_anew(Friend& whom, std::uint64_t taker) {
  if (std::exchange(whom.gave_anew, true)) {
    return;
  }
  if (Installation* const installation = whom.installation(taker)) {
    installation->taken_version = 0;
  }
  whom.our_content = {};
  offer_bundle(whom);
}

void FriendBook::acknowledge(Friend& whom, const protocol::BundleVersion& version) {
  enqueue(whom, protocol::make_friend_packet(protocol::FriendPacketType::bundle_taken,
                                             protocol::BundleTaken{version, whom.instance}));
}

}  // namespace toxasync::manager
