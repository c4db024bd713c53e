// SPDX-License-Identifier: GPL-3.0-or-later
#include <boost/test/unit_test.hpp>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <stdexcept>

#include "harness.hpp"

namespace toxasync::test {
namespace {

using crypto::KeyFileError;
using node::NodeKeys;
using protocol::StoreStatus;

constexpr seconds week = NodeKeys::key_lifetime;
constexpr seconds overlap = NodeKeys::key_overlap;

struct Directory {
  Directory() {
    std::string name = (std::filesystem::temp_directory_path() / "toxasync-node-XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr) {
      throw std::runtime_error("no temporary directory");
    }
    path = name;
  }
  ~Directory() { std::filesystem::remove_all(path); }
  Directory(const Directory&) = delete;
  Directory& operator=(const Directory&) = delete;

  std::filesystem::path path;
};

struct Fixture {
  bool ready = crypto::initialise();
  Directory directory;
  std::string path = (directory.path / "node.key").string();
  SeededRandom random{1};
  UnixTime now = ManualClock::start_unix;

  NodeKeys open() { return must(NodeKeys::open(path, random, now)); }
  std::string content() const {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }
  void write(const std::string& bytes) const { std::ofstream(path, std::ios::binary) << bytes; }
};

/// A node with a session of each kind: storing to `mailbox`.
struct NodeFixture {
  NodeHarness node;
  HandClient client{node};
  crypto::OwnedMailbox mailbox() const { return test_mailbox(node.epoch()); }

