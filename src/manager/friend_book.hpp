// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <vector>

#include "manager/deadline_queue.hpp"
#include "manager/key_ring.hpp"
#include "protocol/bundle.hpp"
#include "protocol/friend_packet.hpp"

namespace toxasync::manager {

struct OneTimeKey {
  crypto::Point key{};
  std::int64_t use_until_s = 0;  ///< Of the bundle that brought it: later ones do not renew it.

  static constexpr std::size_t min_encoded_size = limits::point + 8;

  template <class Archive>
  void serialize(Archive& ar, unsigned /*version*/) {
    wire::fields(ar, key, use_until_s);
  }
};

/// What a friend gave us: where his mail goes and with which keys.
struct TheirBundle {
  protocol::BundleVersion version;
  crypto::Point root{};
  crypto::Point last_resort{};
  ByteArray<32> signer{};  ///< Later bundles of the instance must be signed by it.
  std::int64_t use_until_s = 0;
  std::vector<protocol::HomeNode> home_nodes;
  std::vector<OneTimeKey> one_time;  ///< Used from the front; `used` of them are gone.
  std::uint32_t used = 0;
};

struct Friend {
  FriendKey key{};
  bool listed = false;  ///< The host has him in its list.
  bool online = false;
  // Kept on disk:
  /// Our installation, for him. Of one friendship: when it was ended and begun again, what he had of us
  /// before (keys that we have dropped, our place in the order of messages) counts no longer.
  std::uint64_t instance = 0;
  std::uint64_t replaces = 0;       ///< Our instance before this one, if there was any.
  crypto::Secret<32> signer_seed;   ///< Of the Ed25519 key that signs our bundles for him.
  std::uint64_t our_version = 0;    ///< Of the last bundle made for him.
  std::uint64_t taken_version = 0;  ///< Of the last one he acknowledged.
  ByteArray<16> our_content{};      ///< What our_version said of root, nodes and last-resort key.
  std::uint64_t next_sequence = 1;
  std::optional<TheirBundle> theirs;
  // In memory:
  std::uint64_t durable_version = 0;    ///< Of our bundles for him, the last one on disk.
  bool has_no_keys = false;             ///< Of this instance, which is new: those we hold were another's.
  std::size_t bundles_under_way = 0;    ///< Bundles of his, to the disk.
  std::optional<TheirBundle> incoming;  ///< A bundle whose packets are still coming.
  std::size_t incoming_count = 0;
  ByteArray<32> incoming_hash{};  ///< Of its one-time keys.
  std::deque<Bytes> to_send;      ///< Packets for the friend channel, sent at a steady pace.
};

/// Friends, the exchange of bundles with them, and the packets that wait for the friend channel
/// (docs/protocol.md, section 5).
class FriendBook {
 public:
  static constexpr std::size_t bundle_keys = 100;  ///< One-time keys that a friend is given.
  static constexpr std::size_t top_up_below = 30;  ///< Unused ones at which he gets new ones.
  static constexpr std::size_t keys_held = 300;    ///< One-time keys for one friend, given away in vain too.
  static constexpr std::size_t bundles_under_way = 4;  ///< Of one friend, to the disk; more are dropped.
  static constexpr std::size_t packets_per_beat =
      8;  ///< To one friend; a full send queue collapses toxcore's rate.
  static constexpr std::int64_t beat_ms = 50;
  static constexpr std::int64_t full_queue_pause_ms = 500;
  static constexpr std::size_t packets_waiting =
      4096;  ///< For one friend; more are dropped, and their message stored.

  using HomeNodes = std::function<std::vector<protocol::HomeNode>()>;
  using BundleTaken = std::function<void(Friend&)>;

  /// `own_nodes` yields our home nodes; `on_bundle` is called when a friend's bundle is on our disk.
  FriendBook(const Services& services, KeyRing& keys, HomeNodes own_nodes, BundleTaken on_bundle);

  bool load(const store::StateEntry& entry);

  [[nodiscard]] Friend* find(const FriendKey& key) noexcept;  ///< Listed friends only.
  Friend& add(const FriendKey& key);
  /// Forgets him and his keys.
  void remove(const FriendKey& key, store::StateBatch& batch);
  void set_online(Friend& whom, bool online);
  /// Sends our bundle to friends who are online and have an older one.
  void bundle_changed();
  /// He has used some of his one-time keys: gives him new ones if few are left.
  void top_up(const FriendKey& key);
  /// Friends whom the host does not have.
  [[nodiscard]] std::vector<FriendKey> unlisted() const;

  /// Bundle packets (types 1 to 3). False: refused (counted).
  bool on_packet(Friend& from, const protocol::FriendPacket& packet);

  /// A pre-key of the friend's for a new message, marked as used in `batch`.
  crypto::Point take_pre_key(Friend& whom, std::int64_t now_s, store::StateBatch& batch);
  [[nodiscard]] bool can_seal(const Friend& whom, std::int64_t now_s) const noexcept;
  void save(const Friend& whom, store::StateBatch& batch) const;

  /// Queues a packet for the friend channel. False: too many wait, or he is offline.
  bool enqueue(Friend& whom, Bytes packet);
  void tick(std::int64_t now_ms);
  [[nodiscard]] std::int64_t next_deadline_ms() const noexcept { return beats_.next_ms(); }

  template <class Visit>
  void for_each(Visit visit) {
    for (auto& [key, whom] : friends_) {
      if (whom.listed) {
        visit(whom);
      }
    }
  }

 private:
  /// `again`: also when it was sent already, and he has not acknowledged it.
  void offer_bundle(Friend& whom, bool again = false);
  void send_bundle(Friend& whom);
  bool on_head(Friend& from, ByteView message);
  bool on_keys(Friend& from, ByteView message);
  bool on_taken(Friend& from, ByteView message);
  bool finish_incoming(Friend& from);
  void renew_instance(Friend& whom);
  void acknowledge(Friend& whom, const protocol::BundleVersion& version);
  [[nodiscard]] ByteArray<16> content_now() const;

  const Services& services_;
  KeyRing& keys_;
  HomeNodes own_nodes_;
  BundleTaken on_bundle_;
  std::map<FriendKey, Friend> friends_;
  DeadlineQueue<FriendKey> beats_;
};

}  // namespace toxasync::manager
