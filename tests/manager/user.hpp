// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <functional>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "manager/manager.hpp"
#include "store/memory/memory_state.hpp"
#include "tests/support/mock_transport.hpp"
#include "tests/support/product_scope.hpp"
#include "tests/support/quiet_log.hpp"
#include "tests/support/seeded_random.hpp"

// world.hpp: where they live.

namespace toxasync::test {

class World;

/// The world's clock, with a wall clock that may be wrong.
struct SkewedClock final : Clock {
  explicit SkewedClock(const Clock& right) : right_clock(right) {}
  [[nodiscard]] Now now() const noexcept override {
    Now now = right_clock.now();
    now.wall += ahead;
    return now;
  }
  const Clock& right_clock;
  milliseconds ahead = 0ms;
};

/// A manager with all that it stands on, the application above it, and the machine it runs on.
class User final : public manager::ManagerListener {
 public:
  User(World& world, std::uint32_t number);

  /// The program starts: with what is on its disk, and the friends in the host's list.
  void start();
  /// The program ends at once; what was not durable is gone, and everybody sees it go offline.
  void crash();
  [[nodiscard]] bool running() const noexcept { return manager != nullptr; }

  /// Sends; the id, which must be given.
  crypto::MessageId send(const User& to, std::string_view text,
                         crypto::MessageKind kind = crypto::MessageKind::normal);
  [[nodiscard]] std::vector<std::string> texts() const;
  /// States told of a message, as "queued stored:1/3 delivered".
  [[nodiscard]] std::string told(const crypto::MessageId& id) const;
  [[nodiscard]] std::uint64_t operator[](Counter counter) const noexcept { return metrics.value(counter); }
  /// Entries of a table on the disk (docs/state.md).
  [[nodiscard]] std::size_t rows(char table) const;

  bool on_message(const manager::ReceivedMessage& message) noexcept override;
  void on_message_state(const manager::MessageStatus& status) noexcept override {
    const TestCode test;
    states.push_back(status);
  }
  void on_friend_ready(const manager::FriendKey& key) noexcept override {
    const TestCode test;
    ready.push_back(key);
  }
  bool on_friend_request(const manager::ReceivedRequest& request) noexcept override {
    const TestCode test;
    if (takes_requests) {
      requests.push_back(request);
    }
    return takes_requests;
  }

  void on_friend_request_state(const manager::RequestStatus& status) noexcept override {
    const TestCode test;
    request_states.push_back(status);
  }

  QuietLog log;
  Metrics metrics;
  SkewedClock clock;
  std::unique_ptr<SeededRandom> random;
  ByteArray<32> secret{};
  manager::FriendKey key{};
  Endpoint endpoint;
  manager::ManagerConfig config;
  std::unique_ptr<store::MemoryState> state;
  store::StateStore* disk = nullptr;  ///< In place of `state`, if set.
  std::unique_ptr<manager::Manager> manager;
  std::set<manager::FriendKey> friends;  ///< In the host's list.

  std::vector<manager::ReceivedMessage> shown;
  std::vector<manager::MessageStatus> states;
  std::vector<manager::FriendKey> ready;
  std::vector<manager::ReceivedRequest> requests;
  std::vector<manager::RequestStatus> request_states;
  std::function<void(const manager::ReceivedMessage&)> inside_on_message;
  bool takes_messages = true;  ///< Else it refuses what it is offered.
  bool takes_requests = true;  ///< Likewise.
  std::size_t refusals = 0;

 private:
  friend class World;
  struct Channel final : manager::FriendChannel {
    explicit Channel(User& user) : user_(user) {}
    manager::ChannelSend send(const manager::FriendKey& to, ByteView packet) noexcept override;
    User& user_;
  };

  World& world_;
  MockTransport& transport_;
  Channel channel_{*this};
};

}  // namespace toxasync::test