  NodeFixture() { client.greet(); }
  std::optional<StoreStatus> store(HandClient& who, std::uint64_t seed) {
    const auto response = who.ask(who.store_request(mailbox().mailbox, test_envelope(seed)));
    return response ? std::optional(response->status) : std::nullopt;
  }
  void advance(seconds time) {
    node.clock.advance(time);
    node.tick();
  }
  crypto::Point current() const { return node.keys.current().pair.public_key; }
};

}  // namespace

BOOST_AUTO_TEST_SUITE(node_keys)

BOOST_FIXTURE_TEST_CASE(a_restart_with_the_same_key_file_keeps_identity_and_keys, Fixture) {
  const NodeKeys first = open();
  const NodeKeys again = open();
  BOOST_TEST(again.id() == first.id());
  BOOST_TEST(again.current().pair.public_key == first.current().pair.public_key);
  BOOST_TEST(again.current().pair.secret.bytes() == first.current().pair.secret.bytes());
  BOOST_TEST(again.current().valid_from == now);
  BOOST_TEST(again.current().valid_until == now + week);
  BOOST_TEST(again.previous(now) == nullptr);
  BOOST_TEST(content().size() == 8U + 152U + 16U);
}

BOOST_FIXTURE_TEST_CASE(a_restart_keeps_the_previous_key_for_the_overlap, Fixture) {
  NodeKeys first = open();
  const auto old = first.current().pair.public_key;
  now += week;
  BOOST_TEST(must(first.rotate(random, now)));
  const NodeKeys again = open();
  BOOST_TEST(again.current().pair.public_key == first.current().pair.public_key);
  BOOST_TEST((again.current().pair.public_key != old));
  BOOST_TEST_REQUIRE(again.previous(now) != nullptr);
  BOOST_TEST(again.previous(now)->pair.public_key == old);
  BOOST_TEST(again.previous(now + overlap - 1s) != nullptr);
  BOOST_TEST(again.previous(now + overlap) == nullptr);
}

BOOST_FIXTURE_TEST_CASE(the_previous_key_is_wiped_from_the_file_after_its_overlap, Fixture) {
  NodeKeys keys = open();
  const auto secret = keys.current().pair.secret.clone();
  const std::string needle(secret.view().begin(), secret.view().end());
  now += week;
  BOOST_TEST(must(keys.rotate(random, now)));
  BOOST_TEST((content().find(needle) != std::string::npos));
  BOOST_TEST(!must(keys.rotate(random, now + overlap - 1s)));
  BOOST_TEST(must(keys.rotate(random, now + overlap)));
  BOOST_TEST((content().find(needle) == std::string::npos));
  BOOST_TEST(!must(keys.rotate(random, now + overlap)));
}

BOOST_FIXTURE_TEST_CASE(what_is_known_of_the_clock_is_in_the_file, Fixture) {
  NodeKeys first = open();
  const node::WallClockGuard::Marks marks{now, now + days(20), 40min};
  BOOST_TEST(must(first.set_clock_marks(marks)));
  BOOST_TEST(!must(first.set_clock_marks(marks)));
  NodeKeys again = open();
  BOOST_TEST((again.clock_marks() == marks));
  BOOST_TEST(again.current().pair.public_key == first.current().pair.public_key);
  now += week;
  BOOST_TEST(must(again.rotate(random, now)));
  BOOST_TEST((open().clock_marks() == marks));
}

BOOST_FIXTURE_TEST_CASE(a_damaged_key_file_is_an_error_and_is_not_replaced, Fixture) {
  open();
  const std::string good = content();
  const auto must_stay = [&](const std::string& bad) {
    write(bad);
    const auto opened = NodeKeys::open(path, random, now);
    BOOST_TEST((!opened && opened.error() == KeyFileError::damaged));
    BOOST_TEST((content() == bad));
  };
  for (std::size_t at = 0; at < good.size(); ++at) {
    std::string bad = good;
    bad[at] = static_cast<char>(bad[at] ^ 1);
    must_stay(bad);
  }
  for (const std::size_t size : {std::size_t{0}, std::size_t{1}, std::size_t{24}, good.size() - 1}) {
    must_stay(good.substr(0, size));
  }
  must_stay(good + "x");
}

BOOST_FIXTURE_TEST_CASE(a_key_file_without_a_current_key_is_damaged, Fixture) {
  BOOST_TEST(crypto::write_key_file(path, Bytes(128)).has_value());
  BOOST_TEST((NodeKeys::open(path, random, now).error() == KeyFileError::damaged));
  Bytes payload(128, 1);  // times that no clock gives
  std::fill(payload.begin() + 64, payload.begin() + 80, std::uint8_t{0xff});
  BOOST_TEST(crypto::write_key_file(path, payload).has_value());
  BOOST_TEST((NodeKeys::open(path, random, now).error() == KeyFileError::damaged));
}

BOOST_FIXTURE_TEST_CASE(a_key_file_that_cannot_be_made_is_an_error, Fixture) {
  const auto opened = NodeKeys::open((directory.path / "missing" / "node.key").string(), random, now);
  BOOST_TEST((!opened && opened.error() == KeyFileError::unwritable));
}

BOOST_FIXTURE_TEST_CASE(when_the_file_cannot_be_written_the_old_key_stays, Fixture) {
  NodeKeys keys = open();
  const auto old = keys.current().pair.public_key;
  const auto until = keys.current().valid_until;
  std::filesystem::remove_all(directory.path);
  BOOST_TEST((keys.rotate(random, now + 2 * week).error() == KeyFileError::unwritable));
  BOOST_TEST(keys.current().pair.public_key == old);
  BOOST_TEST(keys.current().valid_until == until);
  BOOST_TEST(keys.previous(now + 2 * week) == nullptr);
}

BOOST_FIXTURE_TEST_CASE(a_key_from_a_time_to_come_is_replaced, Fixture) {
  NodeKeys keys = NodeKeys::ephemeral(random, now + days(365));  // the clock was wrong
  BOOST_TEST(must(keys.rotate(random, now)));
  BOOST_TEST(keys.current().valid_until == now + week);
  BOOST_TEST(keys.previous(now) != nullptr);
  BOOST_TEST(keys.previous(now + overlap) == nullptr);
}

BOOST_FIXTURE_TEST_CASE(a_session_of_the_old_key_continues_during_the_overlap, NodeFixture) {
  BOOST_TEST((store(client, 1) == StoreStatus::stored));
  const auto old = current();
  advance(week);
  BOOST_TEST((current() != old));
  BOOST_TEST(node.telemetry.log.has("renewed the session keys", LogLevel::info));
  client.greet();
  BOOST_TEST((store(client, 2) == StoreStatus::stored));  // another epoch's W is agreed with the old n
  BOOST_TEST(node[Counter::sessions_opened] == 1U);

  HandClient late(node, 101);  // opens a session with the old N
  late.set_node_key(old);
  late.greet();
  BOOST_TEST((store(late, 3) == StoreStatus::stored));

  advance(overlap);
  client.greet();
  const auto replies =
      client.exchange(client.seal(client.store_request(mailbox().mailbox, test_envelope(4))));
  BOOST_TEST_REQUIRE(replies.size() == 1U);
  const auto descriptor =
      protocol::NodeDescriptor::decode_signed(ByteView(replies[0]).subspan(limits::frame_header));
  BOOST_TEST_REQUIRE(descriptor.has_value());
  BOOST_TEST(descriptor->key == current());
  client.set_node_key(descriptor->key);
  BOOST_TEST((store(client, 4) == StoreStatus::stored));
}

BOOST_FIXTURE_TEST_CASE(a_session_can_change_to_the_new_key_in_the_overlap, NodeFixture) {
  BOOST_TEST((store(client, 1) == StoreStatus::stored));
  advance(week);
  client.greet();
  client.set_node_key(current());
  BOOST_TEST((store(client, 2) == StoreStatus::stored));
  BOOST_TEST(node[Counter::sessions_opened] == 2U);
}

BOOST_FIXTURE_TEST_CASE(a_pending_answer_is_not_sealed_with_a_newer_session_key, NodeFixture) {
  BOOST_TEST((store(client, 1) == StoreStatus::stored));
  advance(week);
  client.greet();
  node.store.hold_completions(true);
  BOOST_TEST(!store(client, 2).has_value());
  client.set_node_key(current());
  BOOST_TEST(!store(client, 3).has_value());
  node.store.hold_completions(false);
  BOOST_TEST(node.tick().size() == 1U);
  BOOST_TEST(node[Counter::refused_session_unknown] == 1U);
}

BOOST_FIXTURE_TEST_CASE(the_descriptor_always_has_the_current_key, NodeFixture) {
  for (int i = 0; i < 3; ++i) {
    const auto descriptor = protocol::NodeDescriptor::decode_signed(node.node.descriptor());
    BOOST_TEST_REQUIRE(descriptor.has_value());
    BOOST_TEST(descriptor->id == node.keys.id());
    BOOST_TEST(descriptor->key == current());
    BOOST_TEST(unix_time(descriptor->valid_until_s) > node.clock.unix_time());
    advance(week);
  }
}

BOOST_FIXTURE_TEST_CASE(a_node_that_was_away_for_long_starts_with_a_fresh_key, Fixture) {
  NodeHarness other;
  NodeKeys keys = open();
  const auto old = keys.current().pair.public_key;
  other.clock.advance(3 * week);
  const node::Node node(other.store, keys, other.random, other.telemetry.get(), {}, other.clock.now());
  const auto descriptor = protocol::NodeDescriptor::decode_signed(node.descriptor()).value();
  BOOST_TEST((descriptor.key != old));
  BOOST_TEST(descriptor.id == keys.id());
}

BOOST_FIXTURE_TEST_CASE(a_rotation_that_fails_is_reported_and_the_node_goes_on, Fixture) {
  NodeHarness other;
  NodeKeys keys = open();
  node::Node node(other.store, keys, other.random, other.telemetry.get(), {}, other.clock.now());
  std::filesystem::remove_all(directory.path);
  other.clock.advance(week);
  for (int i = 0; i < 100; ++i) {
    node.tick(other.clock.now());
    other.clock.advance(100ms);
  }
  const auto lines = other.telemetry.log.lines();
  BOOST_TEST(std::ranges::count_if(lines, [](const auto& line) { return line.level == LogLevel::error; }) ==
             2);  // the key, and the date
  std::filesystem::create_directory(directory.path);
  other.clock.advance(1min);
  node.tick(other.clock.now());
  BOOST_TEST(other.telemetry.log.has("renewed the session keys", LogLevel::info));
  BOOST_TEST(protocol::NodeDescriptor::decode_signed(node.descriptor())->key ==
             keys.current().pair.public_key);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace toxasync::test
