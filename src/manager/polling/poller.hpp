// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <array>
#include <map>
#include <set>
#include <tuple>
#include <unordered_map>

#include "manager/core/deadline_queue.hpp"
#include "manager/inbox/inbox.hpp"
#include "manager/nodes/node_book.hpp"

namespace toxasync::manager {

/// Our home nodes, and when which of our mailboxes is asked for on them: each (node, root, epoch) by a
/// Poisson process of its own, until its epoch is final (docs/protocol.md, section 2). Cover mailboxes are
/// asked for in the same way and for the same time (section 10); what lies in them is deleted unread.
class Poller final : public Part, private client::RetrieveListener {
 public:
  /// Epochs in which mail may still lie: the longest time to live, and the edges.
  static constexpr crypto::Epoch epochs_back =
      static_cast<crypto::Epoch>(limits::largest_time_to_live_s / limits::epoch_length_s) + 1;
  static constexpr std::int64_t first_polls_within_ms = 300;
  static constexpr std::int64_t unserved_again_ms = 5000;
  static constexpr std::int64_t soon_polls_within_ms = 1000;
  /// The mailbox of the present epoch is asked for at poll_interval_ms. Those of the one before and the next
  /// one as often while that epoch is so near; else this many times more seldom, up to the longest mean.
  static constexpr std::int64_t edge_s = 1800;
  static constexpr std::int64_t seldom_factor = 5;
  static constexpr std::int64_t longest_seldom_ms = 600'000;
  /// A poll that a node asks for by an announcement waits for a random time of this mean, in which what is
  /// sent together comes together; and there is one at most of a mailbox in this time, whatever the node
  /// says.
  static constexpr std::int64_t announced_poll_mean_ms = 500;
  static constexpr std::int64_t announced_poll_every_ms = 5000;
  /// A home node that was given up is asked for so long: friends may still use an older bundle.
  static constexpr std::int64_t retired_kept_s = std::int64_t{45} * 86400;
  static constexpr std::size_t retired_nodes = 16;
  /// What a program that always runs polls of one root: the next epoch, the present one, and those before
  /// until they are final. After a longer absence cover is polled for the last epochs that it saw and for
  /// the present ones: it was not there in between.
  static constexpr crypto::Epoch cover_epochs = 4;

  /// Who made a node a home node.
  enum class By : std::uint8_t { user = 0, us = 1 };

  Poller(const Services& services, KeyRing& keys, Inbox& inbox, NodeBook& book)
      : services_(services), keys_(keys), inbox_(inbox), book_(book) {}

  [[nodiscard]] std::span<const Table> tables() const noexcept override {
    static constexpr std::array tables{Table::home_node, Table::watermark};
    return tables;
  }
  bool load(const store::StateEntry& entry) override;
  /// Brings the list of what to poll up to date. At the start, at a new epoch and when a node changed.
  void refresh(Now now);

  /// The user's word for a node that we picked makes it his.
  Result<bool, NodeError> add(const client::KnownNode& node, By by = By::user);
  Result<bool, NodeError> remove(const protocol::NodeId& id);
  [[nodiscard]] std::vector<protocol::HomeNode> home_nodes() const;
  /// Those of them that we picked.
  [[nodiscard]] std::vector<protocol::NodeId> picked() const;
  [[nodiscard]] std::vector<HomeNodeStatus> status() const;
  /// Whether it is a home node of ours or was one.
  [[nodiscard]] bool uses(const protocol::NodeId& id) const;

  /// Our mailbox of an epoch, if `address` is that of one of our roots. Nobody sends to a cover root.
  const crypto::OwnedMailbox* find_mailbox(crypto::Epoch epoch, const crypto::MailboxAddress& address);

  void poll_soon(Now now);
  /// Whether all that may hold mail was asked for since then: of cover nobody waits for an answer.
  [[nodiscard]] bool swept_since(std::int64_t steady_ms) const;
  void tick(Now now) override;
  [[nodiscard]] std::int64_t next_deadline_ms() const noexcept override;

 private:
  using RootId = ByteArray<8>;
  using Source = std::pair<protocol::NodeId, RootId>;
  using Key = std::tuple<protocol::NodeId, RootId, crypto::Epoch>;

  struct Node {
    client::KnownNode known;
    std::int64_t added_s = 0;
    std::int64_t retired_s = 0;  ///< 0: in use.
    By by = By::user;
  };
  struct Poll {
    bool is_cover = false;
    std::optional<client::OperationId> operation;
    std::int64_t started_ms = 0;
    std::int64_t started_s = 0;                 ///< Unix.
    std::optional<std::int64_t> last_begun_ms;  ///< When the last one that has ended was begun.
    client::OperationId last_operation = 0;     ///< The last one that has ended.
    std::int64_t announced_ms = INT64_MIN / 2;  ///< When the last one is due that an announcement asked for.
  };
  /// What is done: all epochs up to `through`, and those in `beyond`.
  struct Finished {
    crypto::Epoch through = 0;
    std::set<crypto::Epoch> beyond;
  };

  using Polls = std::map<Key, Poll>;

  void on_envelopes(client::OperationId operation, std::vector<Bytes> envelopes, Now now) noexcept override;
  void on_retrieved(client::OperationId operation, const client::RetrieveResult& result,
                    Now now) noexcept override;
  /// Mail has come since the retrieve `operation`, of whatever mailbox: cover is asked for like any other.
  void on_announced(client::OperationId operation, Now now) noexcept override;
  void forget_retired(Now now);
  void want(Polls& wanted, const Key& key, bool is_cover, Now now);
  void want_cover(Polls& wanted, const Node& node, const Root& root, crypto::Epoch first, Now now);
  void start(const Key& key, Now now);
  /// Until it is asked for again.
  [[nodiscard]] std::int64_t wait_ms(crypto::Epoch epoch, Now now) const;
  void save(const Node& node);
  void enter(const Node& node);
  void mark_final(const Key& key);
  [[nodiscard]] crypto::Epoch first_epoch(const Source& source, const Node& node, const Root& root,
                                          crypto::Epoch now_epoch);
  const crypto::OwnedMailbox* mailbox(const crypto::KeyPair& root, crypto::Epoch epoch);
  [[nodiscard]] const Root* root_of(const RootId& id) const noexcept;
  /// Of a root or of a cover root.
  [[nodiscard]] const crypto::KeyPair* keys_of(const RootId& id) const noexcept;

  const Services& services_;
  KeyRing& keys_;
  Inbox& inbox_;
  NodeBook& book_;
  std::map<protocol::NodeId, Node> nodes_;
  Polls polls_;
  std::map<Source, Finished> finished_;
  std::map<std::pair<RootId, crypto::Epoch>, crypto::OwnedMailbox> mailboxes_;
  std::unordered_map<client::OperationId, Key> operations_;
  std::unordered_map<client::OperationId, Key> last_operations_;  ///< The last_operation of each of polls_.
  DeadlineQueue<Key> due_;
  std::int64_t poll_soon_ms_ = INT64_MIN;  ///< Steady: polls begun before it are followed by another soon.
  std::int64_t next_epoch_s_ = 0;          ///< Unix time of the next refresh.
};

}  // namespace toxasync::manager
