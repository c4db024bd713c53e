// SPDX-License-Identifier: GPL-3.0-or-later
#include <set>
#include <utility>

#include "protocol/peers.hpp"
#include "source.hpp"
#include "target.hpp"
#include "tests/node/harness.hpp"

// A node with two clients that are fully authentic and say what the fuzzer chooses: sealed requests with any
// fields, with right and wrong tags, raw bodies, raw frames, replays; time, restarts and a disk that fails
// come between them.

namespace {

using namespace toxasync;

class Session {
 public:
  explicit Session(fuzz::Source& source) : source_(source) {}

  void run() {
    while (!source_.empty()) {
      step();
    }
  }

 private:
  static constexpr std::size_t boxes = 3;

  void step() {
    test::HandClient& client = clients_[source_.below(2)];
    switch (source_.below(14)) {
      case 0:
        return give(client, client.seal(store_request(client)));
      case 1:
        return give(client, client.seal(cancel_request(client)));
      case 2:
      case 3:
        return give(client, client.seal(retrieve_request(client)));
      case 4:
        return give(client, sealed_body(client));
      case 5:
        return give(client, source_.block());
      case 6:
        return give(client, changed(last_));
      case 7:
        return pass_time(milliseconds(source_.number<std::uint16_t>()));
      case 8:
        return pass_time(std::chrono::hours(source_.number()));
      case 9:
        harness_.clock.set_unix(UnixTime(seconds(source_.number<std::uint32_t>())));
        return;
      case 10:
        return harness_.store.fail_next(source_.below(8));
      case 11:
        harness_.store.hold_completions(source_.chance(2));
        return;
      case 12:
        return change_node(client);
      default:
        client.set_route(test::MockTransport::route_to(test::ipv4(source_.number())));
    }
  }

  const crypto::OwnedMailbox& mailbox() { return mailboxes_[source_.below(boxes)]; }

  protocol::StoreRequest store_request(test::HandClient& client) {
    const auto& to = mailbox();
    const bool small = source_.chance(2);
    auto request = client.store_request(
        to.mailbox,
        test::test_envelope(source_.number(), small ? limits::small_envelope : limits::large_envelope));
    request.ttl_s = test::ttl_s(limits::times_to_live[source_.below(limits::times_to_live.size())]);
    if (source_.chance(4)) {
      request.epoch += source_.number() - 128U;
    }
    if (source_.chance(8)) {
      request.payload.resize(source_.number<std::uint16_t>() % limits::message);
    }
    request = strange(client, std::move(request), to.mailbox);
    stored_.insert(request.payload);
    return request;
  }
  protocol::StoreRequest cancel_request(test::HandClient& client) {
    const auto& to = mailbox();
    const auto id = crypto::envelope_id(to.mailbox.address, test::test_envelope(source_.number()));
    crypto::CancelSecret secret;
    secret[0] = source_.chance(4) ? 1 : 0;
    auto request = client.cancel_request(to.mailbox, id, secret);
    if (source_.chance(8)) {
      request.payload.resize(source_.number());
    }
    return strange(client, std::move(request), to.mailbox);
  }
  protocol::RetrieveRequest retrieve_request(test::HandClient& client) {
    const auto& of = mailbox();
    auto request = client.retrieve_request(of, source_.number(), source_.number());
    request.op = protocol::RetrieveOp(source_.below(4));
    for (std::size_t ids = source_.below(8); ids > 0; --ids) {
      request.ids_to_delete.push_back(
          crypto::envelope_id(of.mailbox.address, test::test_envelope(source_.number())));
    }
    request.boxes[1] = source_.message<crypto::BoxTag>();
    return strange(client, std::move(request), of);
  }
  /// Perhaps with fields that no client of ours writes, and perhaps without a right tag.
  template <class Request, class Key>
  Request strange(test::HandClient& client, Request request, const Key& key) {
    if (source_.chance(8)) {
      const auto before = std::exchange(request, source_.message<Request>());
      request.counter = before.counter;
      if (!source_.chance(4)) {
        request.mailbox = before.mailbox;  // else the tag is wrong
      }
    }
    if (source_.chance(8)) {
      request.counter = source_.number<std::uint64_t>();
    }
    if (!wire::encode(request, room_)) {
      request = {};  // a vector is longer than its limit
    }
    if (!source_.chance(8)) {
      client.sign(request, key);
    }
    return request;
  }
  Bytes sealed_body(test::HandClient& client) {
    Bytes plain(limits::plaintext);
    const ByteView chosen = source_.block();
    std::copy_n(chosen.begin(), std::min(chosen.size(), plain.size()), plain.begin());
    return client.seal(source_.chance(2) ? protocol::FrameKind::store : protocol::FrameKind::retrieve, plain);
  }
  Bytes changed(Bytes packet) {
    if (!packet.empty()) {
      packet[source_.number<std::uint16_t>() % packet.size()] ^= source_.number();
    }
    return packet;
  }

