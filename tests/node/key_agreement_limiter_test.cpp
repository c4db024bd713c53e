// SPDX-License-Identifier: GPL-3.0-or-later
#include <boost/test/unit_test.hpp>
#include <memory>
#include <optional>

#include "harness.hpp"
#include "node/key_agreement_limiter.hpp"

namespace toxasync::test {
namespace {

using node::KeyAgreementLimiter;
using node::NodeConfig;
using protocol::StoreStatus;
using Answer = KeyAgreementLimiter::Answer;

}  // namespace

BOOST_AUTO_TEST_SUITE(node_key_agreement)

BOOST_AUTO_TEST_CASE(all_sources_together_get_the_configured_rate_and_burst) {
  KeyAgreementLimiter work(4096, {{128, 16}, 100}, {});
  SteadyTime now{1s};
  std::uint32_t last = 0;
  const auto take = [&](int sources) {  // new ones each time
    int taken = 0;
    for (int source = 0; source < sources; ++source) {
      taken += work.admit(ipv4(++last), now) == Answer::yes ? 1 : 0;
    }
    return taken;
  };
  BOOST_TEST(take(500) == 50);
  BOOST_TEST(take(500) == 0);
  int taken = 0;
  for (int i = 0; i < 1000; ++i) {  // ten seconds
    now += 10ms;
    taken += take(3);
  }
  BOOST_TEST(taken == 1000);
  now += 1h;
  BOOST_TEST(take(500) == 50);  // what was not used is not saved
}

BOOST_AUTO_TEST_CASE(who_asked_little_goes_first_when_there_is_not_enough_for_all) {
  KeyAgreementLimiter work(4096, {{128, 16}, 100}, {});
  SteadyTime now{1s};
  for (int i = 0; i < 100; ++i) {  // a source that uses half of what it has
    now += 100ms;
    if (i % 2 == 0) {
      BOOST_TEST((work.admit(ipv4(1), now) == Answer::yes));
    }
  }
  while (work.admit(ipv4(1), now) == Answer::yes) {
  }
  BOOST_TEST((work.admit(ipv4(1), now) == Answer::ceiling));  // the common bucket is as empty as its own
  for (std::uint32_t other = 2; other < 12; ++other) {
    BOOST_TEST((work.admit(ipv4(other), now) == Answer::yes));
  }
  BOOST_TEST((work.admit(ipv4(1), now) == Answer::ceiling));
  BOOST_TEST(work.retry_after(Answer::ceiling, ipv4(1), now) > 0s);
}

BOOST_AUTO_TEST_CASE(an_attempt_that_fails_costs_its_source_a_token_too) {
  KeyAgreementLimiter work(4096, {{4, 1}, 2}, {});
  BOOST_TEST((work.admit(ipv4(1), SteadyTime{}, 2) == Answer::yes));  // those that there are
  for (int i = 0; i < 4; ++i) {
    BOOST_TEST((work.admit(ipv4(2), SteadyTime{}) == Answer::ceiling));
  }
  BOOST_TEST((work.admit(ipv4(2), SteadyTime{}) == Answer::source_spent));
  BOOST_TEST(work.retry_after(Answer::source_spent, ipv4(2), SteadyTime{}) == 1min);
}

BOOST_AUTO_TEST_CASE(extreme_rates_and_times_do_no_harm) {
  KeyAgreementLimiter none(1, {{0, 0}, 0}, {});
  BOOST_TEST((none.admit(ipv4(1), SteadyTime{}) == Answer::source_spent));
  KeyAgreementLimiter most(1, {{UINT32_MAX, UINT32_MAX}, UINT32_MAX}, {});
  BOOST_TEST((most.admit(ipv4(1), SteadyTime{milliseconds::max() / 2}) == Answer::yes));
  BOOST_TEST((most.admit(ipv4(1), SteadyTime{}) == Answer::yes));
}

BOOST_AUTO_TEST_CASE(known_and_honest_new_sessions_are_served_under_a_flood) {
  constexpr std::uint32_t attackers = 150;
  constexpr std::uint32_t ceiling = 20;
  NodeConfig config;
  config.key_agreements_per_second = ceiling;
  NodeHarness node(config);
  const auto mailbox = test_mailbox(node.epoch());
  HandClient known(node, 1);
  known.greet();
  const auto asks = [&](HandClient& client) { return !client.ask(client.retrieve_request(mailbox)).empty(); };
  BOOST_TEST(asks(known));
  std::vector<std::unique_ptr<HandClient>> flood;
  for (std::uint32_t i = 0; i < attackers; ++i) {
    flood.push_back(std::make_unique<HandClient>(node, 1000 + i, MockTransport::route_to(ipv4(1000 + i))));
    flood.back()->greet();
  }
  struct Newcomer {
    std::unique_ptr<HandClient> client;
    SteadyTime next;
    int attempts = 0;
  };
  std::vector<Newcomer> newcomers;
  int came_in = 0;
  int most_attempts = 0;
  const SteadyTime began = node.clock.steady();
  for (int tenth = 0; tenth < 400; ++tenth) {
    node.clock.advance(100ms);
    const SteadyTime now = node.clock.steady();
    for (const auto& attacker : flood) {  // boxes that open under no key: an agreement each, or two
      for (int packet = 0; packet < 2; ++packet) {
        attacker->exchange(attacker->unknowing_frame());
      }
    }
    BOOST_TEST(asks(known));
    if (tenth % 10 == 0) {
      const auto host = static_cast<std::uint32_t>(100'000 + tenth);
      newcomers.push_back(
          {std::make_unique<HandClient>(node, host, MockTransport::route_to(ipv4(host))), now});
      newcomers.back().client->greet();
    }
    std::erase_if(newcomers, [&](Newcomer& newcomer) {
      if (newcomer.next > now) {
        return false;
      }
      ++newcomer.attempts;
      newcomer.next = now + 1500ms;
      const auto answer = newcomer.client->ask(
          newcomer.client->store_request(mailbox.mailbox, test_envelope(static_cast<std::uint64_t>(tenth))));
      const bool done = answer && answer->status == StoreStatus::stored;
      came_in += done ? 1 : 0;
      most_attempts = std::max(most_attempts, newcomer.attempts);
      return done;
    });
  }
  BOOST_TEST(came_in + static_cast<int>(newcomers.size()) == 40);
  BOOST_TEST(newcomers.size() <= 3U);  // the last ones are on their way
  BOOST_TEST(most_attempts <= 5);      // as many as a client makes
  BOOST_TEST(node[Counter::refused_key_agreement] > 1000U);
  const auto passed_s = static_cast<std::uint64_t>((node.clock.steady() - began) / 1s);
  const auto agreements = node[Counter::refused_frame_forged] + 2 * node[Counter::sessions_opened];
  BOOST_TEST(agreements <= ceiling * (passed_s + 1) + 2);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace toxasync::test
