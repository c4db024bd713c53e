// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <memory>
#include <new>

#include "client/types.hpp"
#include "node/node.hpp"
#include "store/memory/memory_store.hpp"
#include "tests/support/manual_clock.hpp"
#include "tests/support/mock_transport.hpp"
#include "tests/support/quiet_log.hpp"
#include "tests/support/seeded_random.hpp"

namespace toxasync::test {

/// A real node on a MemoryStore. Its machine can be switched off and on.
class StorageNode final : public PacketReceiver {
 public:
  StorageNode(const ManualClock& clock, MockNetwork& network, std::uint64_t seed, std::uint32_t number)
      : endpoint(ipv4(number)),
        random(seed * 7919 + number),
        keys(node::NodeKeys::ephemeral(random, clock.unix_time())),
        clock_(clock),
        transport_(network.add(endpoint)) {
    start({});
    transport_.set_receiver(this);
  }

  void on_packet(const Route& from, ByteView packet) noexcept override {
    if (on_) {
      node->on_packet(transport_, from, packet, now());
    }
  }
  /// It gets another address.
  void move_to(MockNetwork& network, const Endpoint& to) {
    network.move(endpoint, to);
    endpoint = to;
  }
  void switch_off() { on_ = false; }
  void switch_on() { on_ = true; }
  [[nodiscard]] bool is_on() const noexcept { return on_; }
  /// It is started anew, and keeps mail no longer than that.
  void grant_at_most(seconds ttl) {
    node::NodeConfig config;
    config.longest_ttl = ttl;
    start(std::move(config));
  }
  /// As if somebody had stored it.
  void put(const crypto::MailboxAddress& where, ByteView envelope, UnixTime expires_at, UnixTime now) {
    store.put(std::uint64_t{1} << 60, store::box_of(where), crypto::envelope_id(where, envelope), envelope,
              expires_at, now);
    store.submit();
  }
  /// Everything that it has stored is gone, tombstones too.
  void lose_disk() { store.expire(last_date, SIZE_MAX); }
  [[nodiscard]] SteadyTime next() const { return on_ ? node->next_deadline() : never; }
  /// Out of memory, toxasyncd ends, and is started again.
  void tick() {
    try {
      const ProductCode product;
      node->tick(now());
    } catch (const std::bad_alloc&) {
      start({});
    }
  }
  /// It is started anew, on that store.
  void use(store::Store& other) {
    disk_ = &other;
    start({});
  }
  [[nodiscard]] client::KnownNode known() const { return {keys.id(), {endpoint}}; }

  QuietLog log;
  Metrics metrics;
  store::MemoryStore store;
  Endpoint endpoint;
  SeededRandom random;
  node::NodeKeys keys;
  std::unique_ptr<node::Node> node;
  milliseconds ahead = 0ms;  ///< Its wall clock is wrong by that.

 private:
  [[nodiscard]] Now now() const noexcept {
    Now now = clock_.now();
    now.wall += ahead;
    return now;
  }
  void start(node::NodeConfig config) {
    node = std::make_unique<node::Node>(disk_ != nullptr ? *disk_ : store, keys, random,
                                        Telemetry(metrics, log), std::move(config), now());
  }

  const ManualClock& clock_;
  MockTransport& transport_;
  store::Store* disk_ = nullptr;  ///< In place of `store`, if set.
  bool on_ = true;
};

}  // namespace toxasync::test
