// SPDX-License-Identifier: GPL-3.0-or-later
#include <dlfcn.h>

#include <boost/test/unit_test.hpp>
#include <numeric>
#include <set>

#include "hand_friend.hpp"
#include "tests/node/harness.hpp"

// Lessons from the predecessor of this system: docs/lessons.md says which test stands for which lesson.

namespace {

std::size_t ladders = 0;  ///< X25519 done since somebody set it to 0.

}  // namespace

// This program's own, in front of libsodium's: it counts.
extern "C" [[gnu::visibility("default")]] int crypto_scalarmult_curve25519(unsigned char* q,
                                                                           const unsigned char* n,
                                                                           const unsigned char* p) {
  using Function = int (*)(unsigned char*, const unsigned char*, const unsigned char*);
  static const auto libsodiums = reinterpret_cast<Function>(dlsym(RTLD_NEXT, "crypto_scalarmult_curve25519"));
  ++ladders;
  return libsodiums(q, n, p);
}

namespace toxasync::test {

namespace {

/// A node whose store can be looked at, with a mailbox in it, and a client that has a cookie.
struct FullMailbox {
  static node::NodeConfig config() {
    node::NodeConfig made;
    made.key_agreements_burst = 100'000;  // these tests are not about the rate of new mailboxes
    made.addresses = {ipv4(1), ipv4(2), ipv4(3), ipv4(4)};
    return made;
  }
  explicit FullMailbox(std::size_t records = 1) : node(config()) {
    client.greet();
    for (std::size_t i = 0; i < records; ++i) {
      (void)client.ask(client.store_request(mailbox.mailbox, test_envelope(i, limits::large_envelope)));
    }
    BOOST_TEST_REQUIRE(node.store.stats().messages == records);
  }
  /// Lists and deletes, with `shared` as the key of the owner's tag. What came back must be what comes of a
  /// mailbox that is empty, and nothing is deleted.
  void must_get_nothing(const ByteArray<32>& shared) {
    const auto before = node.store.stats().messages;
    auto request = client.retrieve_request(
        mailbox, 16, 0,
        {crypto::envelope_id(mailbox.mailbox.address, test_envelope(0, limits::large_envelope))});
    client.sign(request, crypto::TagKind::owner, shared);
    const auto pages = client.ask(request);
    BOOST_TEST_REQUIRE(pages.size() == 1U);
    BOOST_TEST(pages[0].envelopes.empty());
    BOOST_TEST(pages[0].flags == 0U);
    BOOST_TEST(node.store.stats().messages == before);
  }
  /// All that can be had of these by one or two ladders.
  void must_get_nothing_with(const std::vector<crypto::Secret<32>>& scalars,
                             std::vector<crypto::Point> points) {
    points.insert(points.end(),
                  {client.n(), client.x(), mailbox.mailbox.address.p, mailbox.mailbox.address.w});
    for (const auto& scalar : scalars) {
      for (const auto& point : points) {
        ByteArray<32> once{};
        ByteArray<32> twice{};
        if (crypto::x25519(once, scalar.bytes(), point)) {
          must_get_nothing(once);
          for (const auto& second : scalars) {
            if (crypto::x25519(twice, second.bytes(), crypto::Point(once))) {
              must_get_nothing(twice);
            }
          }
        }
      }
    }
    for (const auto& point : points) {
      must_get_nothing(point.bytes());
    }
  }

