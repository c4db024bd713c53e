// SPDX-License-Identifier: GPL-3.0-or-later
#include <boost/test/unit_test.hpp>
#include <set>

#include "client/retrieve_operation.hpp"
#include "rig.hpp"

namespace toxasync::test {
namespace {

using client::ClientConfig;
using protocol::Page;

/// Each envelope once, whatever the order.
std::set<Bytes> unique(const std::vector<Bytes>& envelopes) {
  return {envelopes.begin(), envelopes.end()};
}

/// A retrieve from a node that lies in every page: it ends incomplete, with nothing handed over or deleted.
void check_lie_refused(std::size_t mails, const std::function<void(std::vector<Page>&)>& lie,
                       Counter reason) {
  Rig rig;
  ScriptedNode& node = rig.add_node();
  rig.fill(node, mails);
  node.pages_hook = [&](const auto&, auto& pages) { lie(pages); };
  const auto id = rig.retrieve(node);
  rig.run();
  BOOST_REQUIRE(rig.listener.retrieved.contains(id));
  BOOST_TEST(!rig.complete(id));
  BOOST_TEST(rig.listener.envelopes.empty());
  BOOST_TEST(node.deleted.empty());
  BOOST_TEST(rig.telemetry[reason] >= 5);
}

BOOST_AUTO_TEST_SUITE(client_retrieve)

BOOST_AUTO_TEST_CASE(mail_of_any_number_is_fetched_whole_in_order_and_deleted) {
  for (const std::size_t count : {0U, 1U, 3U, 4U, 13U, 100U}) {
    for (const std::uint8_t window : {std::uint8_t{1}, std::uint8_t{4}, std::uint8_t{16}}) {
      ClientConfig config;
      config.window = window;
      Rig rig(1, config);
      ScriptedNode& node = rig.add_node();
      const auto put = rig.fill(node, count);
      const auto id = rig.retrieve(node);
      rig.run();
      BOOST_TEST(rig.complete(id));
      BOOST_TEST(rig.listener.retrieved.at(id).result.reachable);
      BOOST_TEST(rig.listener.retrieved.at(id).result.node_time == rig.clock.unix_time());
      BOOST_TEST((rig.listener.envelopes[id] == put));
      BOOST_TEST(node.mail(rig.mailbox().mailbox.address).empty());
      BOOST_TEST(rig.telemetry[Counter::client_timeouts] == 0);
      BOOST_TEST(rig.client->operations() == 0);
    }
  }
}

BOOST_AUTO_TEST_CASE(an_empty_mailbox_costs_one_request_and_mail_one_more) {
  Rig rig;
  ScriptedNode& node = rig.add_node();
  rig.retrieve(node);
  rig.run();
  BOOST_TEST(node.retrieves.size() == 1);
  rig.fill(node, 3);
  rig.retrieve(node);
  rig.run();
  BOOST_TEST(node.retrieves.size() == 3);
  BOOST_TEST(node.retrieves.back().ids_to_delete.size() == 3);
}

BOOST_AUTO_TEST_CASE(mail_is_handed_over_once_despite_loss_and_reordering) {
  unsigned complete = 0;
  for (unsigned seed = 0; seed < 40; ++seed) {
    ClientConfig config;
    config.attempts = 20;
    Rig rig(seed, config);
    rig.network.set_conditions({300, 200, 10ms, 1500ms});
    ScriptedNode& node = rig.add_node();
    const auto put = rig.fill(node, 40);
    const auto id = rig.retrieve(node);
    rig.run(1h);
    BOOST_TEST(rig.listener.retrieved.contains(id));
    BOOST_TEST((rig.listener.envelopes[id] == put));
    BOOST_TEST(rig.listener.reported_twice == 0);
    complete += rig.complete(id) && node.mail(rig.mailbox().mailbox.address).empty() ? 1 : 0;
  }
  BOOST_TEST(complete == 40);
}

BOOST_AUTO_TEST_CASE(pages_of_a_window_may_come_in_any_order_and_twice) {
  Rig rig;
  ScriptedNode& node = rig.add_node();
  const auto put = rig.fill(node, 12);
  node.pages_hook = [](const auto&, auto& pages) {
    std::ranges::reverse(pages);
    pages.insert(pages.begin() + 1, pages.front());
  };
  const auto id = rig.retrieve(node);
  rig.run();
  BOOST_TEST(rig.complete(id));
  BOOST_TEST((rig.listener.envelopes[id] == put));
  BOOST_TEST(rig.telemetry[Counter::client_timeouts] == 0);
}

BOOST_AUTO_TEST_CASE(after_a_lost_page_the_pages_before_it_are_used) {
  Rig rig;
  ScriptedNode& node = rig.add_node();
  const auto put = rig.fill(node, 60);
  node.pages_hook = [&](const auto&, auto& pages) {
    if (node.retrieves.size() == 1) {
      pages.erase(pages.begin() + 2);
    }
  };
  const auto id = rig.retrieve(node);
  rig.run();
  BOOST_TEST(rig.complete(id));
  BOOST_TEST((rig.listener.envelopes[id] == put));
  BOOST_TEST(rig.telemetry[Counter::client_timeouts] == 1);
  BOOST_TEST(rig.telemetry[Counter::client_retries] == 0);
}

BOOST_AUTO_TEST_CASE(a_lost_last_page_does_not_end_the_retrieve_early) {
  Rig rig;
  ScriptedNode& node = rig.add_node();
  const auto put = rig.fill(node, 5);  // small x3, large, small: three pages
  node.pages_hook = [&](const auto&, auto& pages) {
    if (node.retrieves.size() == 1) {
      pages.pop_back();
    }
  };
  const auto id = rig.retrieve(node);
  rig.run();
  BOOST_TEST(rig.complete(id));
  BOOST_TEST((rig.listener.envelopes[id] == put));
}

BOOST_AUTO_TEST_CASE(after_a_lost_first_page_the_request_is_repeated) {
  Rig rig;
  ScriptedNode& node = rig.add_node();
  const auto put = rig.fill(node, 12);
  node.pages_hook = [&](const auto&, auto& pages) {
    if (node.retrieves.size() == 1) {
      pages.erase(pages.begin());
    }
  };
  const auto id = rig.retrieve(node);
  rig.run();
  BOOST_TEST(rig.complete(id));
  BOOST_TEST((rig.listener.envelopes[id] == put));
  BOOST_TEST(rig.telemetry[Counter::client_retries] == 1);
  BOOST_TEST(node.retrieves[1].cursor == 0);
  BOOST_TEST(node.retrieves[1].counter > node.retrieves[0].counter);
}

BOOST_AUTO_TEST_CASE(nothing_is_deleted_before_continue_retrieve) {
  Rig rig;
  ScriptedNode& node = rig.add_node();
  const auto put = rig.fill(node, 40);
  rig.listener.on_window = {};
  const auto id = rig.retrieve(node);
  rig.run();
  BOOST_TEST(rig.listener.windows == 1);
  BOOST_TEST(rig.listener.retrieved.empty());
  BOOST_TEST(node.deleted.empty());
  BOOST_TEST(node.retrieves.size() == 1);
  BOOST_TEST(rig.client->operations() == 1);
  BOOST_TEST(rig.client->next_deadline() == never);
  rig.clock.advance(1h);
  rig.listener.on_window = [&](auto which, Now now) { rig.client->continue_retrieve(which, now); };
  rig.client->continue_retrieve(id, rig.clock.now());
  rig.client->continue_retrieve(id, rig.clock.now());  // there is nothing to continue: no effect
  rig.run();
  BOOST_TEST(rig.complete(id));
  BOOST_TEST((rig.listener.envelopes[id] == put));
}

BOOST_AUTO_TEST_CASE(only_mail_that_was_handed_over_is_deleted) {
  Rig rig;
  ScriptedNode& node = rig.add_node();
  rig.fill(node, 50);
  const auto address = rig.mailbox().mailbox.address;
  std::set<crypto::EnvelopeId> handed_over;
  const auto id = rig.retrieve(node);
  rig.listener.on_window = [&](auto which, Now now) {
    for (const Bytes& bytes : rig.listener.envelopes[id]) {
      handed_over.insert(crypto::envelope_id(address, bytes));
    }
    rig.client->continue_retrieve(which, now);
  };
  node.pages_hook = [&](const protocol::RetrieveRequest&, auto& pages) {
    BOOST_TEST(std::ranges::includes(handed_over, node.deleted));
    if (node.retrieves.size() % 3 == 0) {
      pages.erase(pages.begin() + static_cast<std::ptrdiff_t>(pages.size()) / 2);
    }
  };
  rig.run();
  BOOST_TEST(rig.complete(id));
  BOOST_TEST(node.deleted.size() == 50);
}

BOOST_AUTO_TEST_CASE(what_is_to_be_left_stays_and_is_read_past) {
  Rig rig;
  ScriptedNode& node = rig.add_node();
  const auto put = rig.fill(node, 50);
  const auto address = rig.mailbox().mailbox.address;
  std::set<crypto::EnvelopeId> left;
  for (std::size_t i = 0; i < put.size(); i += 7) {
    left.insert(crypto::envelope_id(address, put[i]));
  }
  const std::vector<crypto::EnvelopeId> keep(left.begin(), left.end());
  rig.listener.on_window = [&](auto which, Now now) { rig.client->continue_retrieve(which, now, keep); };
  const auto id = rig.retrieve(node);
  rig.run();
  BOOST_TEST(rig.complete(id));
  BOOST_TEST((rig.listener.envelopes[id] == put));
  const auto result = rig.listener.retrieved.at(id).result;
  BOOST_TEST(result.left);
  BOOST_TEST(node.mail(address).size() == left.size());
  BOOST_TEST(std::ranges::none_of(node.deleted, [&](const auto& gone) { return left.contains(gone); }));

  const auto behind = rig.fill(node, 2);  // the next retrieve begins behind them
  client::RetrieveJob job{node.id(), rig.mailbox(), false};
  job.cursors = result.cursors;
  const auto next = rig.client->retrieve(std::move(job), rig.listener, rig.clock.now());
  rig.run();
  BOOST_TEST((rig.listener.envelopes[next] == behind));
}

BOOST_AUTO_TEST_CASE(an_abandoned_retrieve_keeps_the_mail_and_reports_nothing) {
  Rig rig;
  ScriptedNode& node = rig.add_node();
  rig.fill(node, 10);
  rig.listener.on_window = [&](auto which, Now now) { rig.client->abandon(which, now); };
  const auto id = rig.retrieve(node);
  rig.run();
  BOOST_TEST(rig.listener.windows == 1);
  BOOST_TEST(rig.listener.retrieved.empty());
  BOOST_TEST(rig.client->operations() == 0);
  BOOST_TEST(node.mail(rig.mailbox().mailbox.address).size() == 10);
  rig.client->continue_retrieve(id, rig.clock.now());
  rig.run();
  BOOST_TEST(node.retrieves.size() == 1);
}

BOOST_AUTO_TEST_CASE(mail_that_comes_during_the_last_request_is_fetched_too) {
  Rig rig;
  ScriptedNode& node = rig.add_node();
  auto put = rig.fill(node, 3);
  const auto id = rig.retrieve(node);
  rig.listener.on_window = [&](auto which, Now now) {
    if (rig.listener.windows == 1) {
      put.push_back(rig.fill(node, 1).front());
    }
    rig.client->continue_retrieve(which, now);
  };
  rig.run();
  BOOST_TEST(rig.complete(id));
  BOOST_TEST((rig.listener.envelopes[id] == put));
  BOOST_TEST(node.mail(rig.mailbox().mailbox.address).empty());
}

BOOST_AUTO_TEST_CASE(try_later_ends_the_retrieve_with_the_nodes_time) {
  Rig rig;
  ScriptedNode& node = rig.add_node();
  rig.fill(node, 20);
  node.pages_hook = [&](const auto& request, auto& pages) {
    if (node.retrieves.size() == 2) {
      Page page;
      page.counter = request.counter;
      page.flags = Page::flag_try_later;
      page.retry_after_s = 120;
      pages = {page};
    }
  };
  const auto id = rig.retrieve(node);
  rig.run();
  const auto result = rig.listener.retrieved.at(id).result;
  BOOST_TEST(!result.complete);
  BOOST_TEST(result.reachable);
  BOOST_TEST(result.retry_after == 2min);
  BOOST_TEST(rig.listener.windows == 1);
}

BOOST_AUTO_TEST_CASE(a_silent_node_is_not_reachable) {
  Rig rig;
  ScriptedNode& node = rig.add_node();
  node.silent = true;
  const auto id = rig.retrieve(node);
  rig.run();
  BOOST_TEST(!rig.listener.retrieved.at(id).result.reachable);
  BOOST_TEST(!rig.complete(id));
  BOOST_TEST(node.requests.size() == 5);
  BOOST_TEST(rig.client->node_status(node.id())->failures_in_a_row == 1);
}

BOOST_AUTO_TEST_CASE(a_node_lost_in_the_middle_leaves_the_retrieve_incomplete) {
  Rig rig;
  ScriptedNode& node = rig.add_node();
  rig.fill(node, 40);
  node.pages_hook = [&](const auto&, auto&) { node.silent = node.retrieves.size() == 2; };
  const auto id = rig.retrieve(node);
  rig.run();
  BOOST_TEST(!rig.complete(id));
  BOOST_TEST(rig.listener.retrieved.at(id).result.reachable);
  BOOST_TEST(rig.client->node_status(node.id())->failures_in_a_row == 1);
}

BOOST_AUTO_TEST_CASE(a_deletion_that_is_not_answered_is_not_complete) {
  Rig rig;
  ScriptedNode& node = rig.add_node();
  rig.fill(node, 2);
  node.pages_hook = [&](const auto&, auto& pages) {
    if (node.retrieves.size() >= 2) {
      pages.clear();
    }
  };
  const auto id = rig.retrieve(node);
  rig.run();
  BOOST_TEST(rig.listener.windows == 1);
  BOOST_TEST(rig.listener.retrieved.contains(id));
  BOOST_TEST(!rig.complete(id));
}

BOOST_AUTO_TEST_CASE(an_envelope_sent_again_is_handed_over_once_and_deleted) {
  Rig rig;
  ScriptedNode& node = rig.add_node();
  const auto put = rig.fill(node, 3);
  node.pages_hook = [&](const auto& request, auto& pages) {
    if (node.retrieves.size() <= 4) {
      pages.front().envelopes.assign(3, {rig.box_name(), put.front()});
      pages.front().cursor = request.cursor + 10;
    }
  };
  const auto id = rig.retrieve(node);
  rig.run();
  BOOST_TEST(rig.complete(id));
  BOOST_TEST((rig.listener.envelopes[id] == std::vector<Bytes>{put.front()}));
  BOOST_TEST(rig.listener.windows == 1);
  BOOST_TEST(node.retrieves.at(3).ids_to_delete.size() == 1);
}

BOOST_AUTO_TEST_CASE(an_endless_mailbox_is_left_after_a_bounded_number_of_pages) {
  for (const bool with_mail : {false, true}) {
    Rig rig;
    rig.network.keep_log(false);
    ScriptedNode& node = rig.add_node();
    std::uint64_t cursor = 0;
    node.pages_hook = [&](const auto& request, auto& pages) {
      pages.assign(request.window, Page{});
      for (std::size_t i = 0; i < pages.size(); ++i) {
        pages[i].counter = request.counter;
        pages[i].index = static_cast<std::uint8_t>(i);
        pages[i].count = request.window;
        pages[i].cursor = ++cursor;
        pages[i].flags = Page::flag_more;
        if (with_mail) {
          pages[i].envelopes.push_back({rig.box_name(), rig.envelope()});
        }
      }
    };
    const auto id = rig.retrieve(node);
    rig.run();
    BOOST_TEST(!rig.complete(id));
    BOOST_TEST(rig.listener.retrieved.at(id).result.reachable);
    BOOST_TEST(cursor <= client::RetrieveOperation::most_envelopes_of_box + 4);
    const std::size_t handed_over = rig.listener.envelopes[id].size();
    BOOST_TEST(handed_over == (with_mail ? client::RetrieveOperation::most_envelopes_of_box : 0));
    BOOST_TEST(node.deleted.size() == handed_over);  // so that the next retrieve goes on from there
  }
}

BOOST_AUTO_TEST_CASE(more_without_a_rising_cursor_is_refused) {
  check_lie_refused(
      0, [](auto& pages) { pages.front().flags = Page::flag_more; }, Counter::refused_answer);
}

BOOST_AUTO_TEST_CASE(a_cursor_that_does_not_rise_with_mail_is_refused) {
  check_lie_refused(
      3, [](auto& pages) { pages.front().cursor = 0; }, Counter::refused_answer);
}

BOOST_AUTO_TEST_CASE(a_cursor_that_falls_from_page_to_page_is_refused) {
  Rig rig;
  ScriptedNode& node = rig.add_node();
  const auto put = rig.fill(node, 12);
  node.pages_hook = [](const auto&, auto& pages) {
    if (pages.size() > 2) {
      pages[2].cursor = pages[1].cursor;
    }
  };
  const auto id = rig.retrieve(node);
  rig.run();
  BOOST_TEST(rig.complete(id));  // by what came before it, window for window
  BOOST_TEST((rig.listener.envelopes[id] == put));
  BOOST_TEST(rig.telemetry[Counter::refused_answer] >= 1);
}

BOOST_AUTO_TEST_CASE(envelopes_of_a_wrong_size_are_refused) {
  for (const std::size_t size : {0U, 1U, 399U, 401U, 1167U}) {
    check_lie_refused(
        1, [size](auto& pages) { pages.front().envelopes.front().bytes.resize(size); },
        Counter::refused_envelope_size);
  }
}

BOOST_AUTO_TEST_CASE(a_page_outside_its_window_is_refused) {
  check_lie_refused(
      1, [](auto& pages) { pages.front().count = 0; }, Counter::refused_message_malformed);
  check_lie_refused(
      1, [](auto& pages) { pages.front().index = 1; }, Counter::refused_message_malformed);
  check_lie_refused(
      1, [](auto& pages) { pages.front().count = 17; }, Counter::refused_message_malformed);
  check_lie_refused(
      1, [](auto& pages) { pages.front().count = 5; }, Counter::refused_answer);
}

BOOST_AUTO_TEST_CASE(a_page_whose_count_differs_from_the_first_is_refused) {
  Rig rig;
  ScriptedNode& node = rig.add_node();
  const auto put = rig.fill(node, 12);
  node.pages_hook = [&](const auto&, auto& pages) {
    if (node.retrieves.size() == 1) {
      pages[1].count = 3;
    }
  };
  const auto id = rig.retrieve(node);
  rig.run();
  BOOST_TEST(rig.complete(id));
  BOOST_TEST((rig.listener.envelopes[id] == put));
  BOOST_TEST(rig.telemetry[Counter::refused_answer] == 1);
}

BOOST_AUTO_TEST_CASE(pages_of_another_request_are_refused) {
  check_lie_refused(
      3, [](auto& pages) { pages.front().counter += 1; }, Counter::refused_answer);
}

BOOST_AUTO_TEST_CASE(a_page_of_the_window_before_is_refused) {
  Rig rig;
  ScriptedNode& node = rig.add_node();
  const auto put = rig.fill(node, 60);
  std::vector<Page> before;
  node.pages_hook = [&](const auto&, auto& pages) {
    const auto these = pages;
    pages.insert(pages.begin(), before.begin(), before.end());
    before = these;
  };
  const auto id = rig.retrieve(node);
  rig.run();
  BOOST_TEST(rig.complete(id));
  BOOST_TEST((rig.listener.envelopes[id] == put));
  BOOST_TEST(rig.telemetry[Counter::refused_answer] > 8);
}

BOOST_AUTO_TEST_CASE(a_late_first_page_still_completes_its_window) {
  Rig rig;
  ScriptedNode& node = rig.add_node();
  const auto put = rig.fill(node, 12);
  Page late;
  Endpoint to;
  node.pages_hook = [&](const auto&, auto& pages) {
    if (node.retrieves.size() == 1) {
      late = pages.front();
      pages.erase(pages.begin());
      to = rig.transport.endpoint();
    } else if (node.retrieves.size() == 2) {
      pages.clear();  // the answer to the retry is lost
      node.answer(to, node.requests.back().header, late);
    }
  };
  const auto id = rig.retrieve(node);
  rig.run();
  BOOST_TEST(rig.complete(id));
  BOOST_TEST((rig.listener.envelopes[id] == put));
  BOOST_TEST(rig.telemetry[Counter::client_timeouts] == 1);
}

BOOST_AUTO_TEST_CASE(two_mailboxes_are_read_at_once_without_a_mixture) {
  Rig rig;
  ScriptedNode& node = rig.add_node();
  const auto first_mail = rig.fill(node, 30, 0);
  const auto second_mail = rig.fill(node, 30, 1);
  const auto first = rig.retrieve(node, 0);
  const auto second = rig.retrieve(node, 1);
  rig.run();
  BOOST_TEST((rig.listener.envelopes[first] == first_mail));
  BOOST_TEST((rig.listener.envelopes[second] == second_mail));
  BOOST_TEST(unique(first_mail).size() == 30);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace toxasync::test
