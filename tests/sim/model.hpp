// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <stdexcept>
#include <string>
#include <vector>

#include "manager/manager.hpp"
#include "tests/support/seeded_random.hpp"

// The plain model that the tests of this folder hold the manager against: what its user was promised, and
// nothing of how it is done.

namespace toxasync::sim {

using manager::FriendKey;
using Id = crypto::MessageId;
using Direction = std::pair<FriendKey, FriendKey>;  ///< From, to.

/// What kind of promise was broken.
enum class Fault : std::size_t {
  lost,          ///< Accepted and unexpired, and not shown though nothing was in its way.
  duplicated,    ///< Shown twice.
  reordered,     ///< Shown after a later one, and not marked.
  misdelivered,  ///< To or from the wrong person, or with another text.
  untrue,        ///< A report is not as things are, or something was shown after a final one.
  interfered,    ///< The mail of an honest pair did not come in time while others were hostile.
  stuck,         ///< Nothing was in its way any longer, and it did not come to its end.
  unbounded,     ///< More memory, packets or work than there may be.
  revealed,      ///< Somebody could see what they should not.
};
inline constexpr std::array fault_names = {"lost",       "duplicated", "reordered", "misdelivered", "untrue",
                                           "interfered", "stuck",      "unbounded", "revealed"};

struct Broken : std::runtime_error {
  Broken(Fault fault, const std::string& what) : std::runtime_error(what), kind(fault) {}
  Fault kind;
};

/// What clocks may differ by (docs/protocol.md, section 2).
inline constexpr milliseconds clocks_agree = 10min;

/// What one message of a user may still do, and what it has done.
struct Message {
  Id id{};
  FriendKey from{};
  FriendKey to{};
  std::uint64_t number = 0;  ///< Its place among all messages sent.
  Bytes text;
  crypto::MessageKind kind = crypto::MessageKind::normal;
  UnixTimeMs sent_at{};  ///< By a right clock,
  UnixTimeMs dated{};    ///< and by the sender's.
  seconds ttl = 0s;
  bool for_hostile = false;     ///< To somebody who may say of it what they like.
  bool never_accepted = false;  ///< It was reported as failed because of the disk.

  bool queued = false;  ///< Told; or anything else was.
  bool delivered = false;
  bool expired = false;
  bool cancelled = false;
  bool failed = false;
  bool cancel_asked = false;
  std::uint8_t stored = 0;  ///< The most nodes that were told.
  unsigned shown = 0;
  unsigned may_be_shown = 1;  ///< How often; more after what excuses a repetition.

  // Excuses. What happened meanwhile, that may:
  bool forgotten = false;      ///< by the sender: the state is from before it, or the friend was removed;
  bool may_be_lost = false;    ///< for the recipient, or the key to it. It is then reported expired.
  bool node_failed = false;    ///< A node lost its disk since it was sent, or had a wrong clock.
  bool may_fail = false;       ///< The friend was removed while it waited.
  bool restarted = false;      ///< Its sender's program was, and may not have known what time it is.
  bool may_be_retold = false;  ///< The end of it was told, but that may not have come to the disk.

