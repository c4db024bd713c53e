// SPDX-License-Identifier: GPL-3.0-or-later
#include "strangers.hpp"

// Friend requests that are cancelled, overwritten or have expired are not shown (docs/protocol.md, "First
// contact").

using namespace toxasync;
using namespace toxasync::test;
using manager::RequestState;

namespace {

struct Requests : Strangers {
  Requests() { bob.crash(); }

  crypto::MessageId ask(std::string_view text) {
    const auto id = alice.request(bob, text);
    BOOST_REQUIRE(id.has_value());
    return *id;
  }
  bool cancel() { return alice.contact->cancel_request(bob.key, clock.now()); }
  [[nodiscard]] bool ended(const crypto::MessageId& id, RequestState how) const {
    return std::ranges::any_of(alice.states,
                               [&](const auto& status) { return status.id == id && status.state == how; });
  }
  [[nodiscard]] bool stored(const crypto::MessageId& id) const { return ended(id, RequestState::stored); }
  using Texts = std::vector<std::string>;
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(attack_request, Requests)

BOOST_AUTO_TEST_CASE(cancelled_and_a_new_one_sent) {
  const auto first = ask("first");
  BOOST_TEST(run_until_stored());
  BOOST_TEST(cancel());
  const auto second = ask("second");
  BOOST_TEST(run(10min, [&] { return ended(first, RequestState::cancelled) && stored(second); }));
  bob.start();
  BOOST_TEST(run_until_taken());
  BOOST_TEST(bob.texts() == Texts{"second"}, boost::test_tools::per_element());
  BOOST_TEST(bob.shown.size() == 1U);
  bob.crash();
  run(days(15));
  BOOST_TEST(ended(second, RequestState::expired));
  BOOST_TEST(alice.rows('G') == 0U);
}

BOOST_AUTO_TEST_CASE(cancelled_and_a_new_one_sent_before_a_crash) {
  const auto first = ask("first");
  BOOST_TEST(run_until_stored());
  BOOST_TEST(cancel());
  const auto second = ask("second");
  run(10ms);
  alice.crash();
  alice.start();
  BOOST_TEST(run(20min, [&] { return ended(first, RequestState::cancelled) && stored(second); }));
  bob.start();
  BOOST_TEST(run_until_taken());
  BOOST_TEST(bob.texts() == Texts{"second"}, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(an_end_before_a_crash_is_reported_after_it) {
  ask("first");
  BOOST_TEST(run_until_stored());
  alice.contact->on_contact(bob.key);  // they have come online
  alice.crash();                       // the end is on disk, and was not reported
  BOOST_TEST(!alice.told().ends_with("answered"));
  alice.start();
  run(1s);
  BOOST_TEST(alice.told().ends_with("answered"));
  alice.crash();
  alice.start();
  run(1s);
  BOOST_TEST(std::ranges::count(alice.states, RequestState::answered, &manager::RequestStatus::state) == 1);
  BOOST_TEST(alice.rows('G') == 0U);
}

BOOST_AUTO_TEST_CASE(a_silent_node_holds_up_the_new_one_only_for_a_while) {
  const auto first = ask("first");
  BOOST_TEST(run_until_stored());
  nodes[0]->switch_off();
  BOOST_TEST(cancel());
  const auto second = ask("second");
  BOOST_TEST(run(30min, [&] { return stored(second); }));
  BOOST_TEST(!ended(first, RequestState::cancelled));
  nodes[0]->switch_on();
  BOOST_TEST(run(3h, [&] { return ended(first, RequestState::cancelled); }));
  bob.start();
  BOOST_TEST(run_until_taken());
  BOOST_TEST(bob.texts() == Texts{"second"}, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(one_for_another_nospam_takes_the_first_ones_place) {
  const auto first = ask("first");
  BOOST_TEST(run_until_stored());
  bob.set_nospam(9);
  const auto second = ask("second");
  BOOST_TEST(run(20min, [&] { return ended(first, RequestState::cancelled) && stored(second); }));
  BOOST_TEST(live_records() == 3U);
  BOOST_TEST(cancel());
  BOOST_TEST(run(20min, [&] { return ended(second, RequestState::cancelled); }));
  BOOST_TEST(live_records() == 0U);
}

BOOST_AUTO_TEST_CASE(requests_that_end_are_bounded) {
  for (const auto& node : nodes) {
    node->switch_off();
  }
  std::size_t taken = 0;
  for (int i = 0; i < 70; ++i) {
    taken += alice.request(bob, "again").has_value() ? 1 : 0;
    run(11min);
    cancel();
  }
  BOOST_TEST(taken <= manager::RequestOutbox::most_requests);
  BOOST_TEST(alice.rows('G') <= manager::RequestOutbox::most_requests);
}

BOOST_AUTO_TEST_CASE(a_copy_stored_on_its_last_day_is_not_shown_after_its_end) {
  nodes[1]->switch_off();
  nodes[2]->switch_off();
  const auto id = ask("too late");
  BOOST_TEST(run(1h, [&] { return stored(id); }));
  run(days(13) + 18h);
  nodes[1]->switch_on();
  nodes[2]->switch_on();
  BOOST_TEST(run(days(2), [&] { return ended(id, RequestState::expired); }));
  BOOST_TEST(live_records() == 0U);
  bob.start();
  run(2h);
  BOOST_TEST(bob.shown.empty());
}

BOOST_AUTO_TEST_CASE(a_cancel_reaches_copies_of_all_two_weeks) {
  nodes[1]->switch_off();
  nodes[2]->switch_off();
  bool lossy = true;  // the one that stores it never says so
  network.set_filter([&](const auto& packet) {
    return lossy && packet.from == nodes[0]->endpoint && packet.bytes.size() == limits::frame;
  });
  const auto id = ask("never mind");
  run(days(13));
  lossy = false;
  nodes[1]->switch_on();
  nodes[2]->switch_on();
  BOOST_TEST(live_records() > 16U);
  BOOST_TEST(cancel());
  BOOST_TEST(run(days(1), [&] { return ended(id, RequestState::cancelled); }));
  BOOST_TEST(live_records() == 0U);
}

BOOST_AUTO_TEST_CASE(a_slow_node_does_not_keep_a_request_away) {
  // A friend's node answers only what it is asked for the last time, with one page of four, and has no end.
  // It needs no key for that: the tags of boxes stand in the request.
  Strangers world(2);
  StorageNode& hostile = *world.nodes[1];
  const auto first = world.epoch();
  for (auto epoch = first; epoch < first + 2; ++epoch) {
    const auto mailbox = crypto::public_mailbox(world.bob.key, world.bob.nospam, epoch);
    for (std::uint64_t i = 0; i < 2000; ++i) {
      store::Box box = store::box_of(mailbox->address);
      box.key[5] = static_cast<std::uint8_t>(i / 1000);
      box.key[6] = 1;
      store::RecordId id{};
      store_le(i, id.data());
      id[12] = static_cast<std::uint8_t>(epoch);
      hostile.store.put(std::uint64_t{1} << 60, box, id, Bytes(limits::small_envelope, 1),
                        world.clock.unix_time() + days(14), world.clock.unix_time());
    }
    hostile.store.submit();
  }
  std::map<crypto::Point, unsigned> asked;
  std::set<crypto::Point> answers;
  world.network.set_filter([&](MockNetwork::Packet& packet) {
    const auto header = protocol::read_frame_header(packet.bytes);
    const bool first = header && header->cookie == protocol::Cookie{};
    if (header && !first && packet.to == hostile.endpoint && ++asked[header->session] % 5 == 0) {
      answers.insert(header->session);
    }
    return header && packet.from == hostile.endpoint && packet.bytes.size() == limits::frame &&
           answers.erase(header->session) == 0;
  });
  world.bob.home = {world.nodes[0].get()};
  world.run(30min);
  world.alice.known = {world.nodes[0].get()};
  world.alice.home = {world.nodes[0].get()};
  BOOST_TEST(world.alice.request(world.bob).has_value());
  BOOST_TEST(world.run_until_taken(1, 1h));
}

BOOST_AUTO_TEST_SUITE_END()
