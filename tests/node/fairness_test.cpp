// SPDX-License-Identifier: GPL-3.0-or-later
#include <boost/test/unit_test.hpp>
#include <functional>
#include <iomanip>
#include <map>
#include <memory>
#include <sstream>

#include "harness.hpp"
#include "node/storage_quota.hpp"

// A node that fills (docs/admission.md): by the node itself, and simulated over weeks with its policy alone.

namespace toxasync::test {
namespace {

using node::NodeConfig;
using node::StorageQuota;
using protocol::StoreStatus;

constexpr seconds day = days(1);
constexpr std::size_t small_bytes = limits::small_envelope + store::StoreLimits::record_overhead_bytes;
constexpr std::size_t large_bytes = limits::large_envelope + store::StoreLimits::record_overhead_bytes;

NodeConfig config_for(std::uint64_t capacity) {
  NodeConfig config;
  config.capacity_bytes = capacity;
  return config;
}
store::StoreLimits limits_for(std::uint64_t capacity) {
  store::StoreLimits limits;
  limits.capacity_bytes = capacity;
  return limits;
}

struct Stored {
  crypto::EnvelopeId id{};
  UnixTime expires_at{};
};

/// Addresses each in a /16 of its own.
Endpoint apart(std::uint32_t n) {
  Endpoint endpoint{4, {}, 1};
  endpoint.ip[0] = static_cast<std::uint8_t>(20 + (n >> 8U));
  endpoint.ip[1] = static_cast<std::uint8_t>(n);
  return endpoint;
}

/// Somebody at an address, with a mailbox to write to.
struct Source {
  Source(NodeHarness& harness, std::uint32_t number)
      : node(harness),
        client(harness, number, MockTransport::route_to(apart(number))),
        envelope_seed(std::uint64_t{number} << 20U) {
    client.greet();
  }
  protocol::StoreResponse store(std::size_t size, seconds ttl = limits::default_time_to_live) {
    envelope = test_envelope(++envelope_seed, size);
    auto request = client.store_request(mailbox.mailbox, envelope);
    request.ttl_s = ttl_s(ttl);
    client.sign(request, mailbox.mailbox);
    const auto answer = client.ask(request).value();
    if (answer.status == StoreStatus::stored) {
      kept.push_back(
          {crypto::envelope_id(mailbox.mailbox.address, envelope), unix_time(answer.expires_at_s)});
    }
    return answer;
  }
  /// Until it is refused.
  protocol::StoreResponse fill(std::size_t size, seconds ttl) {
    auto answer = store(size, ttl);
    while (answer.status == StoreStatus::stored) {
      answer = store(size, ttl);
    }
    return answer;
  }

  NodeHarness& node;
  HandClient client;
  std::uint64_t envelope_seed;
  crypto::OwnedMailbox mailbox = test_mailbox(node.epoch(), envelope_seed);
  Bytes envelope;
  std::vector<Stored> kept;
};

double level(const NodeHarness& node, std::uint64_t capacity) {
  return static_cast<double>(node.store.stats().used_bytes()) / static_cast<double>(capacity);
}

// --- The node's own policy alone, over weeks ---

/// Mail, its sources, and a store that keeps it: no cryptography, no packets.
class Weeks {
 public:
  static constexpr std::uint64_t capacity = 8ULL << 20;
  static constexpr seconds step_length = 10min;

  explicit Weeks(std::uint64_t seed) : random_(seed) {}

  bool store(const Endpoint& source, std::size_t bytes, seconds ttl, bool honest) {
    if (used_ + bytes > capacity) {
      return false;
    }
    const auto [wait, granted] = quota_.admit(source, bytes, ttl, {used_, capacity}, now_);
    if (wait != 0s) {
      return false;
    }
    used_ += bytes;
    honest_ += honest ? bytes : 0;
    expiring_.emplace(now_ + granted, std::pair(bytes, honest));
    return true;
  }
  void step() {
    now_ += step_length;
    while (!expiring_.empty() && expiring_.begin()->first <= now_) {
      const auto [bytes, honest] = expiring_.begin()->second;
      used_ -= bytes;
      honest_ -= honest ? bytes : 0;
      expiring_.erase(expiring_.begin());
    }
  }
  [[nodiscard]] double used() const { return static_cast<double>(used_) / capacity; }
  [[nodiscard]] double honest() const { return static_cast<double>(honest_) / capacity; }
  SeededRandom& random() { return random_; }

