// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <memory>
#include <vector>

#include "manager/nodes/node_book.hpp"
#include "tests/support/recording_transport.hpp"
#include "tests/support/samples.hpp"
#include "world.hpp"

namespace toxasync::test {

using manager::BookedNode;
using manager::FriendKey;
using manager::NodeBook;
using manager::Origin;
using protocol::NodeId;

/// 9.a.b.1: a public address.
inline Endpoint address(std::uint32_t a, std::uint32_t b = 0) {
  return {4, {9, static_cast<std::uint8_t>(a), static_cast<std::uint8_t>(b), 1}, 33445};
}

inline NodeId node_id(std::uint8_t number) {
  NodeId id{};
  std::ranges::fill(id, number);
  return id;
}

/// A node that can sign.
struct Signer {
  explicit Signer(std::uint64_t seed) : random(seed), key(random.array<32>()) {}
  [[nodiscard]] NodeId id() const { return NodeId(key.public_key()); }
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
struct BookFixture {
  struct Deaf final : manager::ManagerListener, manager::FriendChannel {
    bool on_message(const manager::ReceivedMessage&) noexcept override { return true; }
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
  client::Client client{transport, random, telemetry, nullptr};
  store::MemoryState state;
  manager::TrustedClock trusted{clock, telemetry};
  manager::Journal journal{state, clock, telemetry};
  manager::Events events{deaf, journal};
  manager::Services services{self, client, deaf, journal, trusted, random, telemetry, deaf, events, config};
  std::unique_ptr<NodeBook> book = open();

  std::unique_ptr<NodeBook> open() { return std::make_unique<NodeBook>(services); }
  void save() {
    clock.advance(NodeBook::save_after);
    book->tick(clock.now());
    journal.tick(clock.now());
  }
  void restart() {
    save();
    crash();
  }
  /// Without what would have been written later.
  void crash() {
    journal.tick(clock.now());
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
  void fails_for(const NodeId& id, milliseconds time) {
    learn(250, Origin::configured);
    for (milliseconds passed = 0s; passed <= time; passed += 30min) {
      answers(node_id(250));
      fails(id);
      clock.advance(30min);
    }
  }
  void learn_and_answer(std::uint8_t number, Origin origin) {
    learn(number, origin);
    answers(node_id(number));
  }
  /// A friend names nodes that answer.
  void name(std::uint8_t whose, std::initializer_list<std::uint8_t> numbers) {
    std::vector<protocol::HomeNode> homes;
    for (const auto number : numbers) {
      homes.push_back({node_id(number), {{address(number)}}});
    }
    book->claim(numbered<FriendKey>(whose), homes);
    for (const auto number : numbers) {
      answers(node_id(number), {}, address(number));
    }
  }
  const std::vector<Endpoint>& tried(const NodeId& id) { return book->find(id)->given; }
  void claim(std::uint8_t whose, const NodeId& id, const std::vector<Endpoint>& at) {
    protocol::HomeNode home{id, {}};
    for (const Endpoint& endpoint : at) {
      home.addresses.push_back({endpoint});
    }
    book->claim(numbered<FriendKey>(whose), std::vector{home});
  }
};

using Ids = std::vector<NodeId>;

}  // namespace toxasync::test
