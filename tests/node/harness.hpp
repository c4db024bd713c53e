// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <stdexcept>
#include <utility>
#include <vector>

#include "crypto/envelope.hpp"
#include "node/node.hpp"
#include "protocol/frame.hpp"
#include "protocol/page.hpp"
#include "protocol/retrieve_request.hpp"
#include "protocol/store_request.hpp"
#include "protocol/store_response.hpp"
#include "store/memory/memory_store.hpp"
#include "tests/support/manual_clock.hpp"
#include "tests/support/mock_transport.hpp"
#include "tests/support/recording_transport.hpp"
#include "tests/support/samples.hpp"
#include "tests/support/seeded_random.hpp"
#include "tests/support/test_log.hpp"
#include "tests/support/time_print.hpp"

namespace toxasync::test {

/// What a result holds; a test that gets here with an error is wrong. (result::value() wants to know how to
/// throw E.)
template <class T, class E>
T must(Result<T, E> result) {
  return result ? std::move(*result) : throw std::logic_error("a result is an error");
}

/// As requests have it.
constexpr std::uint32_t ttl_s(seconds ttl) noexcept {
  return static_cast<std::uint32_t>(ttl.count());
}

/// One storage node with all that it stands on, without a network.
struct NodeHarness {
  explicit NodeHarness(node::NodeConfig config = {}, const store::StoreLimits& limits = {},
                       std::uint64_t seed = 1)
      : config(std::move(config)),
        random(seed),
        store(limits),
        keys(node::NodeKeys::ephemeral(random, clock.unix_time())),
        node(store, keys, random, telemetry.get(), this->config, clock.now()) {}

  /// The process ends and starts again: what is on disk stays.
  void restart() {
    std::destroy_at(&node);
    std::construct_at(&node, store, keys, random, telemetry.get(), config, clock.now());
  }

  /// Gives the node a packet, lets it work, and returns what it sent.
  std::vector<Bytes> exchange(const Route& from, ByteView packet) {
    node.on_packet(transport, from, packet, clock.now());
    return tick();
  }
  std::vector<Bytes> tick() {
    node.tick(clock.now());
    std::vector<Bytes> packets;
    for (auto& sent : transport.take()) {
      packets.push_back(std::move(sent.packet));
    }
    return packets;
  }
  [[nodiscard]] crypto::Epoch epoch() const { return crypto::epoch_at(clock.unix_time()).value(); }
  [[nodiscard]] std::uint64_t operator[](Counter counter) const noexcept { return telemetry[counter]; }

  bool ready = crypto::initialise();  // first: the members below need it
  node::NodeConfig config;
  ManualClock clock;
  SeededRandom random;
  TestTelemetry telemetry;
  store::MemoryStore store;
  RecordingTransport transport;
  node::NodeKeys keys;
  node::Node node;
};

inline crypto::Tag& tag_of(protocol::StoreRequest& request) noexcept {
  return request.write_tag;
}
inline crypto::Tag& tag_of(protocol::RetrieveRequest& request) noexcept {
  return request.owner_tag;
}

/// A client of one node, which speaks the protocol by itself, step by step, so that a test can go wrong in
/// any of them.
class HandClient {
 public:
  /// Knows the node's current key. Its random numbers come from `seed`.
  explicit HandClient(NodeHarness& node, std::uint64_t seed = 100,
                      const Route& route = MockTransport::route_to(ipv4(1)))
      : node_(node), random_(seed), route_(route), x_(crypto::KeyPair::generate(random_)) {
    set_node_key(node.keys.current().pair.public_key);
  }

  void set_node_key(const crypto::Point& n) {
    n_ = n;
    keys_.emplace(protocol::session_keys(x_.secret, n, x_.public_key, n).value());
  }
  void set_route(const Route& route) { route_ = route; }
  void set_cookie(const protocol::Cookie& cookie) { cookie_ = cookie; }
  [[nodiscard]] const protocol::Cookie& cookie() const noexcept { return cookie_; }
  [[nodiscard]] const crypto::Point& x() const noexcept { return x_.public_key; }
  [[nodiscard]] const crypto::Point& n() const noexcept { return n_; }
  [[nodiscard]] const Route& route() const noexcept { return route_; }
  [[nodiscard]] std::uint64_t next_counter() noexcept { return ++counter_; }
  SeededRandom& random() noexcept { return random_; }