  NodeHarness node;
  HandClient client{node};
  SeededRandom random{17};
  crypto::KeyPair root = crypto::KeyPair::generate(random);
  crypto::OwnedMailbox mailbox = crypto::FriendsMailbox::derive(root, node.epoch()).value().box({});
};

std::vector<crypto::Secret<32>> secrets() {
  return {};
}
template <class... More>
std::vector<crypto::Secret<32>> secrets(ByteArray<32> first, More... more) {
  auto all = secrets(more...);
  all.push_back(crypto::Secret<32>::copy_of(first));
  return all;
}

std::size_t total_bytes(const std::vector<Bytes>& packets) {
  return std::accumulate(packets.begin(), packets.end(), std::size_t{0},
                         [](std::size_t sum, const Bytes& packet) { return sum + packet.size(); });
}

}  // namespace

BOOST_AUTO_TEST_SUITE(manager_lessons)

BOOST_AUTO_TEST_CASE(a_client_that_serves_is_a_storage_node_for_others) {
  World world;
  User& alice = world.add_user();
  User& bob = world.add_user();
  User& carol = world.add_user();
  store::MemoryStore store;
  auto keys = node::NodeKeys::ephemeral(*carol.random, world.clock.unix_time());
  carol.manager->serve(store, keys, {});
  world.befriend(alice, bob);
  for (User* const user : {&alice, &bob}) {
    BOOST_TEST(user->manager->add_home_node({keys.id(), {carol.endpoint}}).has_value());
  }
  world.meet(alice, bob);
  bob.crash();
  const auto id = alice.send(bob, "kept by carol");
  BOOST_TEST(world.run(10s, [&] { return alice.told(id).ends_with("stored:1/1"); }));
  BOOST_TEST(store.stats().messages == 1);
  alice.crash();
  bob.start();
  BOOST_TEST(world.run(10s, [&] { return bob.shown.size() == 1; }));
  BOOST_TEST(world.run(1min, [&] { return store.stats().messages == 0; }));
  carol.crash();  // before the store and the keys that it uses
}

BOOST_FIXTURE_TEST_CASE(a_stored_message_is_confirmed_before_it_is_reported_stored, Pair) {
  bob.crash();
  for (const auto& node : nodes) {
    node->store.hold_completions(true);  // its disk has not answered
  }
  const auto id = alice.send(bob, "surely");
  run(1min);
  BOOST_TEST(alice.told(id) == "queued");
  nodes[0]->store.hold_completions(false);
  run(1min);
  BOOST_TEST(alice.told(id) == "queued stored:1/3");
  network.set_filter([&](const auto& packet) { return packet.from == nodes[1]->endpoint; });
  nodes[1]->store.hold_completions(false);
  run(1min);
  BOOST_TEST(nodes[1]->store.stats().messages == 1);  // it has it, but we do not know
  BOOST_TEST(alice.told(id) == "queued stored:1/3");
  network.set_filter(nullptr);
  nodes[2]->store.hold_completions(false);
  run(10min);
  BOOST_TEST(alice.told(id) == "queued stored:1/3 stored:2/3 stored:3/3");
  BOOST_TEST(live_records() == 3);
}

BOOST_FIXTURE_TEST_CASE(everything_we_may_produce_is_accepted_by_our_nodes, Pair) {
  const std::vector<std::size_t> sizes = {
      1,    128,  221,  222,  223,  252,  253,   256,   512,   989,   990,   991,
      1024, 1372, 1373, 1980, 1981, 4096, 16384, 65339, 65340, 65341, 65535, limits::message_text};
  bob.crash();
  std::vector<crypto::MessageId> ids;
  std::vector<std::string> texts;
  for (const auto size : sizes) {
    texts.emplace_back(size, static_cast<char>('a' + texts.size()));
    ids.push_back(alice.send(bob, texts.back()));
  }
  run(5min);
  for (std::size_t i = 0; i < sizes.size(); ++i) {
    BOOST_TEST(alice.told(ids[i]).ends_with("stored:3/3"), sizes[i] << " bytes: " << alice.told(ids[i]));
  }
  alice.crash();
  bob.start();
  BOOST_TEST(run(5min, [&] { return bob.shown.size() == sizes.size(); }));
  BOOST_TEST((bob.texts() == texts));
  for (const auto counter : {Counter::refused_envelope_size, Counter::refused_ttl, Counter::refused_epoch,
                             Counter::refused_message_malformed, Counter::refused_length}) {
    for (const auto& node : nodes) {
      BOOST_TEST(node->metrics.value(counter) == 0U, name(counter));
    }
  }
}

BOOST_AUTO_TEST_CASE(every_packet_we_make_fits_its_transport) {
  World world;
  world.keep_friend_log = true;
  world.network.keep_log(true);
  User& alice = world.add_user();
  User& bob = world.add_user();
  world.befriend(alice, bob);
  for (std::uint32_t i = 0; i < 5; ++i) {  // as many nodes with as many addresses as there may be
    auto known = world.add_node().known();
    for (std::uint32_t j = 1; j < 4; ++j) {
      known.endpoints.push_back(ipv4(5000 + 10 * i + j));
    }
    BOOST_TEST(alice.manager->add_home_node(known).has_value());
    BOOST_TEST(bob.manager->add_home_node(known).has_value());
  }
  world.meet(alice, bob);
  BOOST_TEST(alice.manager->friend_ready(bob.key));
  bob.crash();
  alice.send(bob, std::string(limits::message_text, 'x'));
  world.run(2min);
  bob.start();
  BOOST_TEST(world.run(2min, [&] { return bob.shown.size() == 1; }));
  world.connect(alice, bob);
  alice.send(bob, std::string(limits::message_text, 'y'));
  BOOST_TEST(world.run(2min, [&] { return bob.shown.size() == 2; }));
  std::set<std::uint8_t> types;
  for (const auto& packet : world.friend_log) {
    BOOST_TEST(packet.bytes.size() <= 1373U);  // TOX_MAX_CUSTOM_PACKET_SIZE
    types.insert(packet.bytes.at(3));
  }
  BOOST_TEST((std::ranges::includes(types, std::set<std::uint8_t>{1, 2, 3, 4, 5})));
  for (const auto& packet : world.network.log()) {
    const bool cookie_reply = packet.bytes.size() <= limits::frame_header + limits::descriptor;
    BOOST_TEST((packet.bytes.size() == 1372U || cookie_reply));  // toxcore's socket takes 2048
  }
}

BOOST_AUTO_TEST_CASE(somebody_with_only_a_public_key_cannot_list_or_delete) {
  FullMailbox box;
  const auto own = box.random.array<32>();
  box.must_get_nothing_with(secrets(own), {box.root.public_key, crypto::x25519_base(own)});
}

BOOST_AUTO_TEST_CASE(a_friend_who_can_write_to_a_mailbox_cannot_list_or_delete) {
  FullMailbox box;
  ByteArray<4> epoch;
  store_le(box.mailbox.mailbox.epoch, epoch.data());
  const auto written = crypto::friends_mailbox(crypto::friends_root(box.root, {}), box.node.epoch()).value();
  const auto b = crypto::h256(box.root.public_key, {as_bytes("toxasync/1 mbox"), epoch});
  box.must_get_nothing_with(secrets(written.write_secret.bytes(), b, box.random.array<32>()),
                            {box.root.public_key});
  // The owner can, with the same request.
  auto request = box.client.retrieve_request(box.mailbox);
  BOOST_TEST(box.client.ask(request).at(0).envelopes.size() == 1U);
}

BOOST_FIXTURE_TEST_CASE(a_friend_cannot_speak_as_another, HandWorld) {
  HandFriend victim(*this, bob, 666);
  victim.take_bundle();
  const crypto::KeyPair pretended{eve.pair().secret.clone(),
                                  crypto::Point(victim.key().bytes())};  // the victim's name, eve's key
  for (const auto& pre_key : {eve.keys.at(50), victim.keys.at(50), eve.bundle.last_resort}) {
    const auto sealed = eve.seal_as(pretended, {.text = "it is me", .pre_key = pre_key});
    eve.store(*nodes[0], sealed);
    eve.give(protocol::FriendPacketType::envelope, sealed.live);
    victim.give(protocol::FriendPacketType::envelope, sealed.live);  // even if the victim carried it
  }
  BOOST_TEST(run(10min, [&] { return live_records() == 0; }));
  BOOST_TEST(bob.shown.empty());
  victim.send({.text = "it is", .pre_key = victim.keys.at(50)});  // and none of the victim's keys was used up
  BOOST_TEST(run(10s, [&] { return bob.shown.size() == 1; }));
  BOOST_TEST((bob.shown.at(0).from == victim.key()));
}

BOOST_AUTO_TEST_CASE(a_small_request_draws_no_more_than_it_sent_before_the_cookie) {
  FullMailbox box(100);  // 117 KB are waiting
  const auto spoofed = MockTransport::route_to(ipv4(99));
  Bytes good = box.client.seal(box.client.retrieve_request(box.mailbox));
  for (std::size_t size = 0; size <= 1500; ++size) {
    for (const std::uint8_t kind : Bytes{0xa0, 0xa1, 0xa2, 0xa3}) {
      Bytes packet = good;
      packet.resize(size);
      if (size > 0) {
        packet[0] = kind;
      }
      BOOST_TEST(total_bytes(box.node.exchange(spoofed, packet)) <= size,
                 size << " bytes of kind " << int{kind});
    }
  }
  BOOST_TEST(total_bytes(box.node.exchange(spoofed, good)) <= good.size());  // whole, but from elsewhere
}

BOOST_AUTO_TEST_CASE(an_answer_that_was_paid_for_is_drawn_once) {
  FullMailbox box(100);
  const Bytes good = box.client.seal(box.client.retrieve_request(box.mailbox));
  const auto answer = box.node.exchange(box.client.route(), good);
  BOOST_TEST(answer.size() == limits::window);
  for (int i = 0; i < 10; ++i) {
    BOOST_TEST(total_bytes(box.node.exchange(box.client.route(), good)) <= good.size());
  }
}

BOOST_FIXTURE_TEST_CASE(new_keys_do_not_destroy_mail_under_way, HandWorld) {
  bob.crash();
  bob.config.poll_interval = 24h;  // two weeks of polls are not what this is about
  bob.start();
  const auto old = eve.bundle;
  const std::vector letters = {eve.seal({.text = "one-time", .lifetime = limits::largest_time_to_live}),
                               eve.seal({.text = "last resort",
                                         .sequence = 2,
                                         .pre_key = old.last_resort,
                                         .lifetime = limits::largest_time_to_live})};
  nodes[0]->switch_off();
  const auto now = clock.unix_time();
  for (const auto& sealed : letters) {
    nodes[0]->put(sealed.address, sealed.live.envelope, now + limits::largest_time_to_live, now);
  }
  std::set<crypto::Point> last_resorts{old.last_resort};
  for (int day = 0; day < 13;
       ++day) {  // new nodes, new last-resort keys and new one-time keys while it is under way
    (void)bob.manager->add_home_node({add_node().keys.id(), {nodes.back()->endpoint}});
    if (bob.manager->home_nodes().size() > 4) {
      (void)bob.manager->remove_home_node(bob.manager->home_nodes().back().node.id);
    }
    eve.come();
    run(2s);
    eve.take_what_came();
    run(2s);
    eve.take_what_came();
    eve.go();
    last_resorts.insert(eve.bundle.last_resort);
    run(24h);
  }
  BOOST_TEST(last_resorts.size() >= 2U);
  BOOST_TEST(eve.bundle.version.version > old.version.version + 3);
  nodes[0]->switch_on();
  bob.crash();
  bob.start();  // who starts asks soon: a poll a day may come too late
  BOOST_TEST(run(24h, [&] { return bob.shown.size() == 2; }));
  BOOST_TEST(bob[Counter::refused_pre_key_unknown] == 0U);
}

BOOST_FIXTURE_TEST_CASE(a_mailbox_of_more_than_a_hundred_messages_is_read_to_its_end, Pair) {
  bob.crash();
  std::vector<std::string> texts;
  for (int i = 0; i < 350; ++i) {
    texts.push_back("message " + std::to_string(i) + std::string(i % 7 == 0 ? 600 : 0, '.'));
    alice.send(bob, texts.back());
  }
  BOOST_TEST(run(10min, [&] { return live_records() == 3 * texts.size(); }));
  alice.crash();
  bob.start();
  BOOST_TEST(run(10min, [&] { return bob.shown.size() == texts.size(); }));
  BOOST_TEST(bob.texts() == texts, boost::test_tools::per_element());
  BOOST_TEST(emptied());
}

BOOST_AUTO_TEST_CASE(opening_cost_does_not_grow_with_the_number_of_friends) {
  struct Cost {
    std::size_t live = 0;
    std::size_t stranger = 0;
  };
  const auto with = [](std::size_t friends) {
    HandWorld world;
    std::vector<std::unique_ptr<HandFriend>> others;
    for (std::size_t i = 0; i < friends; ++i) {
      others.push_back(std::make_unique<HandFriend>(world, world.bob, 5000 + i));
      if (i < 30) {
        others.back()->take_bundle();  // with keys of theirs, too
      }
    }
    world.run(1s);
    world.eve.send({.text = "the mailbox is known now"});
    world.run(1s);
    const auto letter = world.eve.seal({.text = "hello", .sequence = 2});
    Cost cost;
    ladders = 0;
    world.eve.give(protocol::FriendPacketType::envelope, letter.live);
    cost.live = ladders;
    world.run(1s);
    BOOST_TEST(world.bob.shown.size() == 2U);
    world.eve.bundle.root.write_secret[0] ^= 1;  // whoever is not eve does not know hers
    const auto forged = world.eve.seal({});
    ladders = 0;
    world.eve.give(protocol::FriendPacketType::envelope, forged.live);
    cost.stranger = ladders;
    return cost;
  };
  const Cost few = with(1);
  const Cost many = with(300);
  BOOST_TEST(few.live == 5U);  // two for the header, three for the body
  BOOST_TEST(many.live == few.live);
  BOOST_TEST(few.stranger == 2U);  // the header tells
  BOOST_TEST(many.stranger == few.stranger);
}

BOOST_AUTO_TEST_CASE(a_time_to_live_is_whole_hours_or_epochs_and_capped_by_the_node) {
  constexpr seconds three_days = days(3);
  auto config = FullMailbox::config();
  config.longest_ttl = three_days;
  NodeHarness node(config);
  HandClient client(node);
  const auto mailbox = test_mailbox(node.epoch());
  client.greet();
  std::uint64_t number = 0;
  const auto store_for = [&](std::uint32_t ttl_s) {
    auto request = client.store_request(mailbox.mailbox, test_envelope(++number));
    request.ttl_s = ttl_s;
    client.sign(request, mailbox.mailbox);
    return client.ask(request).value();
  };
  const auto now = node.clock.unix_time();
  for (const seconds ttl : std::initializer_list<seconds>{1h, 23h, 24h, 30h, 72h, 7 * 24h, 14 * 24h}) {
    const auto ttl_s = static_cast<std::uint32_t>(ttl.count());
    const auto response = store_for(ttl_s);
    BOOST_TEST((response.status == protocol::StoreStatus::stored));
    BOOST_TEST(unix_time(response.expires_at_s) == now + std::min(ttl, three_days));
    for (const std::uint32_t near : {ttl_s - 1, ttl_s + 1}) {
      BOOST_TEST((store_for(near).status == protocol::StoreStatus::refused), near);
    }
  }
  for (const std::uint32_t ttl_s : {0U, 1U, 25 * 3600U, 15 * 86400U, 31'536'000U, 0x7fffffffU, 0xffffffffU}) {
    BOOST_TEST((store_for(ttl_s).status == protocol::StoreStatus::refused), ttl_s);
  }
}

BOOST_AUTO_TEST_CASE(our_packet_numbers_are_none_of_toxcores) {
  // Net_Packet_Type of c-toxcore 0.2.20 and 0.2.22 (toxcore/network.h).
  std::set<int> toxcores = {0x00, 0x01, 0x02, 0x04, 0x18, 0x19, 0x1a, 0x1b, 0x20,
                            0x21, 0x5a, 0x5b, 0x5c, 0x8c, 0x8d, 0x8e, 0xf0, 0xff};
  for (int kind = 0x80; kind <= 0x88; ++kind) {
    toxcores.insert(kind);
  }
  for (int kind = 0x90; kind <= 0x98; ++kind) {
    toxcores.insert(kind);
  }
  using protocol::FrameKind;
  for (const auto kind :
       {FrameKind::store, FrameKind::store_response, FrameKind::retrieve, FrameKind::retrieve_response}) {
    BOOST_TEST(!toxcores.contains(static_cast<int>(kind)));
    BOOST_TEST(static_cast<int>(kind) >= 0xa0);  // the range that patches/ lends to modules
    BOOST_TEST(static_cast<int>(kind) <= 0xaf);
  }
  BOOST_TEST(protocol::friend_packet_id >= 160);  // PACKET_ID_RANGE_LOSSLESS_CUSTOM
  BOOST_TEST(protocol::friend_packet_id <= 191);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace toxasync::test
