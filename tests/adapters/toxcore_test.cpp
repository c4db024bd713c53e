// SPDX-License-Identifier: GPL-3.0-or-later
#include <boost/test/unit_test.hpp>
#include <memory>

#include "adapters/toxcore_dispatcher/net_address.hpp"
#include "adapters/toxcore_dispatcher/toxcore_dispatcher.hpp"
#include "adapters/toxcore_friends/toxcore_friends.hpp"
#include "protocol/friend_packet.hpp"
#include "tests/support/quiet_log.hpp"

using namespace toxasync;

namespace {

constexpr SteadyTime start{};

using ToxPointer = std::unique_ptr<Tox, decltype(&tox_kill)>;

/// A Tox instance without a network.
ToxPointer make_tox() {
  struct Tox_Options* const options = tox_options_new(nullptr);
  tox_options_set_udp_enabled(options, false);
  tox_options_set_local_discovery_enabled(options, false);
  ToxPointer tox(tox_new(options, nullptr), tox_kill);
  tox_options_free(options);
  BOOST_REQUIRE(tox != nullptr);
  return tox;
}

/// The key of a friend who is never there; a real one, for toxcore looks.
manager::FriendKey make_key() {
  manager::FriendKey key{};
  tox_self_get_public_key(make_tox().get(), key.data());
  return key;
}

struct Listener final : manager::FriendListener {
  void on_friend_added(const manager::FriendKey& key) noexcept override { added.push_back(key); }
  void on_friend_removed(const manager::FriendKey& key) noexcept override { removed.push_back(key); }
  void on_friend_presence(const manager::FriendKey& /*key*/, bool /*online*/) noexcept override {
    ++presences;
  }
  void on_friend_packet(const manager::FriendKey& from, ByteView packet) noexcept override {
    senders.push_back(from);
    packets.emplace_back(packet.begin(), packet.end());
  }
  std::vector<manager::FriendKey> added;
  std::vector<manager::FriendKey> removed;
  std::vector<manager::FriendKey> senders;
  std::vector<Bytes> packets;
  int presences = 0;
};

struct Host {
  Metrics metrics;
  test::QuietLog log;
  ToxPointer tox = make_tox();
  Listener listener;
  ToxcoreFriends friends{tox.get(), ToxcoreFriends::PacketCallback::take, Telemetry(metrics, log)};

  Host() { friends.set_listener(&listener); }
  void receive(std::uint32_t number, const Bytes& packet, void* user_data = nullptr) {
    ToxcoreFriends::on_lossless_packet(tox.get(), number, packet.data(), packet.size(), user_data);
  }
};

/// What the client's callback was given.
struct Seen {
  std::uint32_t number = 0;
  Bytes packet;
  int calls = 0;
};

void client_callback(Tox* /*tox*/, std::uint32_t number, const std::uint8_t* data, std::size_t length,
                     void* user_data) {
  auto& seen = *static_cast<Seen*>(user_data);
  seen.number = number;
  seen.packet.assign(data, data + length);
  ++seen.calls;
}

const Bytes ours = {protocol::friend_packet_id, protocol::friend_packet_magic, 1, 5, 0, 0};

}  // namespace

BOOST_AUTO_TEST_CASE(addresses_are_packed_as_in_toxcore) {
  const Endpoint v4{4, {192, 0, 2, 7}, 0x1234};
  const tox_net::Addr packed = tox_net::pack(v4);
  BOOST_TEST(to_hex({packed.data, packed.length}) == "02c00002071234");
  BOOST_TEST((tox_net::unpack(packed) == v4));

  const Endpoint v6{6, {0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}, 0x8001};
  const tox_net::Addr packed6 = tox_net::pack(v6);
  BOOST_TEST(to_hex({packed6.data, packed6.length}) == "0a20010db80000000000000000000000018001");
  BOOST_TEST((tox_net::unpack(packed6) == v6));

  const Endpoint mapped{6, {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 192, 0, 2, 7}, 0x1234};
  BOOST_TEST((tox_net::unpack(tox_net::pack(mapped)) == v4));
}

BOOST_AUTO_TEST_CASE(invalid_addresses_become_unknown) {
  BOOST_TEST(tox_net::pack(Endpoint{}).length == 0);
  BOOST_TEST(tox_net::unpack(tox_net::Addr{}).family == 0);
  tox_net::Addr wrong = tox_net::pack(Endpoint{4, {127, 0, 0, 1}, 1});
  wrong.data[0] = 130;  // TOX_TCP_INET
  BOOST_TEST(tox_net::unpack(wrong).family == 0);
  wrong.data[0] = tox_net::Addr::family_ipv6;
  BOOST_TEST(tox_net::unpack(wrong).family == 0);
}

BOOST_AUTO_TEST_CASE(a_dispatcher_that_cannot_attach_says_why) {
  Host host;
  const auto attached = ToxcoreDispatcher::attach(host.tox.get(), Telemetry(host.metrics, host.log));
  BOOST_REQUIRE(attached.has_error());
  BOOST_TEST((attached.error() ==
              (ToxcoreDispatcher::available() ? DispatcherError::no_udp : DispatcherError::stock_library)));
}