  /// A frame with a box that opens under no key, as a client sends that does not know N.
  Bytes unknowing_frame(protocol::FrameKind kind = protocol::FrameKind::store) {
    Bytes frame(limits::frame);
    random_.fill(frame);
    (void)wire::encode(header(kind), MutableBytes(frame).first(limits::frame_header));
    return frame;
  }
  /// Gets a cookie, as a client does first.
  void greet() {
    if (exchange(unknowing_frame()).size() != 1) {
      throw std::logic_error("no cookie reply");
    }
  }

  template <class Request>
  void sign(Request& request, crypto::TagKind kind, const ByteArray<32>& shared,
            std::optional<crypto::Point> n = std::nullopt, std::optional<crypto::Point> x = std::nullopt) {
    tag_of(request) = {};
    Bytes buffer(limits::plaintext);
    const auto encoded = wire::encode_padded(request, buffer);
    tag_of(request) = crypto::request_tag(kind, shared, n.value_or(n_), x.value_or(this->x()), must(encoded),
                                          Request::tag_offset);
  }
  /// X25519(w, N)
  ByteArray<32> write_agreement(const crypto::WritableMailbox& mailbox) const {
    ByteArray<32> shared{};
    return crypto::x25519(shared, mailbox.write_secret.bytes(), n_) ? shared
                                                                    : throw std::logic_error("point");
  }
  /// owner(N)
  ByteArray<32> owner_agreement(const crypto::OwnedMailbox& mailbox) const {
    ByteArray<32> shared{};
    return mailbox.owner.apply(shared, n_) ? shared : throw std::logic_error("point");
  }
  void sign(protocol::StoreRequest& request, const crypto::WritableMailbox& mailbox) {
    sign(request, crypto::TagKind::write, write_agreement(mailbox));
  }
  void sign(protocol::RetrieveRequest& request, const crypto::OwnedMailbox& mailbox) {
    sign(request, crypto::TagKind::owner, owner_agreement(mailbox));
  }

  protocol::StoreRequest store_request(const crypto::WritableMailbox& mailbox, ByteView envelope) {
    protocol::StoreRequest request;
    request.counter = next_counter();
    request.epoch = mailbox.epoch;
    request.ttl_s = ttl_s(limits::default_time_to_live);
    request.mailbox = mailbox.address;
    request.payload.assign(envelope.begin(), envelope.end());
    sign(request, mailbox);
    return request;
  }
  protocol::StoreRequest cancel_request(const crypto::WritableMailbox& mailbox, const crypto::EnvelopeId& id,
                                        const crypto::CancelSecret& secret) {
    auto request = store_request(mailbox, {});
    request.op = protocol::StoreOp::cancel;
    request.payload.assign(id.begin(), id.end());
    request.payload.insert(request.payload.end(), secret.begin(), secret.end());
    sign(request, mailbox);
    return request;
  }
  /// Names the mailbox's own box first.
  protocol::RetrieveRequest retrieve_request(const crypto::OwnedMailbox& mailbox, std::uint8_t window = 16,
                                             std::uint64_t cursor = 0,
                                             std::vector<crypto::EnvelopeId> ids = {}) {
    protocol::RetrieveRequest request;
    request.counter = next_counter();
    request.window = window;
    request.mailbox = mailbox.mailbox.address.p;
    request.boxes[0] = crypto::box_tag(mailbox.mailbox.address);
    request.cursor = cursor;
    request.ids_to_delete = std::move(ids);
    sign(request, mailbox);
    return request;
  }

  protocol::FrameHeader header(protocol::FrameKind kind) {
    protocol::FrameHeader header;
    header.kind = kind;
    header.cookie = cookie_;
    header.session = x();
    random_.fill(header.nonce);
    return header;
  }
  Bytes seal(protocol::FrameKind kind, ByteView plain) {
    protocol::FrameBytes frame;
    protocol::seal_frame(header(kind), keys_->client_to_node, plain, frame);
    return {frame.begin(), frame.end()};
  }
  Bytes seal(const protocol::StoreRequest& request) {
    return seal(protocol::FrameKind::store, padded(request));
  }
  Bytes seal(const protocol::RetrieveRequest& request) {
    return seal(protocol::FrameKind::retrieve, padded(request));
  }

