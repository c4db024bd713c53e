// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cassert>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "base/transport.hpp"
#include "manual_clock.hpp"
#include "product_scope.hpp"
#include "seeded_random.hpp"

namespace toxasync::test {

/// 10.x.y.z for `host` = x.y.z.
inline Endpoint ipv4(std::uint32_t host, std::uint16_t port = 33445) noexcept {
  Endpoint endpoint{4, {}, port};
  endpoint.ip[0] = 10;
  endpoint.ip[1] = static_cast<std::uint8_t>(host >> 16);
  endpoint.ip[2] = static_cast<std::uint8_t>(host >> 8);
  endpoint.ip[3] = static_cast<std::uint8_t>(host);
  return endpoint;
}

class MockNetwork;

/// One end of a MockNetwork, at an endpoint.
class MockTransport final : public Transport {
 public:
  MockTransport(MockNetwork& network, const Endpoint& endpoint) noexcept
      : network_(network), endpoint_(endpoint) {}

  [[nodiscard]] TransportKind kind() const noexcept override { return TransportKind::mock; }
  bool send(const Route& to, ByteView packet) noexcept override;
  void set_receiver(PacketReceiver* receiver) noexcept override { receiver_ = receiver; }

  [[nodiscard]] const Endpoint& endpoint() const noexcept { return endpoint_; }
  /// The way to this end.
  [[nodiscard]] Route route() const noexcept { return MockTransport::route_to(endpoint_); }
  static Route route_to(const Endpoint& endpoint) noexcept {
    Route route;
    route.endpoint = endpoint;
    return route;
  }
  /// While true, send() takes nothing: the transport is down.
  void set_broken(bool broken) noexcept { broken_ = broken; }

 private:
  friend class MockNetwork;

  MockNetwork& network_;
  Endpoint endpoint_;
  PacketReceiver* receiver_ = nullptr;
  bool broken_ = false;
};

/// What happens to packets on the way. A jitter larger than the gap between two packets reorders them.
struct LinkConditions {
  std::uint32_t loss_per_mille = 0;
  std::uint32_t duplicate_per_mille = 0;
  milliseconds delay = 1ms;
  milliseconds jitter = 0ms;  ///< Added to the delay, uniform in [0, jitter].
};

/// A network of datagrams in virtual time: seeded, so that a run can be repeated. Packets are delivered by
/// deliver_due() and run_until() only, never inside send().
///
///     ManualClock clock;
///     MockNetwork net(clock, 42);
///     MockTransport& node = net.add(ipv4(1));
///     node.set_receiver(&receiver);
///     net.run_until(clock.steady() + 5s, [&] { client.tick(clock.now()); });
class MockNetwork {
 public:
  struct Packet {
    SteadyTime sent{};
    Endpoint from;
    Endpoint to;
    Bytes bytes;
    bool lost = false;  ///< Dropped on the way, or nobody was there to take it when it was sent.
  };

  MockNetwork(ManualClock& clock, std::uint64_t seed) : clock_(clock), random_(seed) {}

  /// A new end; it lives as long as the network, or until remove().
  MockTransport& add(const Endpoint& endpoint) {
    auto& slot = ends_[endpoint];
    assert(!slot);
    slot = std::make_unique<MockTransport>(*this, endpoint);
    return *slot;
  }
  /// The machine has another address from now on.
  void move(const Endpoint& from, const Endpoint& to) {
    assert(!ends_.contains(to));
    auto end = ends_.extract(from);
    end.key() = to;
    end.mapped()->endpoint_ = to;
    ends_.insert(std::move(end));
  }
  /// The machine is gone; what is under way to it is lost. Its MockTransport is destroyed.
  void remove(const Endpoint& endpoint) { ends_.erase(endpoint); }