  [[nodiscard]] bool ended() const noexcept { return delivered || expired || cancelled || failed; }
  [[nodiscard]] UnixTimeMs expires_at() const noexcept { return sent_at + ttl; }
  /// If the program ended before nodes had confirmed its clock, a date that can be right stays
  /// (docs/protocol.md, section 2).
  [[nodiscard]] UnixTimeMs may_end_from() const noexcept {
    return (restarted ? std::min(sent_at, dated) : sent_at) + ttl;
  }
  /// A date in the future cannot be right: the message may be of any time since nodes confirmed a date.
  [[nodiscard]] bool has_lost_its_date() const noexcept {
    return restarted && dated > sent_at + clocks_agree;
  }
};

/// A moment,
struct Times {
  UnixTimeMs right{};   ///< by a right clock,
  UnixTimeMs own{};     ///< and by the clock of the user concerned.
  bool is_sure = true;  ///< No node can have told that user another date.
};

class Model {
 public:
  // What the world did:
  struct Sent {
    FriendKey from{};
    FriendKey to{};
    ByteView text;
    crypto::MessageKind kind = crypto::MessageKind::normal;
    UnixTimeMs now{};    ///< By a right clock,
    UnixTimeMs dated{};  ///< and by the sender's.
    seconds ttl = 0s;
    bool for_hostile = false;
    bool node_failed = false;
  };
  void sent(const Id& id, const Sent& what);
  /// So many nodes do not keep to the protocol.
  void nodes_are_hostile(std::size_t count) { hostile_nodes_ = count; }
  /// The clock of a user is wrong by more than the protocol allows for: dates mean little to them from now
  /// on.
  void clock_is_wrong(const FriendKey& whose);
  /// For a month.
  void all_were_away() noexcept { away_ = true; }
  /// The program of `who` ended. `repeats_last`: the message that it showed last may be shown again.
  void crashed(const FriendKey& who, bool repeats_last, bool disk_was_behind);
  void node_failed();
  void cancel_asked(const Id& id);
  /// The disk of `who` may not write what it should.
  void disk_fails(const FriendKey& who) { failing_disks_.insert(who); }
  /// A copy of `who`'s state is made; restored() goes back to it.
  struct Backup {
    std::set<Id> known;  ///< Of their messages,
    std::set<Id> ended;  ///< those whose end was told;
    std::set<Id> shown;  ///< and what was shown to them.
  };
  [[nodiscard]] Backup backup(const FriendKey& who) const;
  void restored(const FriendKey& who, const std::set<FriendKey>& friends, const Backup& copy);
  /// They do not have each other's keys (yet).
  void strangers(const FriendKey& a, const FriendKey& b);
  /// `who` removes `other` from their list.
  void removed(const FriendKey& who, const FriendKey& other);
  /// They were together long enough, with nothing in their way, to have each other's keys again.
  void met(const FriendKey& a, const FriendKey& b);

  // What the manager told:
  void shown(const FriendKey& to, const manager::ReceivedMessage& message, Times now);
  /// What a hostile friend sent: it may be anything, but comes once.
  void shown_of_hostile(const FriendKey& to, const manager::ReceivedMessage& message, UnixTimeMs now);
  void told(const FriendKey& from, const manager::MessageStatus& status, UnixTimeMs now);
  /// An envelope was seen on its way: which pre-key its header names, and whether that is for one message
  /// only. (Called where nothing may be thrown.)
  void sealed(const FriendKey& from, const FriendKey& to, const Id& id, const crypto::PreKeyId& pre_key,
              bool one_time);
  /// A copy that was sealed with this key came to a node or, so far as the host can tell, to the friend.
  void came(const crypto::PreKeyId& pre_key) { came_.insert(pre_key); }
  /// Throws what sealed() found.
  void check_the_way() const;

  // What must hold at the end of a sequence:
  /// All but `absent` had time to fetch, and nobody met. What honest nodes had confirmed has been shown,
  /// unless its life ends by `then`. `fault`: what it is called if not.
  void check_stored_was_shown(const std::set<FriendKey>& absent, UnixTimeMs then, Fault fault) const;
  /// Nodes take mail again, and all but `absent` had time to send. What was accepted is on one of them, or
  /// came directly, unless its life ends by `then`.
  void check_accepted_was_stored(const std::set<FriendKey>& absent, UnixTimeMs then, Fault fault) const;
  /// All were together. What was queued and is not over has been shown.
  void check_queued_was_shown(UnixTimeMs now) const;
  /// Time enough has passed for everything. Each queued message has come to one end or the other.
  void check_ended() const;
  /// The pre-keys of all copies, of messages that were shown, that have come anywhere: their private halves
  /// must be gone. (A store may be given up for a copy with another key before a node has taken it.)
  [[nodiscard]] std::vector<std::pair<FriendKey, crypto::PreKeyId>> spent_keys() const;

