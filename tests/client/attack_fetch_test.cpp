// SPDX-License-Identifier: GPL-3.0-or-later
#include <boost/test/unit_test.hpp>
#include <set>

#include "client/session_table.hpp"
#include "rig.hpp"

// What others do, and what we send ourselves, does not keep us from fetching; and what a node says does not
// make us fetch without end.

namespace toxasync::test {
namespace {

using client::ClientConfig;
using client::OperationId;
using client::RetrieveOperation;

/// As many as a mailbox that never ends.
void never_end(Rig& rig, ScriptedNode& node, std::size_t envelopes_per_page) {
  node.pages_hook = [&rig, envelopes_per_page](const protocol::RetrieveRequest& request,
                                               std::vector<protocol::Page>& pages) {
    pages.clear();
    for (std::uint8_t index = 0; index < request.window; ++index) {
      protocol::Page page;
      page.counter = request.counter;
      page.index = index;
      page.count = request.window;
      page.flags = protocol::Page::flag_more;
      page.cursor = request.cursor + index + 1;
      for (std::size_t i = 0; i < envelopes_per_page; ++i) {
        page.envelopes.push_back({rig.box_name(), rig.envelope()});
      }
      pages.push_back(std::move(page));
    }
  };
}

BOOST_AUTO_TEST_SUITE(attack_fetch)

BOOST_AUTO_TEST_CASE(stores_leave_room_for_a_retrieve_at_each_node) {
  Rig rig;
  ScriptedNode& node = rig.add_node();
  for (std::uint64_t i = 0; i < 500; ++i) {
    rig.store(node, i);
  }
  const SteadyTime start = rig.clock.steady();
  const auto id = rig.retrieve(node, 1000);
  rig.run();
  BOOST_TEST(rig.complete(id));
  BOOST_TEST(rig.listener.retrieved.at(id).at - start == 2 * Rig::round_trip);
  BOOST_TEST(rig.listener.stored.size() == 500U);
}

BOOST_AUTO_TEST_CASE(stores_at_other_nodes_leave_room_for_a_retrieve) {
  Rig rig;
  for (int i = 0; i < 8; ++i) {
    ScriptedNode& silent = rig.add_node();
    silent.silent = true;
    for (int j = 0; j < 50; ++j) {
      rig.store(silent);
    }
  }
  ScriptedNode& good = rig.add_node();
  const SteadyTime start = rig.clock.steady();
  const auto id = rig.retrieve(good);
  rig.run(1min);
  BOOST_TEST_REQUIRE(rig.complete(id));
  BOOST_TEST(rig.listener.retrieved.at(id).at - start == 2 * Rig::round_trip);
}

BOOST_AUTO_TEST_CASE(retrieves_leave_room_for_a_store_at_each_node) {
  Rig rig;
  ScriptedNode& node = rig.add_node();
  for (std::uint64_t i = 0; i < 200; ++i) {
    rig.retrieve(node, i);
  }
  const SteadyTime start = rig.clock.steady();
  const auto id = rig.store(node, 1000);
  rig.run();
  BOOST_TEST(rig.listener.stored.at(id).at - start == 2 * Rig::round_trip);
}

BOOST_AUTO_TEST_CASE(a_line_full_of_stores_refuses_no_retrieve) {
  ClientConfig config;
  config.operations_waiting = 20;
  Rig rig(1, config);
  ScriptedNode& silent = rig.add_node();
  silent.silent = true;
  for (int i = 0; i < 100; ++i) {
    rig.store(silent);
  }
  ScriptedNode& good = rig.add_node();
  std::vector<OperationId> ids;
  for (std::uint64_t i = 0; i < 18; ++i) {
    ids.push_back(rig.retrieve(good, i));
  }
  rig.run(1min);
  for (const auto id : ids) {
    BOOST_TEST(rig.complete(id));
  }
}

BOOST_AUTO_TEST_CASE(stores_do_not_push_the_sessions_of_retrieves_out) {
  Rig rig;
  ScriptedNode& node = rig.add_node();
  const auto sessions = [&](std::uint64_t mailbox) {
    const auto from = node.requests.size();
    rig.retrieve(node, mailbox);
    rig.run();
    std::set<crypto::Point> seen;
    for (auto i = from; i < node.requests.size(); ++i) {
      seen.insert(node.requests[i].header.session);
    }
    return seen;
  };
  std::vector<std::set<crypto::Point>> before;
  for (std::uint64_t i = 0; i < 40; ++i) {
    before.push_back(sessions(i));
  }
  for (std::uint64_t i = 100; i < 1000; ++i) {
    rig.store(node, i);
  }
  rig.run();
  for (std::uint64_t i = 0; i < 40; ++i) {
    BOOST_TEST((sessions(i) == before[i]));
  }
}

BOOST_AUTO_TEST_CASE(a_retrieve_that_was_turned_away_goes_before_new_sessions) {
  Rig rig;
  ScriptedNode& node = rig.add_node();
  unsigned turned_away = 0;
  node.pages_hook = [&](const protocol::RetrieveRequest& /*request*/, std::vector<protocol::Page>& pages) {
    if (turned_away++ == 0) {
      pages.front().flags = protocol::Page::flag_try_later;
      pages.front().retry_after_s = 5;
    }
  };
  rig.store(node, 0);
  const auto first = rig.retrieve(node, 1000);
  rig.run(100ms);
  BOOST_TEST(rig.listener.retrieved.at(first).result.retry_after == 5s);
  for (std::uint64_t i = 0; i < 50; ++i) {
    rig.store(node, i);
  }
  rig.run(5s);
  BOOST_TEST(rig.listener.stored.size() == 1U);
  const auto again = rig.retrieve(node, 1000);
  rig.run(100ms);
  BOOST_TEST(rig.complete(again));
  rig.run(1s);
  BOOST_TEST(rig.listener.stored.size() == 51U);
}

BOOST_AUTO_TEST_CASE(a_node_that_turns_all_retrieves_away_gets_mail) {
  Rig rig;
  ScriptedNode& node = rig.add_node();
  node.pages_hook = [&](const protocol::RetrieveRequest& /*request*/, std::vector<protocol::Page>& pages) {
    pages.front().flags = protocol::Page::flag_try_later;
    pages.front().retry_after_s = 5;
  };
  for (std::uint64_t i = 0; i < 30; ++i) {
    rig.retrieve(node, 1000);
    rig.store(node, i);
    rig.run(5s);
  }
  rig.run(1min);
  BOOST_TEST(rig.listener.stored.size() == 30U);
}

BOOST_AUTO_TEST_CASE(a_mailbox_that_never_ends_is_left_after_a_bound) {
  for (const std::size_t per_page : {std::size_t{3}, std::size_t{0}}) {
    Rig rig;
    ScriptedNode& node = rig.add_node();
    never_end(rig, node, per_page);
    const auto id = rig.retrieve(node);
    rig.run();
    BOOST_TEST(!rig.complete(id));
    BOOST_TEST(rig.listener.retrieved.at(id).result.endless);
    BOOST_TEST(rig.listener.envelopes[id].size() <=
               RetrieveOperation::most_envelopes_of_box + std::size_t{3} * 4);
    BOOST_TEST(node.retrieves.size() <= RetrieveOperation::most_envelopes_of_box / 4 + 2);
  }
}

BOOST_AUTO_TEST_CASE(nodes_that_answer_now_and_then_leave_places_to_others) {
  Rig rig;
  const ScriptedNode& good = rig.add_node();
  std::set<Endpoint> bad;
  for (int i = 0; i < 15; ++i) {
    bad.insert(rig.add_node().endpoints()[0]);
  }
  unsigned answers = 0;
  rig.network.set_filter(
      [&](MockNetwork::Packet& packet) { return bad.contains(packet.from) && ++answers % 50 != 0; });
  for (std::size_t node = 1; node < rig.nodes.size(); ++node) {
    for (std::uint64_t i = 0; i < 40; ++i) {
      rig.store(*rig.nodes[node], 100 * node + i);
    }
  }
  rig.run(2min);  // each has failed once
  const auto begun = rig.clock.steady();
  for (std::uint64_t i = 0; i < 16; ++i) {
    rig.store(good, i);
  }
  rig.run(1s);
  std::size_t here = 0;
  for (const auto& [id, one] : rig.listener.stored) {
    here += one.at >= begun && one.result.outcome == client::StoreOutcome::stored ? 1 : 0;
  }
  BOOST_TEST(here >= 16U);
}

BOOST_AUTO_TEST_CASE(a_node_that_answers_at_the_last_moment_is_left_after_five_minutes) {
  Rig rig;
  ScriptedNode& node = rig.add_node();
  never_end(rig, node, 1);
  unsigned asked = 0;
  unsigned pages = 0;
  rig.network.set_filter([&](MockNetwork::Packet& packet) {
    if (packet.to == node.endpoints()[0]) {
      const bool first = protocol::read_frame_header(packet.bytes)->cookie == protocol::Cookie{};
      return !first && ++asked % 5 != 0;
    }
    return packet.bytes.size() == limits::frame && ++pages % 4 != 1;  // of four the first alone comes
  });
  const auto begun = rig.clock.steady();
  const auto id = rig.retrieve(node);
  rig.run(24h);
  const auto& ended = rig.listener.retrieved.at(id);
  BOOST_TEST(ended.result.endless);
  BOOST_TEST(ended.at - begun <= ClientConfig{}.longest_retrieve + 1min);
  BOOST_TEST(!rig.listener.envelopes[id].empty());
  // What was handed over is deleted there, and the next retrieve begins behind it.
  rig.network.set_filter(nullptr);
  node.pages_hook = nullptr;
  BOOST_TEST(ended.result.cursors.size() == 1U);
  BOOST_TEST(ended.result.cursors.at(0) >= rig.listener.envelopes[id].size());
}

BOOST_AUTO_TEST_CASE(the_same_envelopes_again_and_again_end_too) {
  Rig rig;
  ScriptedNode& node = rig.add_node();
  const Bytes same = rig.envelope();
  never_end(rig, node, 0);
  node.pages_hook = [&rig, never = node.pages_hook, same](const protocol::RetrieveRequest& request,
                                                          std::vector<protocol::Page>& pages) {
    never(request, pages);
    for (auto& page : pages) {
      page.envelopes.assign(3, {rig.box_name(), same});
    }
  };
  const auto id = rig.retrieve(node);
  rig.run();
  BOOST_TEST(rig.listener.retrieved.at(id).result.endless);
  BOOST_TEST(rig.listener.envelopes[id].size() == 1U);
}

BOOST_AUTO_TEST_CASE(the_largest_honest_mailbox_is_read_in_one_retrieve) {
  Rig rig;
  ScriptedNode& node = rig.add_node();
  rig.fill(node, 1000);
  const auto id = rig.retrieve(node);
  rig.run();
  BOOST_TEST(rig.complete(id));
  BOOST_TEST(!rig.listener.retrieved.at(id).result.endless);
  BOOST_TEST(rig.listener.envelopes[id].size() == 1000U);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace toxasync::test
