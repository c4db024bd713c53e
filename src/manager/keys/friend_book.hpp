// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <array>
#include <map>
#include <optional>
#include <vector>

#include "manager/core/deadline_queue.hpp"
#include "manager/keys/bundle_intake.hpp"
#include "manager/keys/friend.hpp"
#include "manager/keys/key_ring.hpp"
#include "manager/nodes/home_nodes.hpp"
#include "protocol/friend_packet.hpp"

namespace toxasync::manager {

/// The manager: mails our bundles, and reports those of friends.
class FriendBookListener {
 public:
  virtual ~FriendBookListener() = default;
  /// A friend's bundle is on our disk.
  virtual void on_friend_bundle(Friend& who) = 0;
  /// The installation has not acknowledged our bundle, and can be mailed to. False: it was not mailed.
  virtual bool mail_bundle(const Friend& who, const Installation& to,
                           const protocol::WholeBundle& bundle) = 0;
  /// It has now, or a later one follows: the one that is on its way is not needed.
  virtual void drop_mailed_bundle(const Friend& who, crypto::Instance instance) = 0;
};

/// Friends, the exchange of bundles with them, and the packets that wait for the friend channel
/// (docs/protocol.md, section 5).
class FriendBook final : public Part, BundleIntakeListener {
 public:
  static constexpr std::size_t bundle_keys = 100;  ///< One-time keys that a friend is given.
  /// With every later bundle, for installations that lack the others.
  static constexpr std::size_t again_keys = 40;
  static constexpr std::size_t top_up_below = 30;  ///< Unused ones at which they get new ones.
  /// One-time keys for one friend, those that never arrived included. Past that there are new ones for
  /// whoever lacks them, in place of the earliest: when few are of use, and once in refill_every.
  static constexpr std::size_t keys_held = 500;
  /// Our instance for a friend is renewed so often at most: others can make it seem necessary.
  static constexpr milliseconds renew_every = 24h;
  static constexpr milliseconds refill_every = 1h;
  /// Other addresses of our home nodes alone make a new bundle so often at most.
  static constexpr milliseconds tell_addresses_every = 6h;
  /// To one friend; a full send queue collapses toxcore's rate.
  static constexpr std::size_t packets_per_beat = 8;
  static constexpr milliseconds beat = 50ms;
  static constexpr milliseconds full_queue_pause = 500ms;
  /// For one friend; more are dropped, and their message is stored on nodes.
  static constexpr std::size_t packets_waiting = 4096;

  FriendBook(const Services& services, KeyRing& keys, const HomeNodes& home_nodes,
             FriendBookListener& listener);

  [[nodiscard]] std::span<const Table> tables() const noexcept override {
    static constexpr std::array tables{Table::friend_record, Table::friend_keys, Table::friend_use};
    return tables;
  }
  bool load(const store::StateEntry& entry) override;

  /// Listed friends only.
  [[nodiscard]] Friend* find(const FriendKey& key) noexcept override;
  [[nodiscard]] const Friend* find(const FriendKey& key) const noexcept;
  Friend& add(const FriendKey& key);
  /// Forgets them and their keys. Whether they may know our root.
  bool remove(const FriendKey& key, store::StateBatch& batch);
  void set_online(Friend& who, bool online);
  /// Gives our bundle to friends who have an older one: now if they are online, else by their mailbox.
  void bundle_changed();
  /// Home nodes were added or removed, or the user gave one other addresses.
  void home_nodes_changed();
  /// They have used some of their one-time keys: gives them new ones if few are left.
  void top_up(const FriendKey& key);
  /// A text of theirs came without a one-time key: an installation of theirs has none, whatever others have.
  void refill(const FriendKey& key);
  /// Friends who were given a bundle, and so have a box in each of our mailboxes.
  [[nodiscard]] std::vector<FriendKey> writers() const;
  /// Rises when writers() changes.
  [[nodiscard]] std::uint64_t writers_version() const noexcept { return writers_version_; }
  /// Friends who are not in the host's list.
  [[nodiscard]] std::vector<FriendKey> unlisted() const;

  /// Whether another bundle of theirs may be on its way to the disk.
  [[nodiscard]] static bool has_room_for_bundle(const Friend& from) noexcept {
    return BundleIntake::has_room(from);
  }
  /// Rises when one more may be, of somebody who had too many.
  [[nodiscard]] std::uint64_t reopened() const noexcept { return intake_.reopened(); }

  /// Bundle packets (types 1 to 3). False: refused (counted).
  bool on_packet(Friend& from, const protocol::FriendPacket& packet);

  /// A whole bundle, from a mailbox. False: refused (counted).
  bool on_whole_bundle(Friend& from, const protocol::WholeBundle& bundle, BundleSource source);
  /// Our bundle for a friend who has not acknowledged it. Nothing: they have, or it is not on our disk yet,
  /// or we have no home nodes.
  std::optional<protocol::WholeBundle> whole_bundle_for(Friend& who);
  /// An installation of theirs has the version, as a receipt of its message says.
  void bundle_confirmed(Friend& from, std::uint64_t version, crypto::Instance receiver);

  /// A pre-key for a new text, marked as used in `batch`: one-time, else the last-resort one.
  crypto::Point take_pre_key(const Friend& who, Installation& to, store::StateBatch& batch);
  /// A message of theirs used a pre-key that we do not have: our state or theirs is an old copy. Makes a new
  /// instance, with new keys.
  void renew_keys(Friend& who);
  void heard_of(Friend& who, crypto::Instance instance);
  [[nodiscard]] bool can_seal(const Friend& who) const noexcept;
  [[nodiscard]] bool usable(const Installation& one) const noexcept {
    return one.usable(services_.clock.for_good());
  }
  void save(const Friend& who, store::StateBatch& batch) const;

  /// Queues a packet for the friend channel. False: too many wait, or they are offline.
  bool enqueue(Friend& who, Bytes packet);
  void tick(Now now) override;
  [[nodiscard]] SteadyTime next_deadline() const noexcept override { return beats_.next(); }

  template <class Visit>
  void for_each(Visit visit) {
    for (auto& [key, who] : friends_) {
      if (who.listed) {
        visit(who);
      }
    }
  }

 private:
  /// `again`: also when it was sent already, and they have not acknowledged it.
  void offer_bundle(Friend& who, bool again = false);
  bool keep_bundle_current(Friend& who);
  void make_room(const Friend& who, std::size_t keys);
  void give_bundle(Friend& who);
  void send_bundle(Friend& who);
  [[nodiscard]] std::optional<protocol::WholeBundle> make_bundle(const Friend& who) const;
  bool on_bundle_taken(Friend& from, ByteView message);
  void renew_instance(Friend& who);
  void give_bundle_anew(Friend& who, crypto::Instance receiver);
  [[nodiscard]] ByteArray<16> content_now() const;
  void update_told_nodes();
  // BundleIntakeListener
  void acknowledge_bundle(Friend& who, const protocol::BundleVersion& version) override;
  void on_bundle_kept(Friend& from, bool first) override;

  const Services& services_;
  KeyRing& keys_;
  const HomeNodes& home_nodes_;
  FriendBookListener& listener_;
  BundleIntake intake_;
  std::map<FriendKey, Friend> friends_;
  std::vector<protocol::HomeNode> told_nodes_;  ///< As bundles name them,
  SteadyTime tell_addresses_from_{};            ///< and from when others of their addresses.
  std::uint64_t writers_version_ = 1;
  DeadlineQueue<FriendKey> beats_;
};

}  // namespace toxasync::manager
