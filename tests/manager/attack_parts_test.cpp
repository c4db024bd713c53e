// SPDX-License-Identifier: GPL-3.0-or-later
#include "hand_recipient.hpp"
#include "manager/inbox/inbox.hpp"

// A message in parts whose keys are renewed half-way starts over (docs/protocol.md, section 4).

namespace toxasync::test {

namespace {

/// Eve sends texts in three parts.
struct PartsWorld : HandWorld {
  HandFriend::Sealed part(std::uint8_t number, const HandFriend::Sealed* first = nullptr,
                          std::optional<crypto::MessageId> id = std::nullopt) {
    static constexpr std::array texts{"abc", "def", "ghi"};
    return eve.seal({.text = texts.at(number),
                     .part = number,
                     .parts = 3,
                     .id = first != nullptr ? std::optional(first->id) : id,
                     .pre_key = first != nullptr ? std::optional(first->pre_key) : std::nullopt});
  }
  void give(const HandFriend::Sealed& sealed) {
    eve.give(protocol::FriendPacketType::envelope, sealed.live);
    run(1s);
  }
};

}  // namespace

BOOST_AUTO_TEST_SUITE(attack_parts)

BOOST_FIXTURE_TEST_CASE(keys_renewed_after_the_first_part, PartsWorld) {
  const auto old = part(0);
  give(old);
  const auto first = part(0, nullptr, old.id);  // with another key
  give(first);
  give(part(1, &first));
  BOOST_TEST(bob.shown.empty());
  give(part(2, &first));
  BOOST_TEST(bob.texts() == std::vector<std::string>{"abcdefghi"}, boost::test_tools::per_element());
  BOOST_TEST(bob[Counter::refused_parts] == 0U);
  BOOST_TEST(bob.rows('P') == 0U);
}

BOOST_FIXTURE_TEST_CASE(either_sealing_may_become_whole, PartsWorld) {
  const auto old = part(0);
  give(old);
  const auto first = part(0, nullptr, old.id);
  give(first);
  bob.crash();
  bob.start();
  eve.come();
  give(part(1, &old));
  give(part(1, &first));
  give(part(2, &old));
  BOOST_TEST(bob.texts() == std::vector<std::string>{"abcdefghi"}, boost::test_tools::per_element());
  give(part(2, &first));
  BOOST_TEST(bob.shown.size() == 1U);
  BOOST_TEST(bob.rows('P') == 0U);
}

BOOST_FIXTURE_TEST_CASE(the_keys_of_both_sealings_are_used_up, PartsWorld) {
  const auto before = bob.rows('K');
  const auto old = part(0);
  give(old);
  const auto first = part(0, nullptr, old.id);
  give(first);
  give(part(1, &first));
  give(part(2, &first));
  BOOST_TEST(bob.rows('K') == before - 2);
}

BOOST_FIXTURE_TEST_CASE(nobody_elses_parts_are_mixed_in, PartsWorld) {
  HandFriend mallory(*this, bob, 666);
  mallory.take_bundle();
  const auto first = eve.seal({.text = "abc", .parts = 2, .pre_key = eve.bundle.last_resort});
  give(first);
  mallory.send({.text = "evil", .part = 1, .parts = 2, .id = first.id, .pre_key = eve.bundle.last_resort});
  run(1s);
  BOOST_TEST(bob.shown.empty());
  eve.send({.text = "def", .part = 1, .parts = 2, .id = first.id, .pre_key = first.pre_key});
  run(1s);
  BOOST_TEST(bob.texts() == std::vector<std::string>{"abcdef"}, boost::test_tools::per_element());
}

BOOST_FIXTURE_TEST_CASE(ever_new_sealings_stay_within_the_limit, PartsWorld) {
  const auto id = eve.random().id<crypto::MessageId>();
  const std::string text(limits::large_text, 'x');
  for (std::size_t key = 0; key < eve.keys.size(); ++key) {
    for (std::uint8_t number = 0; number < 5; ++number) {
      eve.send({.text = text, .part = number, .parts = 6, .id = id, .pre_key = eve.keys[key]});
    }
  }
  run(10s);
  BOOST_TEST(bob.rows('P') * (limits::large_text + manager::Inbox::part_overhead_bytes) <=
             limits::incomplete_parts_bytes);
}

BOOST_FIXTURE_TEST_CASE(the_line_breaks_and_keys_are_renewed, Pair) {
  const std::string text(9 * limits::large_text, 'x');
  bob.crash();
  std::size_t left = 4;  // frames to nodes, of her first stores
  bool broken = false;
  network.set_filter([&](const auto& packet) {
    return broken && packet.from == alice.endpoint && packet.bytes[0] == 0xa0 && (left == 0 || left-- == 0);
  });
  alice.send(bob, "before");
  run(10s);
  broken = true;
  const auto id = alice.send(bob, text);
  run(2min);
  bob.start();
  BOOST_TEST(run(10min, [&] { return bob.rows('P') > 0; }));
  BOOST_TEST(bob.rows('P') < 9U);
  const auto entries = alice.state->load();
  const auto keys = std::ranges::find_if(entries, [](const auto& entry) { return entry.key[0] == 'T'; });
  BOOST_REQUIRE(keys != entries.end());
  const auto instance = manager::instance_from(ByteView(keys->key).subspan(33));
  alice.manager->on_friend_packet(
      bob.key,
      protocol::make_friend_packet(protocol::FriendPacketType::nack, protocol::LiveReceipt{instance, {id}}));
  run(1min);
  broken = false;
  BOOST_TEST(run(1h, [&] { return bob.shown.size() == 2; }));
  BOOST_TEST(run(3h, [&] { return alice.told(id).ends_with("delivered"); }));
  BOOST_TEST(bob.rows('P') == 0U);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace toxasync::test
