// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <algorithm>
#include <vector>

#include "manager/keys/friend_book.hpp"
#include "store/memory/memory_state.hpp"
#include "tests/support/manual_clock.hpp"
#include "tests/support/quiet_log.hpp"
#include "tests/support/recording_transport.hpp"
#include "tests/support/seeded_random.hpp"
#include "tests/support/time_print.hpp"

namespace toxasync::test {

/// What the classes of the manager stand on, and one friend, Bob, whose Tox keys the tests hold. There is no
/// manager and no network: operations that are started end when a test says how.
class ManagerParts : public manager::ManagerListener,
                     public manager::FriendChannel,
                     public manager::HomeNodesListener,
                     public manager::FriendBookListener {
 private:
  const bool ready_ = crypto::initialise();

 public:
  ManagerParts() { friends.add(bob_keys.friend_key()); }

  [[nodiscard]] manager::Friend& bob() { return *friends.find(bob_keys.friend_key()); }
  /// Rows of a table on the disk (docs/state.md).
  [[nodiscard]] std::size_t rows(char table) {
    state.tick(clock.now());
    const auto entries = disk.load();
    return static_cast<std::size_t>(std::ranges::count_if(
        entries, [&](const auto& entry) { return entry.key[0] == static_cast<std::uint8_t>(table); }));
  }
  [[nodiscard]] std::uint64_t operator[](Counter counter) const noexcept { return metrics.value(counter); }

  // ManagerListener
  bool on_message(const manager::ReceivedMessage& message) noexcept override {
    if (takes_messages) {
      shown.push_back(message);
    }
    return takes_messages;
  }
  void on_message_state(const manager::MessageStatus& status) noexcept override { states.push_back(status); }
  void on_friend_ready(const manager::FriendKey&) noexcept override {}
  // FriendChannel
  manager::ChannelSend send(const manager::FriendKey&, ByteView packet) noexcept override {
    channel_packets.emplace_back(packet.begin(), packet.end());
    return manager::ChannelSend::sent;
  }
  // HomeNodesListener, FriendBookListener
  void on_home_nodes_changed() override {}
  void on_friend_bundle(manager::Friend&) override {}
  bool mail_bundle(const manager::Friend&, const manager::Installation&,
                   const protocol::WholeBundle&) override {
    return false;
  }
  void drop_mailed_bundle(const manager::Friend&, crypto::Instance) override {}

  ManualClock clock;
  SeededRandom random{1};
  QuietLog log;
  Metrics metrics;
  Telemetry telemetry{metrics, log};
  RecordingTransport transport;
  client::Client client{transport, random, telemetry, nullptr};
  store::MemoryState disk;
  manager::TrustedClock trusted{clock, telemetry};
  manager::Journal state{disk, clock, telemetry};
  manager::Events events{*this, state};
  manager::ManagerConfig config;
  crypto::KeyPair self = crypto::KeyPair::generate(random);
  crypto::KeyPair bob_keys = crypto::KeyPair::generate(random);
  manager::Services services{self, client, *this, state, trusted, random, telemetry, *this, events, config};
  manager::KeyRing keys{services};
  manager::NodeBook book{services};
  manager::HomeNodes home_nodes{services, book, *this};
  manager::FriendBook friends{services, keys, home_nodes, *this};
  bool takes_messages = true;
  std::vector<manager::ReceivedMessage> shown;
  std::vector<manager::MessageStatus> states;
  std::vector<Bytes> channel_packets;
};

}  // namespace toxasync::test
