// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <span>
#include <vector>

#include "base/clock.hpp"
#include "base/metrics.hpp"
#include "base/transport.hpp"
#include "manager/core/friend_channel.hpp"
#include "protocol/node_descriptor.hpp"
#include "store/state_store.hpp"

namespace toxasync::manager {

/// How many packets go to addresses from which no node has answered yet. Friends and nodes can name the
/// address of any stranger, and new ones all the time: an address gets one packet, and then a few a day; a
/// host no more, however many of its ports are named; and what one friend names, a number a day
/// (docs/protocol.md, section 7).
class AddressBudget {
 public:
  /// Between two packets to an address; the last pause is repeated.
  static constexpr std::array<milliseconds, 4> pauses{1min, 10min, 1h, 6h};
  /// To all addresses of one public host (an IPv4 address, an IPv6 /64) at once, and one more each:
  static constexpr std::int64_t packets_per_host = 8;
  static constexpr milliseconds host_each = 6h;
  /// To all that one friend names at once, and one more each. What no friend names shares one such number.
  static constexpr std::int64_t packets_per_friend = 60;
  static constexpr milliseconds friend_each = milliseconds(24h) / packets_per_friend;
  /// To all that one node says of itself, as friends': it can say another one each minute.
  static constexpr std::int64_t packets_per_node = 8;
  static constexpr milliseconds node_each = 3h;
  /// Addresses, hosts and nodes remembered; past that the first to go is the one that may be sent to soonest.
  static constexpr std::size_t most_remembered = 4096;

  /// Who names an address.
  struct Named {
    std::vector<FriendKey> by;
    std::optional<protocol::NodeId> by_node;  ///< Only the node itself does; `by` names the node.
  };
  [[nodiscard]] bool may_send(const Endpoint& to, const Named& named, SteadyTime now) const;
  /// What of it is to be kept: what hosts are sent is counted over restarts.
  [[nodiscard]] store::StateBatch on_sent(const Endpoint& to, const Named& named, Now now);
  bool load(const Telemetry& telemetry, const store::StateEntry& entry, Now now);
  /// Hosts that may be sent all again: their rows go.
  void forget_full(SteadyTime now, store::StateBatch& batch);
  void forget(const FriendKey& who) { of_friend_.erase(who); }

 private:
  struct Tried {
    std::size_t packets = 0;
    SteadyTime next{};
  };
  /// Holds `most` packets when it is full at `full_at`, and one less for each `each` before that.
  struct Bucket {
    SteadyTime full_at{};
    [[nodiscard]] bool has(SteadyTime now, std::int64_t most, milliseconds each) const noexcept {
      return full_at - now <= (most - 1) * each;
    }
    void spend(SteadyTime now, milliseconds each) noexcept { full_at = std::max(full_at, now) + each; }
  };
  [[nodiscard]] const FriendKey* payer(std::span<const FriendKey> friends, SteadyTime now) const;

  std::map<Endpoint, Tried> tried_;
  std::map<Endpoint, Bucket> of_host_;
  std::map<FriendKey, Bucket> of_friend_;
  std::map<protocol::NodeId, Bucket> of_node_;
};

}  // namespace toxasync::manager
