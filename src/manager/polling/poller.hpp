// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <array>
#include <map>
#include <set>
#include <tuple>
#include <unordered_map>

#include "manager/core/deadline_queue.hpp"
#include "manager/inbox/inbox.hpp"
#include "manager/nodes/home_nodes.hpp"

namespace toxasync::manager {

/// When which of our mailboxes is asked for on our home nodes: each (node, root, epoch) by a Poisson process
/// of its own, until its epoch is final (docs/protocol.md, section 2). Cover mailboxes are
/// asked for in the same way and for the same time (section 10); what lies in them is deleted unread.
class Poller final : public Part, private client::RetrieveListener {
 public:
  /// Of one root on one node; past that the earliest are given up.
  static constexpr std::size_t most_strays = 12;
  /// Epochs in which mail may still lie: the longest time to live, and the edges.
  static constexpr crypto::Epoch epochs_back =
      static_cast<crypto::Epoch>(limits::largest_time_to_live / limits::epoch_length) + 1;
  static constexpr milliseconds first_polls_within = 300ms;
  static constexpr milliseconds unserved_again = 5s;
  static constexpr milliseconds soon_polls_within = 1s;
  /// While the date is not certain all nodes are asked for it, but no more often.
  static constexpr milliseconds date_asked_every = 1min;
  /// The mailbox of the present epoch is asked for at poll_interval. Those of the one before and the next
  /// one as often while that epoch is so near; else this many times more seldom, up to the longest mean.
  static constexpr seconds edge = 30min;
  static constexpr std::int64_t seldom_factor = 5;
  static constexpr milliseconds longest_seldom = 10min;
  /// A poll that a node asks for by an announcement, or that names the box of a new friend, waits for a
  /// random time of this mean, in which what is sent together comes together; and there is one at most of a
  /// mailbox in this time, whatever the node says.
  static constexpr milliseconds announced_poll_mean = 500ms;
  static constexpr milliseconds announced_poll_every = 5s;
  /// What was fetched is deleted on its node after a random time that is drawn when it comes and is longer
  /// than what it takes to write it down: so that the delay tells nothing of what it was.
  static constexpr milliseconds deletion_least = 40ms;
  static constexpr milliseconds deletion_mean = 60ms;  ///< Beyond that.
  /// A node whose mailbox does not end, and holds little from friends, is left alone for so long; four times
  /// as long each time in a row, up to a day. The third time it is demoted.
  static constexpr milliseconds endless_pause = 10min;
  static constexpr milliseconds longest_endless_pause = 24h;
  static constexpr unsigned endless_to_demote = 3;
  /// What a program that always runs polls of one root: the next epoch, the present one, and those before
  /// until they are final. After a longer absence cover is polled for the last epochs that it saw and for
  /// the present ones: it was not there in between.
  static constexpr crypto::Epoch cover_epochs = 4;

  Poller(const Services& services, const KeyRing& keys, const FriendBook& friends, Inbox& inbox,
         HomeNodes& home_nodes)
      : services_(services), keys_(keys), friends_(friends), inbox_(inbox), home_nodes_(home_nodes) {}

  [[nodiscard]] std::span<const Table> tables() const noexcept override {
    static constexpr std::array tables{Table::watermark};
    return tables;
  }
  bool load(const store::StateEntry& entry) override;
  /// Another date is believed, or it is certain now.
  void follow_clock(Now now);
  /// Brings the list of what to poll up to date. At the start, at a new epoch and when home nodes changed.
  void update_polls(Now now);

  /// Our mailbox of an epoch, if `p` is that of one of our roots. Nobody sends to a cover root.
  const crypto::FriendsMailbox* find_mailbox(crypto::Epoch epoch, const crypto::Point& p);

  void poll_soon(Now now);
  /// Whether each mailbox that may hold mail was polled since then. Cover does not count.
  [[nodiscard]] bool swept_since(SteadyTime since) const;
  void tick(Now now) override;
  [[nodiscard]] SteadyTime next_deadline() const noexcept override;

 private:
  using Source = std::pair<protocol::NodeId, RootId>;
  using Key = std::tuple<protocol::NodeId, RootId, crypto::Epoch>;

  struct Poll {
    bool is_cover = false;
    bool is_near = false;   ///< Its epoch is, or is soon, the present one; at the last update_polls().
    bool is_stray = false;  ///< Its epoch is the present one only by the node's clock.
    std::optional<client::OperationId> operation;
    SteadyTime started{};
    UnixTime started_date{};
    std::optional<SteadyTime> last_begun;  ///< When the last one that has ended was begun.
    client::OperationId last_operation{};  ///< The last one that has ended.
    SteadyTime announced = long_ago;       ///< When the last one is due that ask_again() asked for.
    bool left = false;                     ///< Friends have no room for some of what was fetched.
    bool skipped = false;                  ///< Something is in nobody's box, or the last reading had no end.
    std::vector<std::uint64_t> cursors;    ///< Behind that, in each list; it is read again when
    std::uint64_t reopened = 0;            ///< Inbox::reopened() is another than at the start,
    std::uint64_t boxes_version = 0;       ///< or Boxes::version.
    std::size_t taken = 0;                 ///< Envelopes since it was begun that were a friend's, and new.
  };
  /// A node that was left because a mailbox there did not end. Its mailboxes are read one at a time.
  struct Endless {
    Key mailbox;  ///< The last one.
    unsigned in_a_row = 0;
    SteadyTime until{};
    bool reading = false;
  };
  /// What is done: all epochs up to `through`, and those in `beyond`.
  struct Finished {
    crypto::Epoch through = 0;
    std::set<crypto::Epoch> beyond;
    /// Mail may lie in these too: the node's clock was, or is, another than ours.
    std::set<crypto::Epoch> strays;
  };

