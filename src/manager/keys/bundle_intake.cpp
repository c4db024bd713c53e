// SPDX-License-Identifier: GPL-3.0-or-later
#include "manager/keys/bundle_intake.hpp"

#include <algorithm>
#include <utility>

#include "manager/keys/installation_records.hpp"

namespace toxasync::manager {

namespace {

/// The time of use that a bundle gives is believed so far ahead.
constexpr seconds longest_use = 2 * KeyRing::use_for;

}  // namespace

bool BundleIntake::on_head(Friend& from, ByteView message) {
  protocol::WholeBundle bundle;
  if (wire::decode(message, bundle.head) != wire::Error::none) {
    return false;
  }
  const auto& head = bundle.head;
  if (head.one_time_count == 0) {
    return keep(from, bundle, BundleSource::friend_channel);
  }
  if (!is_genuine(from, head, BundleSource::friend_channel)) {
    return false;
  }
  const Installation* const held = from.installation(head.version.instance);
  if (held != nullptr && held->version.version >= head.version.version) {
    listener_.acknowledge_bundle(from, held->version);  // our acknowledgement was lost
    return true;
  }
  from.incoming = std::move(bundle);
  return true;
}

bool BundleIntake::on_keys(Friend& from, ByteView message) {
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
  return keep(from, *whole, BundleSource::friend_channel);
}

/// Whether the head is the friend's own, and no less trustworthy than what we hold of them.
bool BundleIntake::is_genuine(Friend& from, const protocol::BundleHead& head, BundleSource source) const {
  crypto::Wiped<32> shared;
  if (head.one_time_count > limits::one_time_keys || !crypto::is_canonical(head.last_resort) ||
      head.version.instance == crypto::Instance{} || head.replaces == head.version.instance ||
      !crypto::x25519(shared, services_.self.secret.bytes(), head.root.m) ||
      !crypto::equal(head.root_mac, protocol::root_mac(shared, head.root.m, from.key,
                                                       services_.self.friend_key(), head.version)) ||
      !head.is_signed(from.key, services_.self.friend_key())) {
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
bool BundleIntake::keep(Friend& from, const protocol::WholeBundle& bundle, BundleSource source) {
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
  if (nodes.empty() || !has_room(from)) {
    return false;
  }
  const bool fresh = held == nullptr;
  store::StateBatch batch;
  if (!old) {
    Installation& placed = place(from, head, batch);
    placed.home_nodes = std::move(nodes);
    add_keys(placed, bundle.keys);
    batch.push_back(bundle_write(from.key, placed));
    batch.push_back(use_write(from.key, placed));
  }
  ++from.bundles_under_way;
  const auto version = old ? held->version : head.version;
  services_.state.keep(std::move(batch), [this, key = from.key, version, source, old, fresh] {
    Friend* const sender = listener_.find(key);
    if (sender == nullptr) {
      return;
    }
    reopened_ += has_room(*sender) ? 0 : 1;
    sender->bundles_under_way -= std::min<std::size_t>(sender->bundles_under_way, 1);
    if (source == BundleSource::friend_channel) {
      listener_.acknowledge_bundle(*sender, version);
    }
    if (!old) {
      services_.telemetry.count(Counter::bundles_accepted);
      listener_.on_bundle_kept(*sender, fresh);
    }
  });
  return true;
}

/// The installation that the head is of, without what it replaces.
Installation& BundleIntake::place(Friend& from, const protocol::BundleHead& head, store::StateBatch& batch) {
  const auto drop = [&](crypto::Instance instance) {
    erase_installation(from.key, instance, batch);
    std::erase_if(from.theirs, [instance](const Installation& one) { return one.instance() == instance; });
  };
  if (from.installation(head.replaces) != nullptr) {
    drop(head.replaces);
  }
  Installation* placed = from.installation(head.version.instance);
  if (placed == nullptr) {
    if (from.theirs.size() >= limits::instances_per_friend) {
      const UnixTime now = services_.clock.now().unix_time();  // later marks are a wrong clock's
      const auto heard = [now](const Installation& one) { return std::min(one.heard, now); };
      drop(std::ranges::min_element(from.theirs, {}, heard)->instance());
    }
    placed = &from.theirs.emplace_back();
  }
  placed->version = head.version;
  placed->root = head.root;
  placed->last_resort = head.last_resort;
  placed->signer = head.signer;
  placed->heard = services_.clock.now().unix_time();
  placed->use_until = unix_time(head.use_until_s);
  if (services_.clock.checked()) {  // else our clock may be behind
    placed->use_until = std::min(placed->use_until, placed->heard + longest_use);
  }
  return *placed;
}

/// Those that end first stand first; when there are too many, they are the ones to go.
/// In an order of our own: another device of ours that got the same ones seldom takes the same.
void BundleIntake::add_keys(Installation& to, std::vector<crypto::Point> keys) const {
  for (std::size_t i = keys.size(); i > 1; --i) {
    std::swap(keys[i - 1], keys[services_.random.below(i)]);
  }
  const auto used = std::min<std::size_t>(to.used, to.one_time.size());
  const auto left = to.one_time.size() - used;
  const auto kept = std::min(left, most_kept_keys - std::min(most_kept_keys, keys.size()));
  to.one_time.erase(to.one_time.begin(), to.one_time.end() - static_cast<std::ptrdiff_t>(kept));
  to.used = 0;
  for (const auto& key : keys) {
    to.one_time.push_back({key, to.use_until});
  }
}

}  // namespace toxasync::manager
