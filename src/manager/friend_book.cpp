// SPDX-License-Identifier: GPL-3.0-or-later
#include "manager/friend_book.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

namespace toxasync::manager {

namespace {

struct FriendRecord {
  std::uint64_t instance = 0;
  std::uint64_t replaces = 0;
  crypto::Wiped<32> signer_seed;
  std::uint64_t our_version = 0;
  std::uint64_t taken_version = 0;
  ByteArray<16> our_content{};
  std::uint64_t next_sequence = 1;
  std::uint32_t used = 0;
  template <class Archive>
  void serialize(Archive& ar, unsigned /*version*/) {
    wire::fields(ar, instance, replaces, static_cast<ByteArray<32>&>(signer_seed), our_version, taken_version,
                 our_content, next_sequence, used);
  }
};

/// Most one-time keys of a friend that we keep: what is left of older bundles and a new one.
constexpr std::size_t kept_keys = 2 * limits::one_time_keys;

std::uint64_t new_instance(Random& random) {
  std::uint64_t instance = 0;
  while (instance == 0) {
    instance = random.u64();
  }
  return instance;
}

struct BundleRecord {
  TheirBundle bundle;
  template <class Archive>
  void serialize(Archive& ar, unsigned v) {
    bundle.version.serialize(ar, v);
    wire::fields(ar, bundle.root, bundle.last_resort, bundle.signer, bundle.use_until_s,
                 wire::bounded<limits::home_nodes>(bundle.home_nodes),
                 wire::bounded<kept_keys>(bundle.one_time));
  }
};

}  // namespace

FriendBook::FriendBook(const Services& services, KeyRing& keys, HomeNodes own_nodes, BundleTaken on_bundle)
    : services_(services), keys_(keys), own_nodes_(std::move(own_nodes)), on_bundle_(std::move(on_bundle)) {}

bool FriendBook::load(const store::StateEntry& entry) {
  const auto table = static_cast<Table>(entry.key[0]);
  if ((table != Table::friend_record && table != Table::friend_keys) ||
      entry.key.size() != 1 + sizeof(FriendKey)) {
    return false;
  }
  Friend& whom = friends_[to_array<32>(ByteView(entry.key).subspan(1))];
  whom.key = to_array<32>(ByteView(entry.key).subspan(1));
  const auto used = whom.theirs ? whom.theirs->used : 0;
  if (table == Table::friend_record) {
    FriendRecord record;
    if (read_record(services_, entry, record)) {
      whom.instance = record.instance;
      whom.replaces = record.replaces;
      whom.signer_seed = crypto::Secret<32>::copy_of(record.signer_seed);
      whom.our_version = record.our_version;
      whom.durable_version = record.our_version;
      whom.taken_version = record.taken_version;
      whom.our_content = record.our_content;
      whom.next_sequence = record.next_sequence;
      if (!whom.theirs) {
        whom.theirs.emplace();  // the other row may come later
      }
      whom.theirs->used = record.used;
    }
    return true;
  }
  BundleRecord record;
  if (read_record(services_, entry, record)) {
    whom.theirs = std::move(record.bundle);
    whom.theirs->used = used;
  }
  return true;
}

Friend* FriendBook::find(const FriendKey& key) noexcept {
  const auto found = friends_.find(key);
  return found == friends_.end() || !found->second.listed ? nullptr : &found->second;
}

Friend& FriendBook::add(const FriendKey& key) {
  Friend& whom = friends_[key];
  whom.key = key;
  whom.listed = true;
  if (whom.theirs && whom.theirs->home_nodes.empty()) {
    whom.theirs.reset();  // only the counters were stored: he has not given us a bundle
  }
  if (whom.instance == 0) {  // new, or his record is damaged: which keys are used up is then not known
    whom.instance = new_instance(services_.random);
    whom.signer_seed = crypto::Secret<32>::random(services_.random);
    if (whom.theirs) {
      whom.theirs->used = static_cast<std::uint32_t>(whom.theirs->one_time.size());
    }
  }
  return whom;
}

void FriendBook::remove(const FriendKey& key, store::StateBatch& batch) {
  friends_.erase(key);
  beats_.erase(key);
  keys_.drop_all_of(key, batch);
  batch.push_back(erase_record(state_key(Table::friend_record, {key})));
  batch.push_back(erase_record(state_key(Table::friend_keys, {key})));
}

void FriendBook::set_online(Friend& whom, bool online) {
  whom.online = online;
  whom.incoming.reset();
  whom.to_send.clear();
  beats_.erase(whom.key);
  if (online) {
    offer_bundle(whom, true);
  }
}

void FriendBook::bundle_changed() {
  for_each([this](Friend& whom) {
    if (whom.online) {
      offer_bundle(whom);
    }
  });
}

void FriendBook::top_up(const FriendKey& key) {
  Friend* const whom = find(key);
  if (whom != nullptr && whom->online && whom->our_version == whom->taken_version) {
    offer_bundle(*whom);
  }
}

std::vector<FriendKey> FriendBook::unlisted() const {
  std::vector<FriendKey> keys;
  for (const auto& [key, whom] : friends_) {
    if (!whom.listed) {
      keys.push_back(key);
    }
  }
  return keys;
}

ByteArray<16> FriendBook::content_now() const {
  Bytes nodes(limits::friend_message);
  protocol::BundleHead head;
  head.root = keys_.root().pair.public_key;
  head.last_resort = keys_.last_resort().pair.public_key;
  head.home_nodes = own_nodes_();
  const auto size = wire::encode(head, nodes);
  return crypto::h128({}, {ByteView(nodes).first(size ? *size : 0)});
}

/// Makes a new bundle if the friend's is used up or out of date, and sends it if he has not acknowledged it.
/// The first one has no one-time keys: most friends do not run us, and never answer.
void FriendBook::offer_bundle(Friend& whom, bool again) {
  if (own_nodes_().empty()) {
    return;  // there is nowhere to send mail to us
  }
  const auto now_s = services_.clock.now().unix_s();
  const auto content = content_now();
  const std::size_t fresh = whom.has_no_keys ? 0 : keys_.fresh_one_time(whom.key, now_s);
  const std::size_t room = keys_held - std::min(keys_held, keys_.held_one_time(whom.key));
  const bool pending = whom.our_version > whom.taken_version;
  const bool current = content == whom.our_content && whom.our_version != 0;
  const bool few = whom.taken_version != 0 && fresh < top_up_below && room > 0;
  if (current && (pending || !few)) {
    if (again && pending && whom.durable_version == whom.our_version) {
      send_bundle(whom);
    }
    return;
  }
  store::StateBatch batch;
  ++whom.our_version;
  whom.our_content = content;
  whom.has_no_keys = false;
  if (whom.taken_version != 0 && (few || pending)) {
    const std::size_t wanted = pending ? bundle_keys : bundle_keys - fresh;
    keys_.make_one_time(whom.key, whom.our_version, std::min(wanted, room), now_s, batch);
  }
  save(whom, batch);
  services_.state.keep(std::move(batch),
                       [this, key = whom.key, instance = whom.instance, version = whom.our_version] {
                         Friend* const to = find(key);
                         if (to != nullptr && to->instance == instance && to->our_version == version) {
                           to->durable_version = version;
                           if (to->online) {
                             send_bundle(*to);
                           }
                         }
                       });
}

void FriendBook::send_bundle(Friend& whom) {
  const Root& root = keys_.root();
  protocol::BundleHead head;
  head.version = {whom.instance, whom.our_version};
  head.replaces = whom.replaces;
  head.root = root.pair.public_key;
  crypto::Wiped<32> shared;
  if (!crypto::x25519(shared, root.pair.secret.bytes(), whom.key)) {
    return;
  }
  head.root_mac = protocol::root_mac(shared, head.root, services_.self.public_key, whom.key, head.version);
  head.last_resort = keys_.last_resort().pair.public_key;
  head.use_until_s = static_cast<std::uint64_t>(keys_.last_resort().use_until_s);
  head.home_nodes = own_nodes_();
  auto keys = keys_.one_time_keys(whom.key, whom.our_version);
  keys.resize(std::min(keys.size(), limits::one_time_keys));
  head.one_time_count = static_cast<std::uint16_t>(keys.size());
  head.keys_hash = protocol::one_time_hash(keys);
  head.sign(crypto::SigningKey(whom.signer_seed.bytes()), services_.self.public_key, whom.key);
  enqueue(whom, protocol::make_friend_packet(protocol::FriendPacketType::bundle_head, head));
  for (std::size_t first = 0; first < keys.size(); first += limits::keys_per_packet) {
    const auto begin = keys.begin() + static_cast<std::ptrdiff_t>(first);
    const auto count = std::min(limits::keys_per_packet, keys.size() - first);
    protocol::BundleKeys part{
        head.version, static_cast<std::uint16_t>(first), {begin, begin + static_cast<std::ptrdiff_t>(count)}};
    enqueue(whom, protocol::make_friend_packet(protocol::FriendPacketType::bundle_keys, part));
  }
  services_.telemetry.count(Counter::bundles_sent);
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
  protocol::BundleHead head;
  crypto::Wiped<32> shared;
  if (wire::decode(message, head) != wire::Error::none || head.one_time_count > limits::one_time_keys ||
      !crypto::is_canonical(head.last_resort) || !head.is_signed(from.key, services_.self.public_key) ||
      !crypto::x25519(shared, services_.self.secret.bytes(), head.root) ||
      !crypto::equal(head.root_mac, protocol::root_mac(shared, head.root, from.key, services_.self.public_key,
                                                       head.version))) {
    return false;
  }
  if (from.theirs && from.theirs->signer != head.signer &&
      (from.theirs->version.instance == head.version.instance ||
       from.theirs->version.instance == head.replaces)) {
    return false;
  }
  for (auto& node : head.home_nodes) {
    std::erase_if(node.addresses, [this](const protocol::Address& address) {
      return !protocol::is_usable_address(address.endpoint, services_.config.allow_local_addresses);
    });
  }
  std::erase_if(head.home_nodes, [](const protocol::HomeNode& node) { return node.addresses.empty(); });
  if (head.home_nodes.empty()) {
    return false;
  }
  if (from.theirs && from.theirs->version.instance == head.version.instance &&
      from.theirs->version.version >= head.version.version) {
    acknowledge(from, from.theirs->version);  // our acknowledgement was lost
    return true;
  }
  if (from.bundles_under_way >= bundles_under_way) {
    return false;
  }
  const auto latest = services_.clock.now().unix_s() + 2 * KeyRing::use_for_s;
  from.incoming.emplace();
  from.incoming->version = head.version;
  from.incoming->root = head.root;
  from.incoming->last_resort = head.last_resort;
  from.incoming->signer = head.signer;
  from.incoming_hash = head.keys_hash;
  from.incoming->use_until_s = static_cast<std::int64_t>(
      std::min<std::uint64_t>(head.use_until_s, static_cast<std::uint64_t>(latest)));
  from.incoming->home_nodes = std::move(head.home_nodes);
  from.incoming_count = head.one_time_count;
  return from.incoming_count != 0 || finish_incoming(from);
}

bool FriendBook::on_keys(Friend& from, ByteView message) {
  protocol::BundleKeys part;
  if (wire::decode(message, part) != wire::Error::none ||
      !std::ranges::all_of(part.keys, [](const crypto::Point& key) { return crypto::is_canonical(key); })) {
    return false;
  }
  if (!from.incoming) {
    // The rest of a bundle that we have already; its head was acknowledged.
    return from.theirs && from.theirs->version == part.version;
  }
  TheirBundle& bundle = *from.incoming;
  if (part.version != bundle.version || part.keys.empty() || part.first != bundle.one_time.size() ||
      bundle.one_time.size() + part.keys.size() > from.incoming_count) {
    from.incoming.reset();
    return false;
  }
  for (const auto& key : part.keys) {
    bundle.one_time.push_back({key, bundle.use_until_s});
  }
  return bundle.one_time.size() != from.incoming_count || finish_incoming(from);
}

/// The bundle is whole: it is acknowledged once it is on our disk.
bool FriendBook::finish_incoming(Friend& from) {
  TheirBundle bundle = std::move(*from.incoming);
  from.incoming.reset();
  std::vector<crypto::Point> keys;
  std::ranges::transform(bundle.one_time, std::back_inserter(keys), &OneTimeKey::key);
  if (protocol::one_time_hash(keys) != from.incoming_hash) {
    return false;
  }
  if (from.theirs && from.theirs->version.instance == bundle.version.instance) {
    // Those that end first stand first; when there are too many, they are the ones to go.
    const auto& old = *from.theirs;
    const auto used = std::min<std::size_t>(old.used, old.one_time.size());
    const auto room = kept_keys - std::min(kept_keys, bundle.one_time.size());
    const auto kept = std::min(room, old.one_time.size() - used);
    bundle.one_time.insert(bundle.one_time.begin(), old.one_time.end() - static_cast<std::ptrdiff_t>(kept),
                           old.one_time.end());
  }
  from.theirs = bundle;
  store::StateBatch batch;
  batch.push_back(put_record(state_key(Table::friend_keys, {from.key}), BundleRecord{std::move(bundle)}));
  save(from, batch);
  ++from.bundles_under_way;
  services_.state.keep(std::move(batch), [this, key = from.key, version = from.theirs->version] {
    Friend* const whom = find(key);
    if (whom == nullptr) {
      return;
    }
    whom->bundles_under_way -= std::min<std::size_t>(whom->bundles_under_way, 1);
    services_.telemetry.count(Counter::bundles_accepted);
    acknowledge(*whom, version);
    on_bundle_(*whom);
  });
  return true;
}

bool FriendBook::on_taken(Friend& from, ByteView message) {
  protocol::BundleVersion version;
  if (wire::decode(message, version) != wire::Error::none || version.instance != from.instance) {
    return false;
  }
  if (version.version > from.our_version) {
    renew_instance(from);
    return true;
  }
  if (version.version > from.taken_version) {
    from.taken_version = version.version;
    store::StateBatch batch;
    save(from, batch);
    services_.state.keep(std::move(batch));
    if (from.taken_version == from.our_version) {
      offer_bundle(from);  // now one-time keys too
    }
  }
  return true;
}

/// He has a later bundle than we ever made: our state was restored from a copy. What he was given since, we
/// have no private halves of; he drops it when our instance is another.
void FriendBook::renew_instance(Friend& whom) {
  whom.replaces = std::exchange(whom.instance, new_instance(services_.random));
  whom.our_content = {};
  whom.has_no_keys = true;
  offer_bundle(whom);
}

void FriendBook::acknowledge(Friend& whom, const protocol::BundleVersion& version) {
  enqueue(whom, protocol::make_friend_packet(protocol::FriendPacketType::bundle_taken, version));
}

bool FriendBook::can_seal(const Friend& whom, std::int64_t now_s) const noexcept {
  return whom.theirs && !whom.theirs->home_nodes.empty() && now_s <= whom.theirs->use_until_s;
}

crypto::Point FriendBook::take_pre_key(Friend& whom, std::int64_t now_s, store::StateBatch& batch) {
  TheirBundle& theirs = *whom.theirs;
  crypto::Point key = theirs.last_resort;
  while (theirs.used < theirs.one_time.size()) {
    const OneTimeKey& next = theirs.one_time[theirs.used++];
    if (now_s <= next.use_until_s) {
      key = next.key;
      break;
    }
  }
  save(whom, batch);
  return key;
}

void FriendBook::save(const Friend& whom, store::StateBatch& batch) const {
  batch.push_back(
      put_record(state_key(Table::friend_record, {whom.key}),
                 FriendRecord{whom.instance, whom.replaces, crypto::Wiped<32>(whom.signer_seed.bytes()),
                              whom.our_version, whom.taken_version, whom.our_content, whom.next_sequence,
                              whom.theirs ? whom.theirs->used : 0}));
}

bool FriendBook::enqueue(Friend& whom, Bytes packet) {
  if (!whom.online || whom.to_send.size() >= packets_waiting) {
    return false;
  }
  whom.to_send.push_back(std::move(packet));
  beats_.set_earlier(whom.key, services_.clock.now().steady_ms);
  return true;
}

void FriendBook::tick(std::int64_t now_ms) {
  while (const auto due = beats_.pop_due(now_ms)) {
    Friend* const whom = find(*due);
    if (whom == nullptr) {
      continue;
    }
    std::int64_t pause_ms = beat_ms;
    for (std::size_t i = 0; i < packets_per_beat && !whom->to_send.empty(); ++i) {
      const auto outcome = services_.channel.send(whom->key, whom->to_send.front());
      if (outcome != ChannelSend::sent) {
        pause_ms = full_queue_pause_ms;
        break;
      }
      whom->to_send.pop_front();
    }
    if (!whom->to_send.empty()) {
      beats_.set(whom->key, now_ms + pause_ms);
    }
  }
}

}  // namespace toxasync::manager
