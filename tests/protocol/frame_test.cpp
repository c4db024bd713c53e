// SPDX-License-Identifier: GPL-3.0-or-later
#include "protocol/frame.hpp"

#include <boost/test/unit_test.hpp>
#include <limits>
#include <optional>
#include <set>

#include "samples.hpp"
#include "tests/crypto/fixture.hpp"

namespace toxasync::protocol {
namespace {

/// A session of a client with a node, and a store request sealed in it.
struct FrameFixture : test::CryptoFixture {
  crypto::KeyPair x = crypto::KeyPair::generate(random);
  crypto::KeyPair n = crypto::KeyPair::generate(random);
  std::optional<SessionKeys> client = session_keys(x.secret, n.public_key, x.public_key, n.public_key);
  std::optional<SessionKeys> node = session_keys(n.secret, x.public_key, x.public_key, n.public_key);
  FrameBytes frame = seal(test::store_request());

  template <class Message>
  FrameBytes seal(const Message& message) {
    ByteArray<limits::plaintext> plain;
    BOOST_REQUIRE(wire::encode_padded(message, plain).has_value());
    FrameHeader header = test::frame_header();
    header.session = x.public_key;
    FrameBytes out;
    seal_frame(header, client->client_to_node, plain, out);
    return out;
  }
  /// Reads the header and opens the box, as the node would.
  [[nodiscard]] std::optional<ByteArray<limits::plaintext>> open(ByteView packet) const {
    return open(packet, node->client_to_node);
  }
  [[nodiscard]] static std::optional<ByteArray<limits::plaintext>> open(ByteView packet,
                                                                        const crypto::Secret<32>& key) {
    const auto header = read_frame_header(packet);
    ByteArray<limits::plaintext> plain{};
    if (!header || !open_frame(*header, key, packet, plain)) {
      return std::nullopt;
    }
    return plain;
  }
};

BOOST_FIXTURE_TEST_SUITE(frames, FrameFixture)

BOOST_AUTO_TEST_CASE(a_sealed_frame_opens_at_the_other_end) {
  const auto plain = open(frame);
  BOOST_REQUIRE(plain.has_value());
  StoreRequest back;
  BOOST_REQUIRE(wire::decode_padded(*plain, back).has_value());
  TOXASYNC_TEST_BYTES(test::encoded(back), test::encoded(test::store_request()));
  BOOST_TEST(frame.size() == 1372U);
  BOOST_TEST(frame[0] == 0xa0);
  BOOST_TEST(frame[1] == 1);
}

BOOST_AUTO_TEST_CASE(a_changed_header_is_refused_except_for_its_cookie) {
  for (std::size_t i = 0; i < limits::frame_header; ++i) {
    for (const std::uint8_t bit : ByteArray<3>{0x01, 0x02, 0x80}) {
      frame[i] ^= bit;
      const bool cookie = i >= 2 && i < 18;  // by design: the node makes it and checks it by itself
      BOOST_TEST(open(frame).has_value() == cookie, "byte " << i);
      frame[i] ^= bit;
    }
  }
  BOOST_TEST(open(frame).has_value());
}

// The header's own checks out of the way: what is left is what the seal covers.
BOOST_AUTO_TEST_CASE(the_seal_itself_covers_kind_version_session_and_nonce) {
  const auto header = read_frame_header(frame);
  BOOST_REQUIRE(header.has_value());
  const auto opens = [&](auto change) {
    FrameHeader changed = *header;
    change(changed);
    ByteArray<limits::plaintext> plain;
    return open_frame(changed, node->client_to_node, frame, plain);
  };
  BOOST_TEST(opens([](FrameHeader&) {}));
  BOOST_TEST(opens([](FrameHeader& h) { h.cookie[0] ^= 1; }));
  BOOST_TEST(!opens([](FrameHeader& h) { h.kind = FrameKind::retrieve; }));
  BOOST_TEST(!opens([](FrameHeader& h) { h.version = 2; }));
  BOOST_TEST(!opens([](FrameHeader& h) { h.session[31] ^= 1; }));
  BOOST_TEST(!opens([](FrameHeader& h) { h.nonce[23] ^= 1; }));
}

BOOST_AUTO_TEST_CASE(a_frame_whose_box_was_changed_is_refused) {
  for (std::size_t i = limits::frame_header; i < frame.size(); ++i) {
    frame[i] ^= 0x20;
    BOOST_TEST(!open(frame).has_value(), "byte " << i);
    frame[i] ^= 0x20;
  }
}

BOOST_AUTO_TEST_CASE(a_frame_opens_only_with_the_key_of_its_direction_and_session) {
  BOOST_TEST(!open(frame, node->node_to_client).has_value());
  const auto other = crypto::KeyPair::generate(random);
  const auto keys = session_keys(n.secret, other.public_key, other.public_key, n.public_key);
  BOOST_TEST(!open(frame, keys->client_to_node).has_value());
  BOOST_TEST(open(frame, node->client_to_node).has_value());
}

BOOST_AUTO_TEST_CASE(a_frame_of_another_length_does_not_open) {
  Bytes packet(frame.begin(), frame.end());
  packet.push_back(0);
  const auto header = read_frame_header(frame);
  BOOST_REQUIRE(header.has_value());
  ByteArray<limits::plaintext> plain;
  for (std::size_t size = 0; size <= packet.size(); ++size) {
    BOOST_REQUIRE(open_frame(*header, node->client_to_node, ByteView(packet).first(size), plain) ==
                  (size == 1372));
  }
}

BOOST_AUTO_TEST_CASE(both_ends_of_a_session_have_the_same_two_keys) {
  TOXASYNC_TEST_BYTES(client->client_to_node.view(), node->client_to_node.view());
  TOXASYNC_TEST_BYTES(client->node_to_client.view(), node->node_to_client.view());
  BOOST_TEST(!test::same(client->client_to_node.view(), client->node_to_client.view()));
}

BOOST_AUTO_TEST_CASE(a_session_with_a_refused_point_has_no_keys) {
  for (const auto& point : test::refused_points()) {
    BOOST_TEST(!session_keys(n.secret, point, point, n.public_key).has_value());
    BOOST_TEST(!session_keys(x.secret, point, x.public_key, point).has_value());
  }
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(frame_headers)

BOOST_AUTO_TEST_CASE(a_request_of_any_length_but_a_frames_is_refused) {
  Bytes packet(1400);
  for (const auto kind : {FrameKind::store, FrameKind::retrieve}) {
    packet[0] = static_cast<std::uint8_t>(kind);
    packet[1] = frame_version;
    for (std::size_t size = 0; size <= packet.size(); ++size) {
      const auto header = read_frame_header(ByteView(packet).first(size));
      BOOST_REQUIRE(header.has_value() == (size == 1372));
      BOOST_REQUIRE((header || header.error() == FrameError::length));
    }
  }
}

BOOST_AUTO_TEST_CASE(a_response_of_an_impossible_length_is_refused) {
  Bytes packet(1400);
  for (const auto kind : {FrameKind::store_response, FrameKind::retrieve_response}) {
    packet[0] = static_cast<std::uint8_t>(kind);
    packet[1] = frame_version;
    for (std::size_t size = 0; size <= packet.size(); ++size) {
      const auto header = read_frame_header(ByteView(packet).first(size));
      BOOST_REQUIRE(header.has_value() == (size >= 74 && size <= 1372));
      BOOST_REQUIRE((header || header.error() == FrameError::length));
    }
  }
}

BOOST_AUTO_TEST_CASE(four_kinds_and_one_version_are_known) {
  FrameBytes packet{};
  for (int kind = 0; kind < 256; ++kind) {
    for (int version = 0; version < 256; ++version) {
      packet[0] = static_cast<std::uint8_t>(kind);
      packet[1] = static_cast<std::uint8_t>(version);
      const auto header = read_frame_header(packet);
      if (kind < 0xa0 || kind > 0xa3) {
        BOOST_REQUIRE((header.error() == FrameError::kind));
      } else if (version != 1) {
        BOOST_REQUIRE((header.error() == FrameError::version));
      } else {
        BOOST_REQUIRE(header.has_value());
        BOOST_REQUIRE(static_cast<int>(header->kind) == kind);
        BOOST_REQUIRE(is_request(header->kind) == (kind % 2 == 0));
      }
    }
  }
  BOOST_TEST((response_to(FrameKind::store) == FrameKind::store_response));
  BOOST_TEST((response_to(FrameKind::retrieve) == FrameKind::retrieve_response));
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(cookie_replies)

BOOST_AUTO_TEST_CASE(a_cookie_reply_echoes_the_request_and_is_not_longer) {
  const FrameHeader request = test::frame_header();
  const Cookie cookie = test::counting<16>(0x90);
  const Bytes descriptor = test::counting_bytes(limits::descriptor);
  const Bytes reply = make_cookie_reply(request, cookie, descriptor);
  BOOST_TEST(reply.size() == 74U + limits::descriptor);
  BOOST_TEST(reply.size() <= limits::frame);
  const auto header = read_frame_header(reply);
  BOOST_REQUIRE(header.has_value());
  BOOST_TEST((header->kind == FrameKind::store_response));
  TOXASYNC_TEST_BYTES(header->cookie, cookie);
  TOXASYNC_TEST_BYTES(header->session, request.session);
  TOXASYNC_TEST_BYTES(header->nonce, request.nonce);
  TOXASYNC_TEST_BYTES(ByteView(reply).subspan(74), descriptor);
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(replay_window)

constexpr std::uint64_t last = std::numeric_limits<std::uint64_t>::max();

BOOST_AUTO_TEST_CASE(zero_is_never_accepted) {
  ReplayWindow window;
  BOOST_TEST(!window.accept(0));
  BOOST_TEST(window.accept(1));
  BOOST_TEST(!window.accept(0));
}

BOOST_AUTO_TEST_CASE(each_counter_is_accepted_once) {
  ReplayWindow window;
  for (std::uint64_t counter = 1; counter <= 200; ++counter) {
    BOOST_TEST(window.accept(counter));
    BOOST_TEST(!window.accept(counter));
  }
  for (std::uint64_t counter = 1; counter <= 200; ++counter) {
    BOOST_TEST(!window.accept(counter));
  }
}

BOOST_AUTO_TEST_CASE(a_counter_63_behind_is_accepted_and_one_64_behind_is_not) {
  ReplayWindow window;
  BOOST_TEST(window.accept(1000));
  BOOST_TEST(!window.accept(936));
  BOOST_TEST(window.accept(937));
  BOOST_TEST(!window.accept(937));
  BOOST_TEST(window.accept(999));
  BOOST_TEST(!window.accept(1));
}

BOOST_AUTO_TEST_CASE(what_was_seen_is_remembered_across_jumps_within_the_window) {
  for (std::uint64_t jump = 1; jump <= 70; ++jump) {
    ReplayWindow window;
    BOOST_TEST(window.accept(100));
    BOOST_TEST(window.accept(98));
    BOOST_TEST(window.accept(100 + jump));
    BOOST_TEST(!window.accept(100), "after a jump of " << jump);
    BOOST_TEST(!window.accept(98));
    BOOST_TEST(window.accept(99) == (jump < 63), "after a jump of " << jump);
  }
}

BOOST_AUTO_TEST_CASE(counters_in_any_order_are_judged_as_a_list_of_all_would) {
  test::ScriptedRandom random(test::counting_bytes(251, 0));
  ReplayWindow window;
  std::set<std::uint64_t> accepted;
  for (std::uint64_t i = 0; i < 5000; ++i) {
    const std::uint64_t counter = i / 2 + random.below(150);
    const std::uint64_t highest = accepted.empty() ? 0 : *accepted.rbegin();
    const bool expected = counter != 0 && counter + 64 > highest && !accepted.contains(counter);
    BOOST_REQUIRE(window.accept(counter) == expected);
    if (expected) {
      accepted.insert(counter);
    }
  }
  BOOST_TEST(accepted.size() > 500U);
}

BOOST_AUTO_TEST_CASE(the_largest_counter_ends_the_count_and_nothing_wraps) {
  ReplayWindow window;
  BOOST_TEST(window.accept(5));
  BOOST_TEST(window.accept(last));
  BOOST_TEST(!window.accept(last));
  BOOST_TEST(!window.accept(0));
  BOOST_TEST(!window.accept(1));
  BOOST_TEST(!window.accept(6));
  BOOST_TEST(window.accept(last - 63));
  BOOST_TEST(!window.accept(last - 64));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace toxasync::protocol