  /// Those of a mailbox that count.
  struct Boxes {
    std::map<crypto::Point, FriendKey> writers;  ///< By W.
    protocol::BoxLists lists;
    std::uint64_t version = 0;  ///< FriendBook::writers_version() when they were made.
  };

  using Polls = std::map<Key, Poll>;

  void on_envelopes(client::OperationId operation, std::vector<client::FetchedEnvelope> envelopes,
                    Now now) override;
  void on_retrieved(client::OperationId operation, const client::RetrieveResult& result, Now now) override;
  /// Mail has come since the retrieve `operation`, of whatever mailbox: cover is asked for like any other.
  void on_announced(client::OperationId operation, Now now) override;
  /// Soon: an announcement says that there is mail, or only a new subscription can say so.
  void ask_again(const Key& key, Poll& poll, Now now);
  /// Nodes announce what comes into the boxes that the last retrieve named.
  void follow_writers(Now now);
  [[nodiscard]] bool lacks_boxes(const Key& key, const Poll& poll, Now now) const;
  /// There may be room for what was left.
  void fetch_left(Now now);
  void forget_retired();
  void forget_unused(crypto::Epoch epoch, Now now);
  void want(Polls& wanted, const Key& key, bool is_cover, Now now);
  void want_strays(Polls& wanted, const Source& source, crypto::Epoch first, Now now);
  void note_stray(const Key& key, UnixTime node_time);
  void save(const Source& source);
  void want_cover(Polls& wanted, const OwnHomeNode& node, const Root& root, crypto::Epoch first, Now now);
  void start(const Key& key, Now now);
  /// Whether nothing is asked of the node now; until when.
  [[nodiscard]] std::optional<SteadyTime> left_alone(const protocol::NodeId& node, Now now);
  /// What was fetched is on our disk or is not.
  void written(client::OperationId operation, SteadyTime delete_from, bool durable,
               std::vector<crypto::EnvelopeId> left);
  void note_end(const Key& key, const Poll& poll, const client::RetrieveResult& result, Now now);
  /// Whether the epoch is within `edge` of the present one.
  [[nodiscard]] static bool is_near(crypto::Epoch epoch, Now now) noexcept {
    return now.wall >= crypto::epoch_start(epoch) - edge && now.wall < crypto::epoch_start(epoch + 1) + edge;
  }
  /// Until it is asked for again.
  [[nodiscard]] milliseconds until_next_poll(crypto::Epoch epoch, Now now) const;
  void mark_final(const Key& key);
  void end_stray(const Key& key);
  /// When a node stores nothing in it any longer.
  [[nodiscard]] static constexpr UnixTime closed_at(crypto::Epoch epoch) noexcept {
    return crypto::epoch_start(epoch + 2) + limits::late_store_grace;
  }
  [[nodiscard]] crypto::Epoch first_epoch(const Source& source, const OwnHomeNode& node, const Root& root,
                                          crypto::Epoch now_epoch);
  const crypto::FriendsMailbox* mailbox(const crypto::KeyPair& root, crypto::Epoch epoch);
  const Boxes& boxes_of(const crypto::FriendsMailbox& mailbox, const Key& key, bool is_cover);
  [[nodiscard]] const Root* root_of(const RootId& id) const noexcept;
  /// Of a root or of a cover root.
  [[nodiscard]] const crypto::KeyPair* keys_of(const RootId& id) const noexcept;

  const Services& services_;
  const KeyRing& keys_;
  const FriendBook& friends_;
  Inbox& inbox_;
  HomeNodes& home_nodes_;
  Polls polls_;
  std::map<Source, Finished> finished_;
  std::map<std::pair<RootId, crypto::Epoch>, crypto::FriendsMailbox> mailboxes_;
  std::map<std::pair<RootId, crypto::Epoch>, Boxes> boxes_;
  std::unordered_map<client::OperationId, Key> operations_;
  std::unordered_map<client::OperationId, Key> last_operations_;  ///< The last_operation of each of polls_.
  DeadlineQueue<Key> due_;
  DeadlineQueue<client::OperationId> deletions_;  ///< What was fetched by these is on our disk,
  std::unordered_map<client::OperationId, std::vector<crypto::EnvelopeId>> left_;  ///< but for this.
  std::map<protocol::NodeId, Endless> endless_;                                    ///< Of home nodes.
  SteadyTime asks_date_from_{};
  SteadyTime soon_asked_at_ = long_ago;  ///< Polls begun before it are followed by another soon.
  std::uint64_t reopened_ = 0;           ///< Inbox::reopened(), when the polls were last told of it.
  std::uint64_t writers_version_ = 0;    ///< FriendBook::writers_version(), likewise.
  UnixTime next_epoch_{};                ///< Of the next update_polls().
};

}  // namespace toxasync::manager
