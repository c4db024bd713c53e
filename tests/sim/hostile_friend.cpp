// SPDX-License-Identifier: GPL-3.0-or-later
#include "hostile_friend.hpp"

#include <algorithm>

namespace toxasync::sim {

namespace {

constexpr std::size_t remembered_installations = 6;
constexpr std::size_t remembered_ids = 200;
constexpr std::size_t turns_at_once = 10;
/// When they do nothing any more they still take what comes.
constexpr milliseconds idle = 1h;

}  // namespace

HostileFriend::HostileFriend(test::World& world, const std::vector<test::User*>& friends, std::size_t number,
                             std::uint64_t seed, Tally& tally)
    : world_(world),
      namer_(nth(Namer::first_friend, number)),
      temper_(seed, tally),
      random_(temper_.random()),
      client_(world, seed + 1),
      pace_(temper_, tally, world.clock.steady()) {
  for (test::User* const user : friends) {
    user->friends.insert(key());
    if (user->running()) {
      user->manager->on_friend_added(key());
    }
    victims_.push_back({user, false, {}, {}, {}, 0, {}, {}, {}});
    add_installation(victims_.back());
  }
}

const std::vector<HostileFriend::Way>& HostileFriend::ways() {
  using F = HostileFriend;
  static const std::vector<Way> all{
      {"comes online", &F::come},
      {"goes offline", &F::go},
      {"comes and goes at once", &F::come_and_go},
      {"gives a bundle head alone", &F::give_head},
      {"gives bundle keys alone", &F::give_keys},
      {"gives a bundle", &F::give_bundle},
      {"gives a new installation", &F::give_new_installation},
      {"gives others' bundle heads", &F::give_heads_of_others},
      {"gives bundle taken", &F::give_taken},
      {"greets", &F::give_greeting},
      {"gives letters", &F::give_letter},
      {"gives very many letters", &F::give_many_letters},
      {"gives a receipt", &F::give_receipt},
      {"gives a nack", &F::give_nack},
      {"gives receipts of several installations", &F::give_receipts_of_several},
      {"gives junk", &F::give_junk},
      {"gives an earlier packet", &F::give_earlier},
      {"stores letters", &F::store_letters},
      {"stores receipts and nacks", &F::store_receipt},
      {"stores a bundle", &F::store_bundle},
      {"stores an earlier envelope again", &F::store_earlier},
      {"fills its box", &F::fill_box},
      {"cancels", &F::cancel},
      {"cancels and stores again", &F::cancel_and_store},
      {"deletes in a box that is not its own", &F::remove_from_box},
      {"reads its mail", &F::read_mail},
      {"leaves a bundle in a pair mailbox", &F::leave_bundle},
      {"sends a malformed store", &F::raw_store},
      {"asks for nodes", &F::ask_for_nodes},
  };
  return all;
}

// --- Their life ---

SteadyTime HostileFriend::next() const {
  return stopped_ ? never : std::min(client_.next(), pace_.next());
}

void HostileFriend::tick() {
  if (stopped_) {
    return;
  }
  client_.tick();
  if (pace_.next() > world_.clock.steady()) {
    return;
  }
  for (Victim& victim : victims_) {
    if (victim.online) {
      set_online(victim, true);  // they may have been restarted
    }
  }
  take_what_came();
  for (std::size_t i = 0; i < turns_at_once && pace_.next() <= world_.clock.steady(); ++i) {
    act();
  }
}

void HostileFriend::act() {
  if (victims_.empty() || pace_.is_over()) {
    pace_.wait_until(world_.clock.steady() + idle);
    return;
  }
  const bool same = pace_.floods();
  const auto turn = pace_.turns();
  const Way& way = pace_.turn<Way>(ways(), world_.clock.steady());
  if (turn < victims_.size() && random_.chance(900)) {
    begin(victims_[turn]);
    return;
  }
  if (!same) {
    twists_.draw();  // a flood is of one kind
  }
  turn_of_ = same ? turn_of_ : random_.below(victims_.size());
  (this->*way.go)(victims_[turn_of_]);
}

/// As any friend does.
void HostileFriend::begin(Victim& victim) {
  twists_.none();
  come(victim);
  give_bundle(victim);
}

void HostileFriend::stop() {
  for (Victim& victim : victims_) {
    go(victim);
  }
  stopped_ = true;
}

bool HostileFriend::is_friend_of(const Victim& victim) const {
  return victim.user->running() && victim.user->friends.contains(key());
}

void HostileFriend::set_online(Victim& victim, bool online) {
  victim.online = online;
  if (is_friend_of(victim)) {
    const test::ProductCode product;
    victim.user->manager->on_friend_presence(key(), online);
  }
}

void HostileFriend::come_and_go(Victim& victim) {
  const std::uint64_t times = 1 + random_.below(5);
  for (std::uint64_t i = 0; i < times; ++i) {
    go(victim);
    come(victim);
  }
}

HostileFriend::Installation& HostileFriend::add_installation(Victim& victim) {
  Installation made{crypto::Instance{random_.u64()},
                    crypto::SigningKey(random_.array<32>()),
                    crypto::KeyPair::generate(random_),
                    0,
                    0,
                    std::nullopt,
                    {}};
  remember(victim.installations, std::move(made), remembered_installations);
  return victim.installations.back();
}

HostileFriend::Installation& HostileFriend::installation(Victim& victim) {
  return twists_("uses another installation") ? one_of(random_, victim.installations)
                                              : victim.installations.back();
}

// --- What came ---

void HostileFriend::take_what_came() {
  const auto packets = std::exchange(world_.by_hand[key()], {});
  for (const Bytes& bytes : packets) {
    if (const auto packet = protocol::read_friend_packet(bytes)) {
      take_packet(*packet);
    }
  }
}

void HostileFriend::take_packet(const protocol::FriendPacket& packet) {
  protocol::BundleHead head;
  protocol::BundleKeys keys;
  protocol::LiveEnvelope live;
  if (packet.type == protocol::FriendPacketType::bundle_head &&
      wire::decode(packet.message, head) == wire::Error::none) {
    take_head(head);
  } else if (packet.type == protocol::FriendPacketType::bundle_keys &&
             wire::decode(packet.message, keys) == wire::Error::none) {
    take_keys(keys);
  } else if (packet.type == protocol::FriendPacketType::envelope &&
             wire::decode(packet.message, live) == wire::Error::none) {
    take_envelope(live);
  }
}

void HostileFriend::take_head(const protocol::BundleHead& head) {
  const auto victim = std::ranges::find_if(
      victims_, [&](const Victim& other) { return head.is_signed(other.user->key, key()); });
  if (victim == victims_.end()) {
    return;
  }
  for (const auto& node : head.home_nodes) {
    client_.knows({node.id, {node.addresses.front().endpoint}});
  }
  remember(victim->heads, head, 4);
  if (tell) {
    tell(head.root);
  }
  if (given) {
    given(*victim->user, head.version.instance);
  }
  if (temper_.does("takes a bundle in silence")) {
    return;
  }
  const protocol::BundleTaken taken{head.version, victim->installations.back().instance};
  give(*victim, protocol::FriendPacketType::bundle_taken, taken);
}

void HostileFriend::take_keys(const protocol::BundleKeys& keys) {
  for (Victim& victim : victims_) {
    const bool theirs =
        std::ranges::any_of(victim.heads, [&](const auto& head) { return head.version == keys.version; });
    if (theirs && victim.keys.size() < 1000) {
      victim.keys.insert(victim.keys.end(), keys.keys.begin(), keys.keys.end());
    }
  }
}

void HostileFriend::take_envelope(const protocol::LiveEnvelope& live) {
  for (Victim& victim : victims_) {
    for (const Installation& to : victim.installations) {
      const auto mailbox = crypto::FriendsMailbox::derive(to.root, live.epoch);
      if (mailbox && mailbox->p() == live.mailbox) {
        return take_message(victim, to, live.epoch, live.envelope);
      }
    }
  }
}

void HostileFriend::take_message(Victim& victim, const Installation& to, crypto::Epoch epoch,
                                 ByteView envelope) {
  const auto mailbox = crypto::FriendsMailbox::derive(to.root, epoch);
  const auto header = crypto::open_header(mailbox->box(victim.user->key), envelope);
  if (!header) {
    return;
  }
  remember(victim.received, header->message_id, remembered_ids);
  if (temper_.does("does not confirm a message")) {
    return;
  }
  const protocol::LiveReceipt receipt{to.instance, {header->message_id}};
  const bool lies = temper_.does("answers a message with a nack");
  const std::uint64_t times = temper_.does("confirms a message again and again") ? 1 + random_.below(20) : 1;
  for (std::uint64_t i = 0; i < times; ++i) {
    give(victim, lies ? protocol::FriendPacketType::nack : protocol::FriendPacketType::receipt, receipt);
  }
}

}  // namespace toxasync::sim