  /// Somebody was taken off a list: what lies in their box, or is due to them, is looked for by nobody.
  [[nodiscard]] bool friends_were_removed() const noexcept { return !given_again_.empty(); }
  /// A node lost its disk, or had a wrong clock.
  [[nodiscard]] bool nodes_failed() const noexcept { return nodes_failed_; }
  [[nodiscard]] bool clocks_were_wrong() const noexcept { return !wrong_clocks_.empty(); }
  [[nodiscard]] std::size_t count(bool (*what)(const Message&)) const;
  [[nodiscard]] const Message* find(const Id& id) const;
  /// Of one of the last messages; nothing if there is none.
  [[nodiscard]] std::optional<Id> any_id(test::SeededRandom& random) const;
  /// Messages of `who` whose end was not told.
  [[nodiscard]] std::vector<Id> open_messages(const FriendKey& who) const;
  /// Whether somebody went back to an old state, or to an empty one: there may be mail for what is no more.
  [[nodiscard]] bool has_old_installations() const noexcept { return old_installations_; }
  /// Whether the message was seen, sealed with a one-time key.
  [[nodiscard]] bool had_one_time_key(const Id& id) const { return with_one_time_key_.contains(id); }
  [[nodiscard]] bool keys_are_good(const FriendKey& from, const FriendKey& to) const {
    return !broken_.contains({from, to});
  }

 private:
  Message& must_find(const Id& id, const char* what);
  [[noreturn]] static void fail(Fault fault, const Message& message, const std::string& what);
  /// Whether a node may have said that it was cancelled though it was fetched.
  [[nodiscard]] bool cancel_may_be_wrong(const Message& message) const;
  void note_shown(Message& message, const FriendKey& to);
  [[nodiscard]] bool between_wrong_clocks(const Message& message) const {
    return wrong_clocks_.contains(message.from) || wrong_clocks_.contains(message.to);
  }
  void check_life(const Message& message, const Times& now) const;
  void check_order(const Message& message, bool late, const FriendKey& to) const;

  std::map<Id, Message> messages_;
  std::map<Id, Message> of_hostile_;  ///< By a hash of the recipient, the friend and the id.
  std::size_t hostile_nodes_ = 0;
  std::set<FriendKey> failing_disks_;
  bool away_ = false;
  std::set<FriendKey> wrong_clocks_;  ///< Users whose clock was wrong at any time.
  bool old_installations_ = false;
  bool nodes_failed_ = false;
  std::uint64_t last_number_ = 0;
  /// The highest number that was shown, of all, and without the last one before a crash that may not have
  /// come to the disk: it may count as shown, or not.
  struct Highest {
    std::uint64_t of_all = 0;
    std::uint64_t for_sure = 0;
  };
  struct LastShown {
    Message* message = nullptr;
    std::uint64_t sure_before = 0;  ///< Highest::for_sure of its direction.
  };
  std::map<FriendKey, LastShown> last_shown_;
  std::map<Direction, Highest> highest_shown_;
  std::set<Direction>
      disordered_;              ///< One of them lost their place in the order: late or not, nothing is asked.
  std::set<Direction> broken_;  ///< The sender's keys of the recipient are not those that the recipient has.
  std::set<crypto::PreKeyId> came_;
  std::map<crypto::PreKeyId, Id> one_time_;  ///< The first message that each was used for.
  std::set<Id> with_one_time_key_;
  std::string wrong_on_the_way_;
  /// The state of one of them is an old copy, or was lost: which keys were used is not known to all.
  std::set<Direction> reusing_;
  std::set<Direction> given_again_;  ///< The sender was given the same keys twice.
};

}  // namespace toxasync::sim
