// SPDX-License-Identifier: GPL-3.0-or-later
#include <algorithm>
#include <chrono>
#include <functional>
#include <string>
#include <vector>

#include "adapters/clock/system_clock.hpp"
#include "crypto/symmetric.hpp"
#include "fixture.hpp"
#include "store/sqlite/sqlite_state.hpp"
#include "tests/manager/hand_friend.hpp"
#include "tests/support/test_log.hpp"

// Messages on disk, and their way to the client's callback.

namespace toxasync::test {

namespace {

using Texts = std::vector<std::string>;

constexpr std::chrono::seconds patience{20};  // A deadline that only a broken program reaches.

/// A program has ended before the client had seen two messages. Each test begins with its state file.
struct WaitingFixture : PluginFixture {
  WaitingFixture() {
    crypto::Wiped<32> secret;
    tox_self_get_secret_key(tox.get(), secret.data());
    World world;
    world.clock.set_unix(
        std::chrono::floor<seconds>(SystemClock().now().wall));  // a message is shown as long as it lives
    User& user = world.add_user();
    user.crash();
    user.state = std::make_unique<store::MemoryState>();
    std::ranges::copy(secret, user.secret.begin());
    tox_self_get_public_key(tox.get(), user.key.data());
    user.takes_messages = false;
    user.start();
    world.add_node();
    world.give_nodes(user);
    HandFriend eve(world, user);
    eve.take_bundle();
    eve.send({.text = "one", .sequence = 1});
    eve.send({.text = "two", .sequence = 2});
    world.run(1s);
    BOOST_REQUIRE_EQUAL(user.rows('I'), 2);

    friend_number = tox_friend_add_norequest(tox.get(), eve.key().data(), nullptr);
    const crypto::Wiped<32> key(crypto::h256(secret, {as_bytes("toxasync/1 state")}));
    TestTelemetry telemetry;
    const auto state =
        store::SqliteState::open(directory / "state.db", key, {}, telemetry.get(), *user.random);
    BOOST_REQUIRE(state.has_value());
    store::StateBatch batch;
    for (auto& entry : user.state->load()) {
      batch.push_back({std::move(entry.key), std::move(entry.value)});
    }
    (*state)->commit(std::move(batch), [](bool durable) { BOOST_TEST(durable); });
    BOOST_REQUIRE((*state)->flush(20s));
    (*state)->poll();
  }

  /// The client's loop, until `over` and some turns more. The disk is waited for in each turn.
  void loop(Tox_Async* async, const std::function<bool()>& over) {
    const auto end = std::chrono::steady_clock::now() + patience;
    int more = 10;
    for (; more > 0 && std::chrono::steady_clock::now() < end; more -= over() ? 1 : 0) {
      tox_async_iterate(async, this);
      BOOST_TEST(tox_async_flush(async, 20'000));
    }
    BOOST_REQUIRE(more == 0);
  }
  void loop_until_shown(Tox_Async* async, std::size_t count) {
    loop(async, [&] { return shown.size() >= count; });
  }
  void loop_until_refused(Tox_Async* async) {
    loop(async, [&] { return log.find("messages are kept") != std::string::npos; });
  }

  static void on_message(Tox_Async* /*async*/, uint32_t friend_number, Tox_Message_Type /*type*/,
                         const uint8_t* message, size_t length, uint64_t /*sent_at_ms*/,
                         const uint8_t* /*message_id*/, bool late, void* user_data) {
    auto& self = *static_cast<WaitingFixture*>(user_data);
    BOOST_TEST(friend_number == self.friend_number);
    BOOST_TEST(!late);
    self.shown.emplace_back(message, message + length);
    if (self.inside_on_message) {
      self.inside_on_message();
    }
  }
  static uint64_t dropped(const Tox_Async* async) {
    uint64_t count = 0;
    BOOST_TEST(tox_async_stats_find(async, "inbox.dropped_with_their_friend", &count));
    return count;
  }

  uint32_t friend_number = 0;
  Texts shown;
  std::function<void()> inside_on_message;
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(plugin_messages, WaitingFixture)

BOOST_AUTO_TEST_CASE(messages_wait_for_a_callback_in_order) {
  const AsyncPointer async = make(tox.get());
  BOOST_REQUIRE(async != nullptr);
  loop_until_refused(async.get());
  tox_async_callback_message(async.get(), on_message);
  loop_until_shown(async.get(), 2);
  BOOST_TEST(shown == (Texts{"one", "two"}), boost::test_tools::per_element());
  BOOST_TEST(log.find("messages are kept") == log.rfind("messages are kept"));  // said once
}

BOOST_AUTO_TEST_CASE(messages_survive_a_run_without_a_callback) {
  {
    const AsyncPointer deaf = make(tox.get());
    BOOST_REQUIRE(deaf != nullptr);
    loop_until_refused(deaf.get());
  }
  {
    const AsyncPointer async = make(tox.get());
    BOOST_REQUIRE(async != nullptr);
    tox_async_callback_message(async.get(), on_message);
    loop_until_shown(async.get(), 2);
    BOOST_TEST(shown == (Texts{"one", "two"}), boost::test_tools::per_element());
  }
  const AsyncPointer again = make(tox.get());
  BOOST_REQUIRE(again != nullptr);
  tox_async_callback_message(again.get(), on_message);
  loop(again.get(), [] { return true; });
  BOOST_TEST(shown.size() == 2);
}

BOOST_AUTO_TEST_CASE(removing_the_callback_loses_no_message) {
  const AsyncPointer async = make(tox.get());
  BOOST_REQUIRE(async != nullptr);
  tox_async_callback_message(async.get(), [](Tox_Async* self, uint32_t friend_number, Tox_Message_Type type,
                                             const uint8_t* message, size_t length, uint64_t sent_at_ms,
                                             const uint8_t* message_id, bool late, void* user_data) {
    on_message(self, friend_number, type, message, length, sent_at_ms, message_id, late, user_data);
    tox_async_callback_message(self, nullptr);
  });
  loop_until_refused(async.get());
  BOOST_TEST(shown == Texts{"one"}, boost::test_tools::per_element());
  tox_async_callback_message(async.get(), on_message);
  loop_until_shown(async.get(), 2);
  BOOST_TEST(shown == (Texts{"one", "two"}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(messages_of_a_removed_friend_are_dropped_and_counted) {
  const AsyncPointer async = make(tox.get());
  BOOST_REQUIRE(async != nullptr);
  loop_until_refused(async.get());
  BOOST_REQUIRE(tox_friend_delete(tox.get(), friend_number, nullptr));
  tox_async_callback_message(async.get(), on_message);
  loop(async.get(), [&] { return dropped(async.get()) > 0; });
  BOOST_TEST(dropped(async.get()) == 2);
  BOOST_TEST(shown.empty());
  BOOST_TEST(log.find("friend removed: ") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(removing_a_friend_in_the_callback_stops_their_messages) {
  const AsyncPointer async = make(tox.get());
  BOOST_REQUIRE(async != nullptr);
  inside_on_message = [&] { tox_friend_delete(tox.get(), friend_number, nullptr); };
  tox_async_callback_message(async.get(), on_message);
  loop(async.get(), [&] { return dropped(async.get()) > 0; });
  BOOST_TEST(shown == Texts{"one"}, boost::test_tools::per_element());
  BOOST_TEST(dropped(async.get()) == 1);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace toxasync::test