  void change_node(test::HandClient& client) {
    switch (source_.below(5)) {
      case 0:
        return harness_.restart();
      case 1:
        return harness_.node.drop_transport(harness_.transport);
      case 2: {
        const ByteView block = source_.block();
        return harness_.node.set_peers({{block.begin(), block.end()}, harness_.node.descriptor()});
      }
      case 3:
        return client.set_node_key(harness_.keys.current().pair.public_key);
      default:
        return harness_.node.set_key_agreement_rate(source_.number(), source_.number());
    }
  }
  void pass_time(milliseconds time) {
    harness_.clock.advance(time);
    (void)take({}, 0);
  }

  void give(test::HandClient& client, ByteView packet) {
    last_.assign(packet.begin(), packet.end());
    harness_.node.on_packet(harness_.transport, client.route(), packet, harness_.clock.now());
    take(&client, packet.size());
  }

  /// Looks at what the node sends.
  void take(test::HandClient* client, std::size_t bytes_in) {
    for (int ticks = 0; ticks == 0 || harness_.node.next_deadline() <= harness_.clock.steady(); ++ticks) {
      fuzz::check(ticks < 100, "a node's deadline moves on");
      harness_.node.tick(harness_.clock.now());
    }
    for (const auto& sent : harness_.transport.take()) {
      const auto header = protocol::read_frame_header(sent.packet);
      fuzz::check(header && !protocol::is_request(header->kind), "a node sends responses");
      if (sent.packet.size() < limits::frame) {
        fuzz::check(client != nullptr && sent.packet.size() <= bytes_in,
                    "a cookie reply answers a longer packet");
        client->set_cookie(header->cookie);
        fuzz::check(
            protocol::NodeDescriptor::decode_signed(ByteView(sent.packet).subspan(limits::frame_header))
                .has_value(),
            "a cookie reply has a signed descriptor");
      } else {
        read_answer(*header, sent.packet);
      }
    }
  }
  void read_answer(const protocol::FrameHeader& header, ByteView packet) {
    auto* const client = std::ranges::find(clients_, header.session, &test::HandClient::x);
    fuzz::check(client != clients_.end(), "a node answers sessions that it was asked in");
    const auto plain = client->open(packet);
    if (!plain) {
      return;  // by a key that the client has not learnt of
    }
    client->set_cookie(header.cookie);
    protocol::StoreResponse stored;
    protocol::Page page;
    protocol::Peers peers;
    if (header.kind == protocol::FrameKind::store_response) {
      fuzz::check(wire::decode_padded(*plain, stored).has_value(), "a node's store response decodes");
    } else if (wire::decode_padded(*plain, page)) {
      fuzz::check(page.valid() || page.is_announcement(), "a node's page is valid");
      for (const auto& envelope : page.envelopes) {
        fuzz::check(stored_.contains(envelope.bytes), "a node lists what was stored on it");
      }
    } else {
      fuzz::check(wire::decode_padded(*plain, peers).has_value(), "a node's retrieve response decodes");
    }
  }

  fuzz::Source& source_;
  test::NodeHarness harness_;
  std::array<test::HandClient, 2> clients_{
      test::HandClient(harness_, 100),
      test::HandClient(harness_, 101, test::MockTransport::route_to(test::ipv4(2)))};
  std::array<crypto::OwnedMailbox, boxes> mailboxes_{test::test_mailbox(harness_.epoch(), 1),
                                                     test::test_mailbox(harness_.epoch(), 2),
                                                     test::test_mailbox(harness_.epoch() + 1, 3)};
  ByteArray<limits::message> room_{};
  std::set<Bytes> stored_;  ///< All that a client has asked it to store.
  Bytes last_;
};

}  // namespace

TOXASYNC_FUZZ_TARGET(node) {
  fuzz::Source source(in);
  Session(source).run();
}
