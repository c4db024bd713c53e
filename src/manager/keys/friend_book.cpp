// SPDX-License-Identifier: GPL-3.0-or-later
#include "manager/keys/friend_book.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

#include "manager/keys/installation_records.hpp"

namespace toxasync::manager {

namespace {

struct FriendRecord {
  crypto::Instance instance{};
  crypto::Instance replaces{};
  crypto::Wiped<32> signer_seed;
  std::uint64_t our_version = 0;
  std::uint64_t taken_version = 0;
  ByteArray<16> our_content{};
  std::uint64_t next_sequence = 1;
  static void fields(auto& ar, auto& self) {
    wire::fields(ar, self.instance, self.replaces, wire::array_of(self.signer_seed), self.our_version,
                 self.taken_version, self.our_content, self.next_sequence);
  }
};

crypto::Instance new_instance(Random& random) {
  crypto::Instance instance{};
  while (instance == crypto::Instance{}) {
    instance = crypto::Instance{random.u64()};
  }
  return instance;
}

}  // namespace

FriendBook::FriendBook(const Services& services, KeyRing& keys, const HomeNodes& home_nodes,
                       FriendBookListener& listener)
    : services_(services),
      keys_(keys),
      home_nodes_(home_nodes),
      listener_(listener),
      intake_(services, *this) {}

bool FriendBook::load(const store::StateEntry& entry) {
  const auto table = static_cast<Table>(entry.key[0]);
  const ByteView name = ByteView(entry.key).subspan(1);
  if (table == Table::friend_keys || table == Table::friend_use) {
    const auto of = friend_of_installation(entry);
    if (!of) {
      return false;
    }
    Friend& who = friends_[*of];
    who.key = *of;
    load_installation(services_.telemetry, entry, who);
    return true;
  }
  if (name.size() != sizeof(FriendKey)) {
    return false;
  }
  FriendRecord record;
  if (read_record(services_.telemetry, entry, record)) {
    const auto key = id_from<FriendKey>(name);
    Friend& who = friends_[key];
    who.key = key;
    who.instance = record.instance;
    who.replaces = record.replaces;
    who.signer_seed = crypto::Secret<32>::copy_of(record.signer_seed);
    who.our_version = record.our_version;
    who.durable_version = record.our_version;
    who.taken_version = record.taken_version;
    who.our_content = record.our_content;
    who.next_sequence = record.next_sequence;
  }
  return true;
}

Friend* FriendBook::find(const FriendKey& key) noexcept {
  const auto found = friends_.find(key);
  return found == friends_.end() || !found->second.listed ? nullptr : &found->second;
}

const Friend* FriendBook::find(const FriendKey& key) const noexcept {
  const auto found = friends_.find(key);
  return found == friends_.end() || !found->second.listed ? nullptr : &found->second;
}

Friend& FriendBook::add(const FriendKey& key) {
  Friend& who = friends_[key];
  who.key = key;
  who.listed = true;
  writers_version_ += who.our_version != 0 ? 1 : 0;
  // A use row without its bundle: one of the two is damaged.
  std::erase_if(who.theirs, [](const Installation& one) { return one.home_nodes.empty(); });
  // New, or their record is damaged: which keys are used up is then not known
  if (who.instance == crypto::Instance{}) {
    who.instance = new_instance(services_.random);
    who.signer_seed = crypto::Secret<32>::random(services_.random);
    for (auto& installation : who.theirs) {
      installation.used = static_cast<std::uint32_t>(installation.one_time.size());
    }
  }
  return who;
}

bool FriendBook::remove(const FriendKey& key, store::StateBatch& batch) {
  const auto found = friends_.find(key);
  if (found == friends_.end()) {
    return false;
  }
  const bool was_told = found->second.our_version != 0;
  for (const auto& installation : found->second.theirs) {
    erase_installation(key, installation.instance(), batch);
  }
  friends_.erase(found);
  writers_version_ += was_told ? 1 : 0;
  beats_.erase(key);
  keys_.drop_all_of(key, batch);
  batch.push_back(erase_record(state_key(Table::friend_record, {key})));
  return was_told;
}

void FriendBook::set_online(Friend& who, bool online) {
  who.online = online;
  who.incoming.reset();
  who.to_send.clear();
  beats_.erase(who.key);
  who.gave_anew = false;
  if (online && !who.theirs.empty()) {
    acknowledge_bundle(who,
                       protocol::greeting);  // they may be at another device than last time, and so may we
  }
  offer_bundle(who, true);
}

void FriendBook::bundle_changed() {
  for_each([this](Friend& who) {
    if (who.online || can_seal(who)) {
      offer_bundle(who);
    }
  });
}

void FriendBook::home_nodes_changed() {
  told_nodes_.clear();
  bundle_changed();
}

/// What a home node says of its own addresses costs a bundle for each friend: it can say another one each
/// minute.
void FriendBook::update_told_nodes() {
  const auto now = services_.clock.now().steady;
  if (!told_nodes_.empty() && now < tell_addresses_from_) {
    return;
  }
  auto nodes = home_nodes_.in_use();
  if (nodes != told_nodes_) {
    told_nodes_ = std::move(nodes);
    tell_addresses_from_ = now + tell_addresses_every;
  }
}

void FriendBook::top_up(const FriendKey& key) {
  Friend* const who = find(key);
  if (who != nullptr && who->bundle_taken()) {
    offer_bundle(*who);
  }
}

void FriendBook::refill(const FriendKey& key) {
  Friend* const who = find(key);
  const auto now = services_.clock.now().steady;
  if (who == nullptr || !who->bundle_taken() || now < who->refill_from) {
    return;
  }
  who->refill_from = now + refill_every;
  make_room(*who, again_keys);
  who->our_content = {};
  offer_bundle(*who);
}

/// Whoever lacks keys needs new ones more than others need the earliest.
void FriendBook::make_room(const Friend& who, std::size_t keys) {
  std::vector<std::uint64_t> taken{who.taken_version};
  std::ranges::transform(who.theirs, std::back_inserter(taken), &Installation::taken_version);
  store::StateBatch batch;
  keys_.drop_one_time(who.key, keys_held - keys, taken, batch);
  if (!batch.empty()) {
    services_.state.keep(std::move(batch));
  }
}

std::vector<FriendKey> FriendBook::writers() const {
  std::vector<FriendKey> keys;
  for (const auto& [key, who] : friends_) {
    if (who.listed && who.our_version != 0) {
      keys.push_back(key);
    }
  }
  return keys;
}

std::vector<FriendKey> FriendBook::unlisted() const {
  std::vector<FriendKey> keys;
  for (const auto& [key, who] : friends_) {
    if (!who.listed) {
      keys.push_back(key);
    }
  }
  return keys;
}

ByteArray<16> FriendBook::content_now() const {
  Bytes nodes(limits::bundle_head);
  protocol::BundleHead head;
  head.root.m = keys_.root().pair.public_key;
  head.last_resort = keys_.last_resort().pair.public_key;
  head.home_nodes = told_nodes_;
  const auto size = wire::encode(head, nodes);
  return crypto::h128({}, {ByteView(nodes).first(size ? *size : 0)});
}

void FriendBook::offer_bundle(Friend& who, bool again) {
  if (keep_bundle_current(who) && who.bundle_pending() && (again || !who.online) &&
      who.durable_version == who.our_version) {
    give_bundle(who);
  }
}

/// Makes a new bundle if the friend's is used up or out of date, and gives it when it is on our disk. False:
/// there is none, or it was not current. The first one has no one-time keys: most friends do not run us, and
/// never answer.
bool FriendBook::keep_bundle_current(Friend& who) {
  update_told_nodes();
  if (told_nodes_.empty()) {
    return false;  // there is nowhere to send mail to us
  }
  const CertainDate date = services_.clock.for_good();
  const auto content = content_now();
  const std::size_t fresh = who.has_no_keys ? 0 : keys_.fresh_one_time(who.key, date);
  const bool runs_us = who.taken_version != 0 || !who.theirs.empty();
  const bool few = runs_us && fresh < top_up_below;
  if (content == who.our_content && who.our_version != 0 && (!who.bundle_taken() || !few)) {
    return true;
  }
  store::StateBatch batch;
  // By the time: a version that an old copy of our state makes must not be one that they have from us
  // already.
  writers_version_ += who.our_version == 0 ? 1 : 0;
  who.our_version = std::max(who.our_version + 1, since_1970_ms(services_.clock.now().wall));
  who.our_content = content;
  who.has_no_keys = false;
  if (runs_us) {
    const std::size_t wanted = few ? bundle_keys - fresh : again_keys;
    if (few) {  // what is held is of no use to them
      make_room(who, wanted);
    }
    const std::size_t room = keys_held - std::min(keys_held, keys_.held_one_time(who.key));
    keys_.make_one_time(who.key, who.our_version, std::min(wanted, room), date, batch);
  }
  save(who, batch);
  services_.state.keep(std::move(batch),
                       [this, key = who.key, instance = who.instance, version = who.our_version] {
                         Friend* const to = find(key);
                         if (to != nullptr && to->instance == instance && to->our_version == version) {
                           to->durable_version = version;
                           give_bundle(*to);
                         }
                       });
  return false;
}

/// The latest bundle, which is on our disk.
void FriendBook::give_bundle(Friend& who) {
  if (who.online) {
    send_bundle(who);
    return;
  }
  for (Installation& to : who.theirs) {
    if (to.taken_version >= who.our_version || to.mailed_version == who.our_version || !usable(to)) {
      continue;
    }
    const auto bundle = make_bundle(who);
    listener_.drop_mailed_bundle(who, to.instance());
    if (bundle && listener_.mail_bundle(who, to, *bundle)) {
      to.mailed_version = who.our_version;
    }
  }
}

std::optional<protocol::WholeBundle> FriendBook::make_bundle(const Friend& who) const {
  const Root& root = keys_.root();
  protocol::WholeBundle bundle;
  protocol::BundleHead& head = bundle.head;
  head.version = {who.instance, who.our_version};
  head.replaces = who.replaces;
  head.root = crypto::friends_root(root.pair, who.key);
  crypto::Wiped<32> shared;
  if (!crypto::x25519(shared, root.pair.secret.bytes(), crypto::point_of(who.key))) {
    return std::nullopt;
  }
  head.root_mac = protocol::root_mac(shared, head.root.m, services_.self.friend_key(), who.key, head.version);
  head.last_resort = keys_.last_resort().pair.public_key;
  head.use_until_s = since_1970_s(keys_.last_resort().use_until);
  head.home_nodes = told_nodes_;
  bundle.keys = keys_.one_time_keys(who.key, who.our_version);
  bundle.keys.resize(std::min(bundle.keys.size(), limits::one_time_keys));
  head.one_time_count = static_cast<std::uint16_t>(bundle.keys.size());
  head.keys_hash = protocol::one_time_hash(bundle.keys);
  head.sign(crypto::SigningKey(who.signer_seed.bytes()), services_.self.friend_key(), who.key);
  return bundle;
}

void FriendBook::send_bundle(Friend& who) {
  const auto bundle = make_bundle(who);
  if (!bundle) {
    return;
  }
  const auto& keys = bundle->keys;
  enqueue(who, protocol::make_friend_packet(protocol::FriendPacketType::bundle_head, bundle->head));
  for (std::size_t first = 0; first < keys.size(); first += limits::keys_per_packet) {
    const auto begin = keys.begin() + static_cast<std::ptrdiff_t>(first);
    const auto count = std::min(limits::keys_per_packet, keys.size() - first);
    protocol::BundleKeys part{bundle->head.version,
                              static_cast<std::uint16_t>(first),
                              {begin, begin + static_cast<std::ptrdiff_t>(count)}};
    enqueue(who, protocol::make_friend_packet(protocol::FriendPacketType::bundle_keys, part));
  }
  services_.telemetry.count(Counter::bundles_sent);
}

std::optional<protocol::WholeBundle> FriendBook::whole_bundle_for(Friend& who) {
  if (!keep_bundle_current(who) || !who.bundle_pending() || who.durable_version != who.our_version) {
    return std::nullopt;
  }
  return make_bundle(who);
}

void FriendBook::bundle_confirmed(Friend& from, std::uint64_t version, crypto::Instance receiver) {
  if (version > from.our_version) {
    return;
  }
  store::StateBatch batch;
  Installation* const installation = from.installation(receiver);
  const bool news = version > (installation != nullptr ? installation->taken_version : from.taken_version);
  if (!news) {
    return;
  }
  if (installation != nullptr) {
    installation->taken_version = version;
    batch.push_back(use_write(from.key, *installation));
    if (version == from.our_version) {
      listener_.drop_mailed_bundle(from, receiver);
    }
  }
  from.taken_version = std::max(from.taken_version, version);
  save(from, batch);
  services_.state.keep(std::move(batch));
  if (from.bundle_taken()) {
    offer_bundle(from);  // now one-time keys too
  }
}

/// We may not have the private halves of what they were given before; they drop it when our instance is new.
void FriendBook::renew_instance(Friend& who) {
  who.replaces = std::exchange(who.instance, new_instance(services_.random));
  who.renewed = services_.clock.now().steady;
  who.our_content = {};
  who.has_no_keys = true;
  offer_bundle(who);
}

void FriendBook::renew_keys(Friend& who) {
  const auto now = services_.clock.now().steady;
  if (who.renewed == long_ago || now - who.renewed >= renew_every) {
    renew_instance(who);
  } else {
    services_.telemetry.refuse(Counter::refused_renewal_limit);
  }
}

bool FriendBook::can_seal(const Friend& who) const noexcept {
  return std::ranges::any_of(who.theirs, [this](const Installation& one) { return usable(one); });
}

crypto::Point FriendBook::take_pre_key(const Friend& who, Installation& to, store::StateBatch& batch) {
  const CertainDate date = services_.clock.for_good();
  crypto::Point key = to.last_resort;
  while (to.used < to.one_time.size()) {
    const OneTimeKey& next = to.one_time[to.used++];
    if (date.passed() <= next.use_until) {
      key = next.key;
      break;
    }
  }
  batch.push_back(use_write(who.key, to));
  return key;
}

void FriendBook::heard_of(Friend& who, crypto::Instance instance) {
  if (Installation* const installation = who.installation(instance)) {
    installation->heard = services_.clock.now().unix_time();  // written with its next use
  }
}

void FriendBook::save(const Friend& who, store::StateBatch& batch) const {
  batch.push_back(
      put_record(state_key(Table::friend_record, {who.key}),
                 FriendRecord{who.instance, who.replaces, crypto::Wiped<32>(who.signer_seed.bytes()),
                              who.our_version, who.taken_version, who.our_content, who.next_sequence}));
}

bool FriendBook::enqueue(Friend& who, Bytes packet) {
  if (!who.online || who.to_send.size() >= packets_waiting) {
    return false;
  }
  who.to_send.push_back(std::move(packet));
  beats_.set_earlier(who.key, services_.clock.now().steady);
  return true;
}

void FriendBook::tick(Now now) {
  while (const auto due = beats_.pop_due(now.steady)) {
    Friend* const who = find(*due);
    if (who == nullptr) {
      continue;
    }
    milliseconds pause = beat;
    for (std::size_t i = 0; i < packets_per_beat && !who->to_send.empty(); ++i) {
      const auto outcome = services_.channel.send(who->key, who->to_send.front());
      if (outcome != ChannelSend::sent) {
        pause = full_queue_pause;
        break;
      }
      who->to_send.pop_front();
    }
    if (!who->to_send.empty()) {
      beats_.set(who->key, now.steady + pause);
    }
  }
}

}  // namespace toxasync::manager