  void set_conditions(const LinkConditions& conditions) noexcept { conditions_ = conditions; }
  /// Conditions of one direction of one link, in place of the general ones.
  void set_conditions(const Endpoint& from, const Endpoint& to, const LinkConditions& conditions) {
    links_[{from, to}] = conditions;
  }
  /// Called for every packet sent; true drops it. It may change the bytes, as an attacker on the way would.
  void set_filter(std::function<bool(Packet&)> filter) { filter_ = std::move(filter); }

  /// Everything that was sent, in order, lost packets too.
  [[nodiscard]] const std::vector<Packet>& log() const noexcept { return log_; }
  void clear_log() noexcept { log_.clear(); }
  /// Long simulations switch the log off.
  void keep_log(bool keep) noexcept { keep_log_ = keep; }

  /// Puts a packet on its way with a source address of the caller's choice: spoofing, replays.
  void inject(const Endpoint& from, const Endpoint& to, ByteView bytes) {
    Packet packet{clock_.steady(), from, to, Bytes(bytes.begin(), bytes.end()), false};
    const auto link = links_.find({from, to});
    const LinkConditions& conditions = link == links_.end() ? conditions_ : link->second;
    packet.lost =
        (filter_ && filter_(packet)) || random_.chance(conditions.loss_per_mille) || !ends_.contains(to);
    if (!packet.lost) {
      queue(packet, conditions);
      if (random_.chance(conditions.duplicate_per_mille)) {
        queue(packet, conditions);
      }
    }
    if (keep_log_) {
      log_.push_back(std::move(packet));
    }
  }

  /// When the next packet arrives.
  [[nodiscard]] std::optional<SteadyTime> next_delivery() const noexcept {
    return under_way_.empty() ? std::nullopt : std::optional(under_way_.begin()->first);
  }

  /// Delivers what has arrived by now, also what is sent meanwhile with no delay. Returns how many.
  std::size_t deliver_due() {
    std::size_t delivered = 0;
    while (!under_way_.empty() && under_way_.begin()->first <= clock_.steady()) {
      const Packet packet = std::move(under_way_.begin()->second);
      under_way_.erase(under_way_.begin());
      const auto end = ends_.find(packet.to);
      if (end != ends_.end() && end->second->receiver_ != nullptr) {
        const ProductCode product;
        end->second->receiver_->on_packet(MockTransport::route_to(packet.from), packet.bytes);
        ++delivered;
      }
    }
    return delivered;
  }

  /// Lets time pass up to `end`, stopping at every delivery and at least every `step`; after
  /// each stop calls `on_step`, where ticks belong.
  void run_until(
      SteadyTime end, const std::function<void()>& on_step = [] {}, milliseconds step = 100ms) {
    for (;;) {
      deliver_due();
      on_step();
      if (clock_.steady() >= end) {
        return;
      }
      const SteadyTime next = std::min(end, clock_.steady() + std::max(step, 1ms));
      clock_.advance_to(std::clamp(next_delivery().value_or(next), clock_.steady(), next));
    }
  }

 private:
  void queue(const Packet& packet, const LinkConditions& conditions) {
    const milliseconds jitter = random_.below(conditions.jitter + 1ms);
    under_way_.emplace(clock_.steady() + conditions.delay + jitter, packet);
  }

  ManualClock& clock_;
  SeededRandom random_;
  LinkConditions conditions_;
  std::map<std::pair<Endpoint, Endpoint>, LinkConditions> links_;
  std::function<bool(Packet&)> filter_;
  std::map<Endpoint, std::unique_ptr<MockTransport>> ends_;
  std::multimap<SteadyTime, Packet> under_way_;  ///< By arrival; equal times keep the order of sending.
  std::vector<Packet> log_;
  bool keep_log_ = true;
};

inline bool MockTransport::send(const Route& to, ByteView packet) noexcept {
  if (broken_) {
    return false;
  }
  const TestCode test;
  network_.inject(endpoint_, to.endpoint, packet);
  return true;
}

}  // namespace toxasync::test
