// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <boost/test/unit_test.hpp>
#include <memory>
#include <string_view>

#include "adapters/toxcore_courier/courier_settings.hpp"
#include "adapters/toxcore_courier/friend_transport.hpp"
#include "crypto/curve.hpp"
#include "tests/support/packet_inbox.hpp"
#include "tests/support/quiet_log.hpp"

namespace toxasync::test {

using End = FriendTransport::End;

using ToxPointer = std::unique_ptr<Tox, decltype(&tox_kill)>;

/// A Tox instance without a network.
inline ToxPointer make_tox() {
  CourierSettings settings;
  settings.udp = false;
  settings.local_discovery = false;
  ToxPointer tox(tox_new(settings.tox_options().get(), nullptr), tox_kill);
  BOOST_REQUIRE(tox != nullptr);
  return tox;
}

inline Bytes frame(std::uint8_t kind = 0xa0, std::uint8_t content = 7) {
  Bytes bytes(limits::frame, content);
  bytes[0] = kind;
  return bytes;
}

/// A transport whose callbacks we call in toxcore's place.
struct Host {
  explicit Host(End end, std::size_t friends = 4)
      : transport(tox.get(), end, friends, Telemetry(metrics, log)) {
    transport.set_receiver(&inbox);
    transport.iterate(now);
  }
  [[nodiscard]] std::uint64_t count(Counter counter) const { return metrics.value(counter); }

  crypto::Point knock(std::string_view text = protocol::courier_greeting) {
    const crypto::Point key = crypto::KeyPair::generate(random).public_key;
    knock_as(key, text);
    return key;
  }
  void knock_as(const crypto::Point& key, std::string_view text = protocol::courier_greeting) {
    FriendTransport::on_request(tox.get(), key.data(), as_bytes(text).data(), text.size(), &transport);
    pass(0ms);
  }
  [[nodiscard]] std::uint32_t number(const crypto::Point& key) const {
    return tox_friend_by_public_key(tox.get(), key.data(), nullptr);
  }
  void connect(const crypto::Point& key, bool online = true) {
    FriendTransport::on_connection(tox.get(), number(key), online ? TOX_CONNECTION_TCP : TOX_CONNECTION_NONE,
                                   &transport);
  }
  void receive(const crypto::Point& key, ByteView packet) {
    FriendTransport::on_packet(tox.get(), number(key), packet.data(), packet.size(), &transport);
  }
  void pass(milliseconds time) { transport.iterate(now += time); }

  Metrics metrics;
  QuietLog log;
  crypto::SystemRandom random;
  ToxPointer tox = make_tox();
  PacketInbox inbox;
  SteadyTime now{1000s};
  FriendTransport transport;
};

}  // namespace toxasync::test