BOOST_AUTO_TEST_CASE(other_packets_reach_the_client_unchanged) {
  Host host;
  host.friends.set_client_callback(client_callback);
  for (const Bytes& packet : {Bytes{160, 1, 2}, Bytes{protocol::friend_packet_id}, Bytes{69, 0x74},
                              Bytes{protocol::friend_packet_id, 0x75, 1, 1}}) {
    Seen seen;
    host.receive(42, packet, &seen);
    BOOST_TEST(seen.calls == 1);
    BOOST_TEST(seen.number == 42);
    BOOST_TEST(seen.packet == packet);
  }
  host.friends.poll(start);
  BOOST_TEST(host.listener.packets.empty());
}

BOOST_AUTO_TEST_CASE(toxasync_packets_are_queued_and_hidden_from_the_client) {
  Host host;
  host.friends.set_client_callback(client_callback);
  const auto key = make_key();
  const std::uint32_t number = tox_friend_add_norequest(host.tox.get(), key.data(), nullptr);
  Seen seen;
  host.receive(number, ours, &seen);
  BOOST_TEST(seen.calls == 0);
  BOOST_TEST(host.listener.packets.empty());
  host.friends.poll(start);
  BOOST_TEST((host.listener.added == std::vector{key}));
  BOOST_TEST((host.listener.senders == std::vector{key}));
  BOOST_TEST(host.listener.packets[0] == ours);
}

BOOST_AUTO_TEST_CASE(packets_without_callback_or_friend_are_dropped) {
  Host host;
  host.receive(0, {160, 1});
  host.receive(7, ours);
  host.friends.poll(start);
  BOOST_TEST(host.listener.packets.empty());
}

BOOST_AUTO_TEST_CASE(the_queue_of_friend_packets_is_limited) {
  Host host;
  const auto key = make_key();
  const std::uint32_t number = tox_friend_add_norequest(host.tox.get(), key.data(), nullptr);
  for (std::size_t i = 0; i < ToxcoreFriends::queue_limit + 3; ++i) {
    host.receive(number, ours);
  }
  host.friends.poll(start);
  BOOST_TEST(host.listener.packets.size() == ToxcoreFriends::queue_limit);
  BOOST_TEST(host.metrics.value(Counter::refused_overloaded) == 3);
}

BOOST_AUTO_TEST_CASE(friends_are_refreshed_at_most_four_times_a_second) {
  Host host;
  host.friends.poll(start);
  const auto key = make_key();
  const std::uint32_t number = tox_friend_add_norequest(host.tox.get(), key.data(), nullptr);
  host.friends.poll(start + ToxcoreFriends::refresh_interval - 1ms);
  BOOST_TEST(host.listener.added.empty());
  host.friends.poll(start + ToxcoreFriends::refresh_interval);
  BOOST_TEST(host.listener.added.size() == 1);
  BOOST_TEST((host.friends.number_of(key) == number));
  BOOST_TEST(host.listener.presences == 0);
}

BOOST_AUTO_TEST_CASE(a_reused_friend_number_is_the_new_friend) {
  Host host;
  const auto first = make_key();
  const auto second = make_key();
  const std::uint32_t number = tox_friend_add_norequest(host.tox.get(), first.data(), nullptr);
  host.friends.poll(start);
  BOOST_REQUIRE(tox_friend_delete(host.tox.get(), number, nullptr));
  BOOST_REQUIRE_EQUAL(tox_friend_add_norequest(host.tox.get(), second.data(), nullptr), number);
  BOOST_TEST(!host.friends.number_of(first).has_value());
  BOOST_TEST((host.friends.number_of(second) == number));
  BOOST_TEST((host.friends.send(first, ours) == manager::ChannelSend::offline));
  host.receive(number, ours);
  host.friends.poll(start + 1ms);  // A packet from somebody new is reason to look at once.
  BOOST_TEST((host.listener.removed == std::vector{first}));
  BOOST_TEST((host.listener.senders == std::vector{second}));
}

BOOST_AUTO_TEST_CASE(sending_to_an_offline_friend_returns_offline) {
  Host host;
  const auto key = make_key();
  tox_friend_add_norequest(host.tox.get(), key.data(), nullptr);
  BOOST_TEST((host.friends.send(key, ours) == manager::ChannelSend::offline));
}

BOOST_AUTO_TEST_CASE(each_tox_instance_has_its_own_adapter) {
  Host one;
  Seen seen_one;
  one.friends.set_client_callback(client_callback);
  ToxPointer other_tox = make_tox();
  {
    ToxcoreFriends other(other_tox.get(), ToxcoreFriends::PacketCallback::take,
                         Telemetry(one.metrics, one.log));
    BOOST_TEST(ToxcoreFriends::is_attached(other_tox.get()));
    const Bytes packet = {160};
    ToxcoreFriends::on_lossless_packet(other_tox.get(), 0, packet.data(), packet.size(), &seen_one);
    BOOST_TEST(seen_one.calls == 0);
  }
  BOOST_TEST(!ToxcoreFriends::is_attached(other_tox.get()));
  BOOST_TEST(ToxcoreFriends::is_attached(one.tox.get()));
}
