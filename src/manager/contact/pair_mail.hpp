// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <bitset>
#include <map>
#include <optional>
#include <set>
#include <unordered_map>

#include "manager/contact/bundle_exchange.hpp"
#include "manager/contact/contact_nodes.hpp"
#include "manager/core/rate_limiter.hpp"
#include "manager/core/services.hpp"
#include "manager/polling/mailbox_watch.hpp"

namespace toxasync::manager {

/// Bundles left in the pair mailboxes, for friends who were never online together with us and the plugin
/// (docs/protocol.md, "First contact"). All friends share one small budget of operations, in turn.
class PairMail final : BundleReadyListener,
                       private client::StoreResultListener,
                       private client::RetrieveListener {
 public:
  static constexpr crypto::Epoch epoch_step = 3;
  static constexpr std::size_t parts = 8;  ///< Of one bundle.
  static constexpr seconds parts_kept = 24h;
  static constexpr seconds ttl = limits::largest_time_to_live;
  static constexpr seconds post_every = 24h;
  /// Since the start, or since somebody became a friend: who is online is seen by then, and takes the bundle
  /// directly.
  static constexpr milliseconds post_after = 30s;
  static constexpr milliseconds ask_again = 10min;  ///< For a bundle to post, when there was none.
  static constexpr milliseconds longest_ask_again = 2h;
  static constexpr std::size_t posts_under_way = 64;  ///< More wait.
  static constexpr unsigned attempts_per_node = 3;
  static constexpr std::size_t home_nodes_used = 3;  ///< Of ours, to post on,
  static constexpr std::size_t nearest_used = 3;     ///< and of the nearest, to post and to look.
  static constexpr std::int64_t burst = 30;
  static constexpr milliseconds operation_each = 30s;
  static constexpr std::size_t operations_under_way = 8;
  /// Mean time between two looks into the present mailbox, in polls of a home node.
  static constexpr std::int64_t watch_in_polls = 30;

  static_assert(limits::parts_needed(limits::whole_bundle) <= parts);

  PairMail(const Services& services, const ContactNodes& nodes, BundleExchange& bundles, NodeHealth& health);

  bool load(const store::StateEntry& entry);
  void add(const FriendKey& key, Now now);
  void remove(const FriendKey& key, store::StateBatch& batch);
  /// Records of people who are not in the host's list.
  void forget_unlisted(store::StateBatch& batch);
  [[nodiscard]] bool is_friend(const FriendKey& key) const noexcept;
  /// What the exchange says of them may have changed, or they may have posted something: soon.
  void look_again(const FriendKey& key, Now now);
  void look_again_at_all(Now now);

  void tick(Now now);
  void drop_expired(const CertainDate& date, store::StateBatch& batch);
  [[nodiscard]] SteadyTime next_deadline() const noexcept {
    return pairs_.empty() ? never : rate_limiter_.next();
  }

 private:
  struct Target {
    protocol::NodeId node{};
    std::bitset<parts> done;
    std::bitset<parts> under_way;
    unsigned failures = 0;
  };
  /// A bundle of ours on its way into a mailbox.
  struct Post {
    std::uint64_t serial = 0;
    UnixTime made{};
    crypto::WritableMailbox mailbox;
    std::vector<Bytes> envelopes;
    std::vector<Target> targets;
    bool durable = false;  ///< What the bundle promises is on our disk.
    bool placed = false;   ///< One node has all of it.
  };
  /// Parts of a bundle that have come, all of them on our disk.
  struct Assembly {
    crypto::MessageId id{};
    std::uint8_t parts = 0;
    UnixTime since{};
    UnixTimeMs sent_at{};
    std::map<std::uint8_t, Bytes> texts;
  };
  struct Pair {
    explicit Pair(milliseconds mean) : watch(epoch_step, mean) {}

    bool listed = false;
    UnixTime posted{};  ///< On disk, with watch.finished().
    MailboxWatch watch;
    std::optional<Post> post;
    SteadyTime ask_at{};
    milliseconds ask_backoff = ask_again;
    Assembly assembly;
    std::optional<crypto::MessageId> last_accepted;  ///< Of their bundles.
  };
  struct Operation {
    FriendKey who{};
    protocol::NodeId node{};
    crypto::Epoch epoch = 0;
    std::uint64_t serial = 0;  ///< Of the post; 0: a visit.
    std::size_t part = 0;
  };
  enum class Step : std::uint8_t { none, made, begun };
  /// What the envelopes of one retrieve change once it is on disk.
  struct Intake {
    store::StateBatch batch;
    std::vector<std::pair<crypto::MessageId, std::uint8_t>> parts;
    std::optional<crypto::MessageId> accepted;
    std::optional<crypto::MessageId> ended;  ///< All its parts were there.
  };

  void on_bundle_ready(const FriendKey& key) override { look_again(key, services_.clock.now()); }
  Pair& pair_of(const FriendKey& key);
  [[nodiscard]] Pair* find(const FriendKey& key) noexcept;
  void save(const FriendKey& key, const Pair& pair);

  Step step(Now now);
  Step post_step(const FriendKey& key, Pair& pair, Now now);
  Step make_post(const FriendKey& key, Pair& pair, Now now);
  bool seal(const FriendKey& key, const protocol::WholeBundle& bundle, Post& post, Now now);
  bool store_next(const FriendKey& key, Post& post, Now now);
  void end_post(Pair& pair, Now now);
  void count_posted(const FriendKey& key, Pair& pair);
  bool visit(const FriendKey& key, Pair& pair, Now now);

  /// Our end of the mailbox of an epoch, for mail to them or from them.
  [[nodiscard]] std::optional<crypto::OwnedMailbox> mailbox_to(const FriendKey& key, crypto::Epoch e) const;
  [[nodiscard]] std::optional<crypto::OwnedMailbox> mailbox_from(const FriendKey& key, crypto::Epoch e) const;
  std::vector<protocol::NodeId> nodes_to_post_on(const crypto::Point& p) const;
  std::vector<protocol::NodeId> nodes_to_look_on(const FriendKey& key, const crypto::Point& p) const;

  void open(const FriendKey& key, Pair& pair, const crypto::OwnedMailbox& mailbox, ByteView envelope,
            Intake& intake);
  void add_part(const FriendKey& key, Pair& pair, const crypto::MessageId& id, crypto::EnvelopeBody body,
                Intake& intake);
  void accept_whole(const FriendKey& key, const crypto::MessageId& id, ByteView text, Intake& intake);
  void drop_parts(const FriendKey& key, Pair& pair, store::StateBatch& batch);
  void on_stored(client::OperationId operation, const client::StoreResult& result, Now now) override;
  void on_envelopes(client::OperationId operation, std::vector<client::FetchedEnvelope> envelopes,
                    Now now) override;
  void on_retrieved(client::OperationId operation, const client::RetrieveResult& result, Now now) override;
  void intake_written(client::OperationId operation, const FriendKey& key, const Intake& intake,
                      bool durable);

  const Services& services_;
  const ContactNodes& nodes_;
  BundleExchange& bundles_;
  NodeHealth& health_;
  std::map<FriendKey, Pair> pairs_;
  std::unordered_map<client::OperationId, Operation> operations_;
  std::vector<Bytes> orphans_;  ///< Keys of records that are of no use.
  RateLimiter rate_limiter_{burst, operation_each};
  FriendKey turn_{};  ///< Whose turn it was last.
  std::uint64_t last_serial_ = 0;
  std::size_t posts_ = 0;
  SteadyTime post_from_{};
};

}  // namespace toxasync::manager