 private:
  SeededRandom random_;
  StorageQuota quota_{NodeConfig{}.networks, 1, {}};
  UnixTime now_{days(20000)};
  std::uint64_t used_ = 0;
  std::uint64_t honest_ = 0;
  std::multimap<UnixTime, std::pair<std::size_t, bool>> expiring_;
};

struct Attack {
  const char* name;
  std::uint32_t sources;
  Endpoint (*source)(std::uint32_t);
  std::array<double, 3> least;  ///< Of the honest messages that must be taken, for each demand.
};
struct Result {
  double taken;    ///< Of the honest messages, at the first attempt.
  double in_time;  ///< Or later, as long as their senders try: six hours.
  double honest;   ///< Of the capacity, at the end.
  double used;
};

Endpoint of_one_24(std::uint32_t n) {
  return ipv4(0xf00000 + n);
}
Endpoint of_one_48(std::uint32_t n) {
  Endpoint endpoint{6, {0x20, 1, 0xd, 0xb8, 0, 1, static_cast<std::uint8_t>(n)}, 1};
  return endpoint;
}
Endpoint of_one_32(std::uint32_t n) {
  return {6, {0x20, 1, 0xd, 0xb8, static_cast<std::uint8_t>(n >> 8U), static_cast<std::uint8_t>(n)}, 1};
}
Endpoint courier_key(std::uint32_t n) {
  return {Endpoint::keyed, {static_cast<std::uint8_t>(n >> 8U), static_cast<std::uint8_t>(n)}, 0};
}

/// 200 honest sources send mail to be kept for a day, which makes `demand` of the node, for nobody fetches
/// it. The attackers begin a week before them, and each hour store large envelopes until they are refused:
/// for as long as they can where nothing is shared, for a day past that, where it gets them the most room.
Result simulate(const Attack& attack, double demand, std::uint64_t seed) {
  constexpr std::uint32_t honest_sources = 200;
  constexpr int steps_of_day = day / Weeks::step_length;
  constexpr int tries = day / 4 / Weeks::step_length;  // of a message
  constexpr int alone = 7 * steps_of_day;
  constexpr int counted_from = 22 * steps_of_day;
  constexpr int end = 25 * steps_of_day;
  Weeks weeks(seed);
  const auto honest_source = [](std::uint32_t n) { return ipv4((n % 20) << 16U | n << 8U); };  // of 20 /16s
  // In parts of 1000000, for each source and step; sizes are one in four large.
  const double mean_bytes = 0.75 * small_bytes + 0.25 * large_bytes;
  const double each_step = demand * Weeks::capacity / mean_bytes / steps_of_day / honest_sources;
  const auto chance = static_cast<std::uint64_t>(each_step * 1'000'000);
  struct Waiting {
    std::uint32_t source;
    std::size_t bytes;
    int since;
  };
  std::vector<Waiting> waiting;
  std::uint64_t sent = 0;
  std::uint64_t at_once = 0;
  std::uint64_t later = 0;
  for (int step = 0; step < end; ++step) {
    weeks.step();
    bool let = step % 6 == 0;
    while (let) {
      let = false;
      for (std::uint32_t n = 0; n < attack.sources; ++n) {
        const seconds ttl = weeks.used() <= 0.5 ? limits::largest_time_to_live : day;
        let = weeks.store(attack.source(n), large_bytes, ttl, false) || let;
      }
    }
    std::erase_if(waiting, [&](const Waiting& mail) {
      const bool done = weeks.store(honest_source(mail.source), mail.bytes, day, true);
      later += done ? 1 : 0;
      return done || step - mail.since >= tries;
    });
    for (std::uint32_t n = 0; step >= alone && n < honest_sources; ++n) {
      if (weeks.random().below(1'000'000) >= chance) {
        continue;
      }
      const std::size_t bytes = weeks.random().below(4) == 0 ? large_bytes : small_bytes;
      const bool counted = step >= counted_from;
      sent += counted ? 1 : 0;
      if (weeks.store(honest_source(n), bytes, day, true)) {
        at_once += counted ? 1 : 0;
      } else if (counted) {
        waiting.push_back({n, bytes, step});
      }
    }
  }
  const auto part = [&](std::uint64_t of) { return static_cast<double>(of) / static_cast<double>(sent); };
  return {part(at_once), part(at_once + later), weeks.honest(), weeks.used()};
}

}  // namespace

BOOST_AUTO_TEST_SUITE(node_fairness)

BOOST_AUTO_TEST_CASE(acknowledged_mail_is_served_until_its_expiry_under_a_flood) {
  constexpr std::uint64_t capacity = 256ULL << 10U;
  NodeHarness node(config_for(capacity), limits_for(capacity));
  Source honest(node, 1);
  for (int i = 0; i < 20; ++i) {
    BOOST_TEST((honest.store(limits::small_envelope).status == StoreStatus::stored));
  }
  std::vector<std::unique_ptr<Source>> attackers;
  for (std::uint32_t i = 0; i < 300; ++i) {
    attackers.push_back(std::make_unique<Source>(node, 100 + i));
    attackers.back()->fill(limits::large_envelope, limits::largest_time_to_live);
    attackers.back()->fill(limits::small_envelope, limits::default_time_to_live);
  }
  BOOST_TEST(level(node, capacity) > 0.9);
  for (int i = 0; i < 5; ++i) {  // in what is left
    honest.store(limits::small_envelope);
  }
  const auto first_expiry = honest.kept.front().expires_at;
  while (node.clock.unix_time() < honest.kept.back().expires_at - 1h) {
    std::size_t listed = 0;
    const UnixTime now = node.clock.unix_time();
    honest.client.greet();
    for (std::uint64_t cursor = 0;;) {
      const auto pages = honest.client.ask(honest.client.retrieve_request(honest.mailbox, 16, cursor));
      BOOST_TEST_REQUIRE(!pages.empty());
      for (const auto& page : pages) {
        listed += page.envelopes.size();
        cursor = page.cursor;
      }
      if ((pages.back().flags & protocol::Page::flag_more) == 0) {
        break;
      }
    }
    const auto due =
        std::ranges::count_if(honest.kept, [now](const Stored& stored) { return stored.expires_at > now; });
    BOOST_TEST(listed == static_cast<std::size_t>(due));
    BOOST_TEST((now >= first_expiry || due >= 20));
    node.clock.advance(1h);
    for (std::size_t i = 0; i < attackers.size(); i += 10) {
      attackers[i]->client.greet();
      attackers[i]->fill(limits::small_envelope, limits::largest_time_to_live);
    }
  }
}

BOOST_AUTO_TEST_CASE(only_a_source_that_used_up_its_share_is_refused) {
  constexpr std::uint64_t capacity = 512ULL << 10U;
  NodeHarness node(config_for(capacity), limits_for(capacity));
  Source greedy(node, 1);
  const auto refused = greedy.fill(limits::large_envelope, limits::largest_time_to_live);
  BOOST_TEST((refused.status == StoreStatus::node_full));
  BOOST_TEST(seconds{refused.retry_after_s} >= StorageQuota::least_wait);
  BOOST_TEST(seconds{refused.retry_after_s} <= StorageQuota::longest_wait);
  BOOST_TEST(node[Counter::refused_share] == 1U);
  BOOST_TEST(level(node, capacity) < 0.51);  // the lower half is for whoever comes
  for (std::uint32_t i = 2; i < 10; ++i) {
    Source other(node, i);
    for (int message = 0; message < 5; ++message) {
      BOOST_TEST((other.store(limits::small_envelope).status == StoreStatus::stored));
    }
  }
  greedy.client.greet();
  BOOST_TEST((greedy.store(limits::small_envelope).status == StoreStatus::node_full));
}

BOOST_AUTO_TEST_CASE(a_jump_of_the_clock_clears_no_account) {
  constexpr std::uint64_t capacity = 512ULL << 10U;
  NodeHarness node(config_for(capacity), limits_for(capacity));
  Source greedy(node, 1);
  BOOST_TEST(
      (greedy.fill(limits::large_envelope, limits::largest_time_to_live).status == StoreStatus::node_full));
  for (const seconds jump : {-365 * day, 365 * day}) {
    node.clock.set_unix(node.clock.unix_time() + jump);
    node.tick();
    BOOST_TEST((greedy.store(limits::small_envelope).status == StoreStatus::node_full));
    node.clock.advance(10s);
    node.tick();
    node.clock.set_unix(node.clock.unix_time() - jump);
    node.tick();
    BOOST_TEST((greedy.store(limits::small_envelope).status == StoreStatus::node_full));
  }
}

BOOST_AUTO_TEST_CASE(the_granted_time_to_live_shrinks_as_the_node_fills) {
  constexpr std::uint64_t capacity = 512ULL << 10U;
  NodeHarness node(config_for(capacity), limits_for(capacity));
  seconds shortest = limits::largest_time_to_live;
  for (std::uint32_t i = 1; level(node, capacity) < 0.9; ++i) {
    BOOST_TEST_REQUIRE(i < 1000U);
    Source source(node, i);
    const double before = level(node, capacity);
    const auto answer = source.store(limits::large_envelope, limits::largest_time_to_live);
    if (answer.status != StoreStatus::stored) {
      source.fill(limits::large_envelope, limits::default_time_to_live);
      continue;
    }
    const seconds granted = unix_time(answer.expires_at_s) - node.clock.unix_time();
    BOOST_TEST((granted == limits::largest_time_to_live) == (before <= 0.5));
    BOOST_TEST((granted <= shortest && granted >= day));
    shortest = granted;
    source.fill(limits::large_envelope, limits::default_time_to_live);
  }
  Source last(node, 5000);
  const auto answer = last.store(limits::small_envelope, limits::default_time_to_live);
  BOOST_TEST((answer.status == StoreStatus::stored));
  BOOST_TEST(unix_time(answer.expires_at_s) == node.clock.unix_time() + day);
}

/// With what many others store, so that shares count.
void fill_past_half(NodeHarness& node, std::uint64_t capacity) {
  for (std::uint32_t i = 1; level(node, capacity) < 0.6; ++i) {
    Source(node, i).fill(limits::small_envelope, limits::default_time_to_live);
  }
}

BOOST_AUTO_TEST_CASE(mail_that_is_fetched_and_mail_that_was_there_cost_no_share) {
  constexpr std::uint64_t capacity = 128ULL << 10U;
  NodeHarness node(config_for(capacity), limits_for(capacity));
  fill_past_half(node, capacity);
  Source sender(node, 5000);
  BOOST_TEST((sender.fill(limits::large_envelope, day).status == StoreStatus::node_full));
  BOOST_TEST_REQUIRE(sender.kept.size() >= 2U);
  BOOST_TEST((sender.store(limits::large_envelope).status == StoreStatus::node_full));
  Source owner(node, 5001);
  owner.mailbox = test_mailbox(node.epoch(), 5000ULL << 20U);
  const auto used = node.store.stats().used_bytes();
  node.store.fail_next(1);  // the deletion: the mail stays, and so does its cost
  owner.client.ask(owner.client.retrieve_request(owner.mailbox, 16, 0, {sender.kept[0].id}));
  BOOST_TEST(node.store.stats().used_bytes() == used);
  BOOST_TEST((sender.store(limits::large_envelope).status == StoreStatus::node_full));
  owner.client.ask(owner.client.retrieve_request(owner.mailbox, 16, 0, {sender.kept[0].id}));
  BOOST_TEST((sender.store(limits::large_envelope).status == StoreStatus::stored));
  BOOST_TEST((sender.store(limits::large_envelope).status == StoreStatus::node_full));

  owner.client.ask(owner.client.retrieve_request(owner.mailbox, 16, 0, {sender.kept[1].id}));
  sender.envelope = test_envelope(sender.envelope_seed - 1, limits::large_envelope);  // it was stored
  for (int i = 0; i < 20; ++i) {
    const auto again =
        sender.client.ask(sender.client.store_request(sender.mailbox.mailbox, sender.envelope));
    BOOST_TEST((again.value().status == StoreStatus::duplicate));
  }
  BOOST_TEST((sender.store(limits::large_envelope).status == StoreStatus::stored));
}

BOOST_AUTO_TEST_CASE(fetched_mail_is_refunded_after_it_was_extended) {
  constexpr std::uint64_t capacity = 256ULL << 10U;
  NodeHarness node(config_for(capacity), limits_for(capacity));
  fill_past_half(node, capacity);
  Source sender(node, 5000);
  BOOST_TEST_REQUIRE((sender.store(limits::large_envelope, day).status == StoreStatus::stored));
  auto again = sender.client.store_request(sender.mailbox.mailbox, sender.envelope);
  again.ttl_s = ttl_s(7 * day);
  sender.client.sign(again, sender.mailbox.mailbox);
  BOOST_TEST((sender.client.ask(again).value().status == StoreStatus::duplicate));
  BOOST_TEST((sender.fill(limits::small_envelope, 3 * day).status == StoreStatus::node_full));
  Source owner(node, 5001);
  owner.mailbox = test_mailbox(node.epoch(), 5000ULL << 20U);
  owner.client.ask(owner.client.retrieve_request(owner.mailbox, 16, 0, {sender.kept[0].id}));
  BOOST_TEST((sender.store(limits::large_envelope, 3 * day).status == StoreStatus::stored));
}

BOOST_AUTO_TEST_CASE(what_the_store_refuses_costs_no_share) {
  constexpr std::uint64_t capacity = 128ULL << 10U;
  NodeHarness node(config_for(capacity), limits_for(capacity));
  fill_past_half(node, capacity);
  Source sender(node, 5000);
  node.store.set_disk_full(true);
  for (int i = 0; i < 50; ++i) {
    BOOST_TEST((sender.store(limits::large_envelope).status == StoreStatus::node_full));
  }
  node.store.set_disk_full(false);
  BOOST_TEST(node[Counter::refused_store_full] == 50U);
  BOOST_TEST(node[Counter::refused_share] > 0U);  // of those that filled it
  BOOST_TEST((sender.store(limits::large_envelope).status == StoreStatus::stored));
}

BOOST_AUTO_TEST_CASE(honest_mail_keeps_its_place_whatever_is_stored_beside_it) {
  constexpr std::array all = {1.0, 1.0, 1.0};
  const std::vector<Attack> attacks = {
      {"nobody", 0, apart, all},
      {"1 address", 1, apart, all},
      {"10 addresses, each of another /16", 10, apart, all},
      {"100 addresses, each of another /16", 100, apart, {1.0, 1.0, 0.7}},
      {"1000 addresses, each of another /16", 1000, apart, {1.0, 0.7, 0.35}},
      {"256 addresses of one /24", 256, of_one_24, all},
      {"256 IPv6 /56 of one /48", 256, of_one_48, all},
      {"1000 IPv6 /48 of one /32", 1000, of_one_32, all},
      {"1000 couriers", 1000, courier_key, all},
  };
  constexpr std::array demands = {0.1, 0.3, 0.6};
  for (std::size_t i = 0; i < demands.size(); ++i) {
    for (const Attack& attack : attacks) {
      const Result result = simulate(attack, demands[i], 1);
      std::ostringstream line;
      line << std::fixed << std::setprecision(2) << "demand " << demands[i] << ", " << attack.name
           << ": at once " << result.taken << ", in 6 hours " << result.in_time << ", honest "
           << result.honest << ", used " << result.used;
      BOOST_TEST_MESSAGE(line.str());
      BOOST_TEST(result.in_time >= attack.least[i], line.str());
    }
  }
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace toxasync::test
