// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <boost/test/unit_test.hpp>

#include "manager/node_book.hpp"
#include "support/recording_transport.hpp"
#include "unit/manager_world.hpp"

namespace toxasync::test {

using manager::BookedNode;
using manager::NodeBook;
using manager::Origin;
using protocol::NodeId;

inline constexpr std::int64_t day_s = 86400;

/// 9.a.b.1: a public address.
inline Endpoint address(std::uint32_t a, std::uint32_t b = 0) {
  return {4, {9, static_cast<std::uint8_t>(a), static_cast<std::uint8_t>(b), 1}, 33445};
}

inline NodeId node_id(std::uint8_t number) {
  NodeId id{};
  id.fill(number);
  return id;
}

/// A node that can sign.
struct Signer {
  explicit Signer(std::uint64_t seed) : random(seed), key(random.array<32>()) {}
  [[nodiscard]] const NodeId& id() const { return key.public_key(); }
  [[nodiscard]] Bytes descriptor(const std::vector<Endpoint>& at) {
    protocol::NodeDescriptor descriptor;
    descriptor.id = id();
    descriptor.key = crypto::KeyPair::generate(random).public_key;
    for (const Endpoint& endpoint : at) {
      descriptor.addresses.push_back({endpoint});
    }
    return descriptor.encode_signed(key);
  }
  SeededRandom random;
  crypto::SigningKey key;
};

/// A book, and what it stands on. Nothing is sent.
struct BookRig {
  struct Deaf final : client::ClientListener, manager::ManagerListener, manager::FriendChannel {
    void on_stored(client::OperationId, const client::StoreResult&, Now) noexcept override {}
    void on_envelopes(client::OperationId, std::vector<Bytes>, Now) noexcept override {}
    void on_retrieved(client::OperationId, const client::RetrieveResult&, Now) noexcept override {}
    void on_peers(client::OperationId, const client::PeersResult&, Now) noexcept override {}
    void on_discovered(client::OperationId, const client::DiscoverResult&, Now) noexcept override {}
    void on_node_news(const client::NodeNews&, Now) noexcept override {}
    void on_message(const manager::ReceivedMessage&) noexcept override {}
    void on_message_state(const manager::MessageStatus&) noexcept override {}
    void on_friend_ready(const manager::FriendKey&) noexcept override {}
    manager::ChannelSend send(const manager::FriendKey&, ByteView) noexcept override {
      return manager::ChannelSend::offline;
    }
  };

  const bool ready = crypto::initialise();
  ManualClock clock;
  SeededRandom random{1};
  QuietLog log;
  Metrics metrics;
  Telemetry telemetry{metrics, log};
  RecordingTransport transport;
  Deaf deaf;
  manager::ManagerConfig config;
  crypto::KeyPair self = crypto::KeyPair::generate(random);
  client::Client client{transport, random, telemetry, deaf};
  store::MemoryState state;
  manager::Journal journal{state, clock, telemetry};
  manager::Events events{deaf};
  manager::Services services{self, client, deaf, journal, clock, random, telemetry, deaf, events, config};
  std::set<NodeId> homes;
  std::unique_ptr<NodeBook> book = open();

  std::unique_ptr<NodeBook> open() {
    return std::make_unique<NodeBook>(services, [this](const NodeId& id) { return homes.contains(id); });
  }
  void save() {
    clock.advance_ms(NodeBook::save_after_ms);
    book->tick(clock.now());
    journal.tick(clock.steady_ms());
  }
  void restart() {
    save();
    book = open();
    for (const auto& entry : state.load()) {
      BOOST_TEST(book->load(entry));
    }
  }
  void learn(std::uint8_t number, Origin origin) {
    book->learn(client::KnownNode{node_id(number), {address(number)}}, origin);
  }
  void answers(const NodeId& id, Bytes descriptor = {}, const Endpoint& from = {}) {
    book->on_news({id, true, from, std::move(descriptor)}, clock.now());
  }
  void fails(const NodeId& id) { book->on_news({id, false, {}, {}}, clock.now()); }
  /// Fails for so long, while another node answers.
  void fails_for(const NodeId& id, std::int64_t seconds) {
    learn(250, Origin::configured);
    for (std::int64_t passed = 0; passed <= seconds; passed += 1800) {
      answers(node_id(250));
      fails(id);
      clock.advance_s(1800);
    }
  }
  void learn_and_answer(std::uint8_t number, Origin origin) {
    learn(number, origin);
    answers(node_id(number));
  }
  const std::vector<Endpoint>& tried(const NodeId& id) { return book->find(id)->given; }
  void claim(std::uint8_t whose, const NodeId& id, const std::vector<Endpoint>& at) {
    protocol::HomeNode home{id, {}};
    for (const Endpoint& endpoint : at) {
      home.addresses.push_back({endpoint});
    }
    book->claim(node_id(whose), std::vector{home});
  }
};

using Ids = std::vector<NodeId>;

}  // namespace toxasync::test