  /// Sends a packet and keeps the cookie of the answer.
  std::vector<Bytes> exchange(ByteView packet) { return learn(node_.exchange(route_, packet)); }
  std::vector<Bytes> learn(std::vector<Bytes> replies) {
    for (const Bytes& reply : replies) {
      cookie_ = must(protocol::read_frame_header(reply)).cookie;
    }
    return replies;
  }
  /// The plaintext of an answer, limits::plaintext bytes; nothing when it does not open.
  std::optional<Bytes> open(ByteView packet) const {
    const auto header = protocol::read_frame_header(packet);
    Bytes plain(limits::plaintext);
    if (!header || protocol::is_request(header->kind) ||
        !protocol::open_frame(*header, keys_->node_to_client, packet, plain)) {
      return std::nullopt;
    }
    return plain;
  }
  template <class Message>
  std::optional<Message> read(ByteView packet) const {
    Message message;
    const auto plain = open(packet);
    return plain && wire::decode_padded(*plain, message) ? std::optional(message) : std::nullopt;
  }

  /// The one answer to a request; nothing when there is none, several, or another.
  std::optional<protocol::StoreResponse> ask(const protocol::StoreRequest& request) {
    const auto replies = exchange(seal(request));
    return replies.size() == 1 ? read<protocol::StoreResponse>(replies[0]) : std::nullopt;
  }
  std::vector<protocol::Page> ask(const protocol::RetrieveRequest& request) {
    std::vector<protocol::Page> pages;
    for (const Bytes& reply : exchange(seal(request))) {
      if (auto page = read<protocol::Page>(reply)) {
        pages.push_back(std::move(*page));
      }
    }
    return pages;
  }

 private:
  template <class Message>
  static Bytes padded(const Message& message) {
    Bytes plain(limits::plaintext);
    (void)must(wire::encode_padded(message, plain));
    return plain;
  }

  NodeHarness& node_;
  SeededRandom random_;
  Route route_;
  crypto::KeyPair x_;
  crypto::Point n_{};
  std::optional<protocol::SessionKeys> keys_;
  protocol::Cookie cookie_{};
  std::uint64_t counter_ = 0;
};

/// Points that name another point in a second way, by the top bit or unreduced: 9 and 1 here.
inline std::array<crypto::Point, 2> second_encodings() {
  auto with_top_bit = numbered<crypto::Point>(9);
  with_top_bit[31] = 0x80;
  crypto::Point unreduced;
  std::ranges::fill(unreduced, 0xff);
  unreduced[0] = 0xee;
  unreduced[31] = 0x7f;
  return {with_top_bit, unreduced};
}

/// A mailbox of `epoch`, and one box in it; the same for the same seed.
inline crypto::OwnedMailbox test_mailbox(crypto::Epoch epoch, std::uint64_t seed = 7) {
  SeededRandom random((std::uint64_t{epoch} << 16U) + seed);
  auto owner = crypto::KeyPair::generate(random);
  auto writer = crypto::KeyPair::generate(random);
  return {{epoch,
           {owner.public_key, writer.public_key},
           std::move(writer.secret),
           {},
           crypto::RootKind::friends,
           {}},
          crypto::OwnerKey(std::move(owner.secret))};
}
/// Another writer's box in the same mailbox.
inline crypto::WritableMailbox other_box(const crypto::OwnedMailbox& mailbox, std::uint64_t writer) {
  SeededRandom random(0x77000000 + writer);
  auto keys = crypto::KeyPair::generate(random);
  return {mailbox.mailbox.epoch,     {mailbox.mailbox.address.p, keys.public_key},
          std::move(keys.secret),    {},
          crypto::RootKind::friends, {}};
}

/// What a node takes for an envelope of that size: only the version and the cancel commitment are in the
/// clear.
inline Bytes test_envelope(std::uint64_t seed, std::size_t size = limits::small_envelope,
                           const crypto::CancelSecret& secret = {}) {
  SeededRandom random(seed);
  Bytes envelope(size);
  random.fill(envelope);
  envelope[0] = 1;
  std::ranges::copy(crypto::cancel_commitment(secret), envelope.begin() + 1);
  return envelope;
}

}  // namespace toxasync::test
