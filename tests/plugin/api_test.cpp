// SPDX-License-Identifier: GPL-3.0-or-later
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include "fixture.hpp"

// The C API by itself: one Tox instance without a network.

namespace toxasync::test {

namespace {

std::string node_line(char digit, const char* address = "127.0.0.1:33445") {
  return "toxasync:" + std::string(64, digit) + "@" + address;
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(plugin_api, PluginFixture)

BOOST_AUTO_TEST_CASE(options_or_environment_must_enable_it) {
  BOOST_TEST(!tox_async_enabled(nullptr));
  BOOST_TEST(tox_async_enabled(options.get()));
  tox_async_options_set_enabled(options.get(), false);
  BOOST_TEST(!tox_async_enabled(options.get()));
  BOOST_TEST(make(tox.get()) == nullptr);
  BOOST_TEST(failed == TOX_ERR_ASYNC_NEW_DISABLED);
  setenv("TOX_ASYNC", "0", 1);
  BOOST_TEST(!tox_async_enabled(options.get()));
  setenv("TOX_ASYNC", "1", 1);
  BOOST_TEST(tox_async_enabled(nullptr));
  BOOST_TEST(make(tox.get()) != nullptr);
  unsetenv("TOX_ASYNC");
}

BOOST_AUTO_TEST_CASE(null_is_accepted_where_the_header_says_so) {
  BOOST_TEST(make(nullptr) == nullptr);
  BOOST_TEST(failed == TOX_ERR_ASYNC_NEW_NULL);
  tox_async_kill(nullptr);
  tox_async_iterate(nullptr, nullptr);
  tox_async_options_free(nullptr);
  tox_async_options_default(nullptr);
  BOOST_TEST(tox_async_iteration_interval(nullptr) == 50);
  BOOST_TEST(!tox_async_friend_ready(nullptr, 0));
  BOOST_TEST(!tox_async_handle_friend_lossless_packet(nullptr, 0, nullptr, 0));
  BOOST_TEST(!tox_async_node_add(nullptr, "x", nullptr));
  BOOST_TEST(
      !tox_async_friend_send_message(nullptr, 0, TOX_MESSAGE_TYPE_NORMAL, nullptr, 0, nullptr, nullptr));
  BOOST_TEST(!tox_async_stats_find(nullptr, "frames.in", nullptr));
}

BOOST_AUTO_TEST_CASE(one_tox_async_per_instance_and_state_file) {
  const AsyncPointer first = make(tox.get());
  BOOST_REQUIRE(first != nullptr);
  BOOST_TEST(make(tox.get()) == nullptr);
  BOOST_TEST(failed == TOX_ERR_ASYNC_NEW_EXISTS);
  const ToxPointer other = make_tox();
  BOOST_TEST(make(other.get()) == nullptr);
  BOOST_TEST(failed == TOX_ERR_ASYNC_NEW_STATE_LOCKED);
}

BOOST_AUTO_TEST_CASE(a_state_file_opens_for_its_own_identity_only) {
  make(tox.get()).reset();
  make(tox.get()).reset();
  BOOST_TEST(failed == TOX_ERR_ASYNC_NEW_OK);
  const ToxPointer other = make_tox();
  BOOST_TEST(make(other.get()) == nullptr);
  BOOST_TEST(failed == TOX_ERR_ASYNC_NEW_STATE_WRONG_KEY);
}

BOOST_AUTO_TEST_CASE(the_default_state_file_does_not_reveal_its_owner) {
  tox_async_options_set_state_path(options.get(), nullptr);
  setenv("XDG_DATA_HOME", directory.c_str(), 1);
  const AsyncPointer async = make(tox.get());
  BOOST_REQUIRE(async != nullptr);
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(directory / "toxasync")) {
    if (entry.path().extension() == ".db") {
      names.push_back(entry.path().stem().string());
    }
  }
  BOOST_REQUIRE_EQUAL(names.size(), 1);
  BOOST_TEST(names[0].size() == 32);
  BOOST_TEST(((fs::status(directory / "toxasync").permissions() & fs::perms::all) == fs::perms::owner_all));
  unsetenv("XDG_DATA_HOME");
}

BOOST_AUTO_TEST_CASE(invalid_paths_and_options_have_their_own_errors) {
  tox_async_options_set_state_path(options.get(), (directory / "none" / "state.db").c_str());
  make(tox.get());
  BOOST_TEST(failed == TOX_ERR_ASYNC_NEW_STATE_DIRECTORY_MISSING);
  tox_async_options_set_time_to_live(options.get(), 12345);
  make(tox.get());
  BOOST_TEST(failed == TOX_ERR_ASYNC_NEW_OPTION);
  tox_async_options_default(options.get());
  tox_async_options_set_enabled(options.get(), true);
  tox_async_options_set_receipt_delay(options.get(), 99);
  make(tox.get());
  BOOST_TEST(failed == TOX_ERR_ASYNC_NEW_OPTION);
  tox_async_options_default(options.get());
  BOOST_TEST(tox_async_options_get_time_to_live(options.get()) == 86400);
  BOOST_TEST(tox_async_options_get_poll_interval(options.get()) == 120000);
  BOOST_TEST(tox_async_options_get_receipt_delay(options.get()) == 300000);
  BOOST_TEST(tox_async_options_get_push(options.get()));
  BOOST_TEST(tox_async_options_get_offline_requests(options.get()));
  BOOST_TEST(!tox_async_options_get_enabled(options.get()));
  BOOST_TEST(tox_async_options_get_take_packet_callback(options.get()));
}

BOOST_AUTO_TEST_CASE(nodes_are_added_listed_and_removed) {
  tox_async_options_set_allow_local_addresses(options.get(), true);
  const AsyncPointer async = make(tox.get());
  BOOST_REQUIRE(async != nullptr);
  Tox_Err_Async_Node_Add added = TOX_ERR_ASYNC_NODE_ADD_NULL;
  for (const char digit : {'1', '2', '3', '4', '5'}) {
    BOOST_TEST(tox_async_node_add(async.get(), node_line(digit).c_str(), &added));
  }
  BOOST_TEST(!tox_async_node_add(async.get(), node_line('6').c_str(), &added));
  BOOST_TEST(added == TOX_ERR_ASYNC_NODE_ADD_TOO_MANY);
  BOOST_TEST(!tox_async_node_add(async.get(), "toxasync:12", &added));
  BOOST_TEST(added == TOX_ERR_ASYNC_NODE_ADD_BAD_LINE);
  BOOST_REQUIRE_EQUAL(tox_async_node_get_count(async.get()), TOX_ASYNC_MAX_NODES);

  char line[TOX_ASYNC_ADDRESS_LINE_SIZE];
  BOOST_REQUIRE(tox_async_node_get_address_line(async.get(), 0, line, sizeof(line)));
  BOOST_TEST(line == node_line('1'));
  BOOST_TEST(!tox_async_node_get_address_line(async.get(), 0, line, std::strlen(line)));
  BOOST_TEST(!tox_async_node_get_address_line(async.get(), TOX_ASYNC_MAX_NODES, line, sizeof(line)));
  BOOST_TEST(!tox_async_node_get_answered(async.get(), 0));

  uint8_t id[TOX_ASYNC_NODE_ID_SIZE];
  BOOST_REQUIRE(tox_async_node_get_id(async.get(), 0, id));
  BOOST_TEST(id[0] == 0x11);
  BOOST_TEST(tox_async_node_remove(async.get(), id, nullptr));
  Tox_Err_Async_Node_Remove removed = TOX_ERR_ASYNC_NODE_REMOVE_OK;
  BOOST_TEST(!tox_async_node_remove(async.get(), id, &removed));
  BOOST_TEST(removed == TOX_ERR_ASYNC_NODE_REMOVE_NOT_FOUND);
  BOOST_TEST(tox_async_node_get_count(async.get()) == TOX_ASYNC_MAX_NODES - 1);
}

BOOST_AUTO_TEST_CASE(a_local_node_address_needs_permission) {
  const AsyncPointer async = make(tox.get());
  BOOST_REQUIRE(async != nullptr);
  Tox_Err_Async_Node_Add added = TOX_ERR_ASYNC_NODE_ADD_OK;
  BOOST_TEST(!tox_async_node_add(async.get(), node_line('1').c_str(), &added));
  BOOST_TEST(added == TOX_ERR_ASYNC_NODE_ADD_BAD_ADDRESS);
  BOOST_TEST(tox_async_node_add(async.get(), node_line('1', "[2001:4860::1]:33445").c_str(), &added));
}

BOOST_AUTO_TEST_CASE(sending_returns_the_reason_of_failure) {
  const AsyncPointer async = make(tox.get());
  BOOST_REQUIRE(async != nullptr);
  uint8_t key[TOX_PUBLIC_KEY_SIZE];
  tox_self_get_public_key(make_tox().get(), key);
  const uint32_t number = tox_friend_add_norequest(tox.get(), key, nullptr);
  const auto* const text = reinterpret_cast<const uint8_t*>("hello");
  auto error = TOX_ERR_ASYNC_FRIEND_SEND_MESSAGE_OK;
  const auto send = [&](uint32_t to, Tox_Message_Type type) {
    BOOST_TEST(!tox_async_friend_send_message(async.get(), to, type, text, 5, nullptr, &error));
    return error;
  };
  BOOST_TEST(send(number, TOX_MESSAGE_TYPE_NORMAL) == TOX_ERR_ASYNC_FRIEND_SEND_MESSAGE_FRIEND_NOT_READY);
  BOOST_TEST(send(99, TOX_MESSAGE_TYPE_NORMAL) == TOX_ERR_ASYNC_FRIEND_SEND_MESSAGE_FRIEND_NOT_FOUND);
  BOOST_TEST(!tox_async_friend_ready(async.get(), number));
  BOOST_TEST(!tox_async_friend_ready(async.get(), 99));
}

BOOST_AUTO_TEST_CASE(no_udp_socket_is_opened_if_tox_has_udp_disabled) {
  tox_async_options_set_transport(options.get(), TOX_ASYNC_TRANSPORT_AUTO);
  BOOST_TEST(make(tox.get()) == nullptr);  // Perhaps there is a proxy, of which we were not told.
  BOOST_TEST(failed == TOX_ERR_ASYNC_NEW_TRANSPORT);
  BOOST_TEST(log.find("UDP switched off") != std::string::npos);
  BOOST_TEST(log.find("tox_async_options_set_tox_options") != std::string::npos);

  struct Tox_Options* const of_client = tox_options_new(nullptr);
  tox_options_set_udp_enabled(of_client, false);
  BOOST_TEST(tox_async_options_set_tox_options(options.get(), of_client));
  const AsyncPointer async = make(tox.get());
  BOOST_REQUIRE(async != nullptr);
  BOOST_TEST(tox_async_get_transport(async.get()) == TOX_ASYNC_TRANSPORT_COURIER);
  BOOST_TEST(tox_async_get_udp_port(async.get()) == 0);
  BOOST_TEST(tox_async_get_courier_connections(async.get()) == 0U);
  uint8_t courier[TOX_PUBLIC_KEY_SIZE];
  uint8_t user[TOX_PUBLIC_KEY_SIZE];
  BOOST_TEST(tox_async_get_courier_key(async.get(), courier));
  tox_self_get_public_key(tox.get(), user);
  BOOST_TEST(std::memcmp(courier, user, sizeof(user)) != 0);
  tox_options_free(of_client);
}

BOOST_AUTO_TEST_CASE(a_proxy_is_never_bypassed_by_default) {
  struct Tox_Options* const with_udp = tox_options_new(nullptr);
  tox_options_set_local_discovery_enabled(with_udp, false);
  const ToxPointer host(tox_new(with_udp, nullptr), tox_kill);
  BOOST_REQUIRE(host != nullptr);
  tox_async_options_set_transport(options.get(), TOX_ASYNC_TRANSPORT_AUTO);
  tox_options_set_proxy_type(with_udp, TOX_PROXY_TYPE_SOCKS5);
  tox_options_set_proxy_host(with_udp, "127.0.0.1");
  tox_options_set_proxy_port(with_udp, 9);
  tox_async_options_set_tox_options(options.get(), with_udp);
  tox_options_free(with_udp);
  const AsyncPointer async = make(host.get());
  BOOST_REQUIRE(async != nullptr);
  BOOST_TEST(tox_async_get_transport(async.get()) != TOX_ASYNC_TRANSPORT_UDP);
}

BOOST_AUTO_TEST_CASE(bootstrap_arguments_are_checked) {
  const uint8_t key[TOX_PUBLIC_KEY_SIZE] = {1};
  const AsyncPointer async = make(tox.get());
  BOOST_REQUIRE(async != nullptr);
  const auto errors = [&](const Tox_Async* to, const char* host, uint16_t port, const uint8_t* with) {
    Tox_Err_Async_Bootstrap first = TOX_ERR_ASYNC_BOOTSTRAP_MALLOC;
    Tox_Err_Async_Bootstrap second = TOX_ERR_ASYNC_BOOTSTRAP_MALLOC;
    tox_async_bootstrap(const_cast<Tox_Async*>(to), host, port, with, &first);
    tox_async_add_tcp_relay(const_cast<Tox_Async*>(to), host, port, with, &second);
    BOOST_TEST(first == second);
    return first;
  };
  BOOST_TEST(errors(nullptr, "192.0.2.1", 1, key) == TOX_ERR_ASYNC_BOOTSTRAP_NULL);
  BOOST_TEST(errors(async.get(), nullptr, 1, key) == TOX_ERR_ASYNC_BOOTSTRAP_NULL);
  BOOST_TEST(errors(async.get(), "192.0.2.1", 1, nullptr) == TOX_ERR_ASYNC_BOOTSTRAP_NULL);
  BOOST_TEST(errors(async.get(), "", 1, key) == TOX_ERR_ASYNC_BOOTSTRAP_BAD_HOST);
  BOOST_TEST(errors(async.get(), std::string(256, 'x').c_str(), 1, key) == TOX_ERR_ASYNC_BOOTSTRAP_BAD_HOST);
  BOOST_TEST(errors(async.get(), "192.0.2.1", 0, key) == TOX_ERR_ASYNC_BOOTSTRAP_BAD_PORT);
  BOOST_TEST(errors(async.get(), "192.0.2.1", 1, key) == TOX_ERR_ASYNC_BOOTSTRAP_OK);
  tox_async_bootstrap(async.get(), "192.0.2.1", 1, key, nullptr);
}

BOOST_AUTO_TEST_CASE(the_iteration_interval_is_at_most_that_of_tox) {
  const AsyncPointer async = make(tox.get());
  BOOST_REQUIRE(async != nullptr);
  for (int i = 0; i < 10; ++i) {
    tox_iterate(tox.get(), nullptr);
    tox_async_iterate(async.get(), nullptr);
    BOOST_TEST(tox_async_iteration_interval(async.get()) >= 1);
    BOOST_TEST(tox_async_iteration_interval(async.get()) <= 50);
  }
  BOOST_TEST(tox_async_flush(async.get(), 10000));
  BOOST_TEST(tox_async_get_transport(async.get()) == TOX_ASYNC_TRANSPORT_UDP);
  BOOST_TEST(tox_async_get_udp_port(async.get()) != 0);
}

BOOST_AUTO_TEST_CASE(counters_are_found_by_index_and_by_name) {
  const AsyncPointer async = make(tox.get());
  BOOST_REQUIRE(async != nullptr);
  for (uint32_t i = 0; i < tox_async_stats_get_count(); ++i) {
    uint64_t value = 1;
    BOOST_TEST(tox_async_stats_find(async.get(), tox_async_stats_get_name(i), &value));
    BOOST_TEST(value == tox_async_stats_get_value(async.get(), i));
  }
  BOOST_TEST(tox_async_stats_get_name(tox_async_stats_get_count()) == nullptr);
  uint64_t value = 7;
  BOOST_TEST(!tox_async_stats_find(async.get(), "none.such", &value));
  BOOST_TEST(value == 7);
}

BOOST_AUTO_TEST_CASE(every_error_has_a_text_and_nothing_else_has) {
  const auto valid = [](const char* text) { return text[0] != '<'; };
  for (int i = 0; i <= TOX_ERR_ASYNC_NEW_STATE_IO; ++i) {
    BOOST_TEST(valid(tox_err_async_new_to_string(static_cast<Tox_Err_Async_New>(i))));
  }
  BOOST_TEST(
      !valid(tox_err_async_new_to_string(static_cast<Tox_Err_Async_New>(TOX_ERR_ASYNC_NEW_STATE_IO + 1))));
  for (int i = 0; i <= TOX_ERR_ASYNC_FRIEND_SEND_MESSAGE_TIME_TO_LIVE; ++i) {
    BOOST_TEST(valid(
        tox_err_async_friend_send_message_to_string(static_cast<Tox_Err_Async_Friend_Send_Message>(i))));
  }
  for (int i = 0; i <= TOX_ERR_ASYNC_NODE_ADD_TOO_MANY; ++i) {
    BOOST_TEST(valid(tox_err_async_node_add_to_string(static_cast<Tox_Err_Async_Node_Add>(i))));
  }
  for (int i = 0; i <= TOX_ERR_ASYNC_NODE_REMOVE_NOT_FOUND; ++i) {
    BOOST_TEST(valid(tox_err_async_node_remove_to_string(static_cast<Tox_Err_Async_Node_Remove>(i))));
  }
  for (int i = 0; i <= TOX_ERR_ASYNC_MESSAGE_CANCEL_TOO_LATE; ++i) {
    BOOST_TEST(valid(tox_err_async_message_cancel_to_string(static_cast<Tox_Err_Async_Message_Cancel>(i))));
  }
  for (int i = 0; i <= TOX_ASYNC_FAIL_REASON_FRIEND_REMOVED; ++i) {
    BOOST_TEST(valid(tox_async_fail_reason_to_string(static_cast<Tox_Async_Fail_Reason>(i))));
  }
  for (int i = 0; i <= TOX_ASYNC_MESSAGE_STATE_FAILED; ++i) {
    BOOST_TEST(valid(tox_async_message_state_to_string(static_cast<Tox_Async_Message_State>(i))));
  }
  const std::string locked = tox_err_async_new_to_string(TOX_ERR_ASYNC_NEW_STATE_LOCKED);
  BOOST_TEST(locked.find("in use") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(programs_for_a_newer_version_are_incompatible) {
  BOOST_TEST(tox_async_version_is_compatible(TOX_ASYNC_VERSION_MAJOR, TOX_ASYNC_VERSION_MINOR, 0));
  BOOST_TEST(!tox_async_version_is_compatible(TOX_ASYNC_VERSION_MAJOR, TOX_ASYNC_VERSION_MINOR,
                                              TOX_ASYNC_VERSION_PATCH + 1));
  BOOST_TEST(!tox_async_version_is_compatible(TOX_ASYNC_VERSION_MAJOR + 1, 0, 0));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace toxasync::test
