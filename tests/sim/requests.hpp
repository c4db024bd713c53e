// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <map>
#include <vector>

#include "manager/core/friend_request.hpp"
#include "model.hpp"

namespace toxasync::sim {

/// The plain model of friend requests: what those who ask, and those who are asked, were promised.
class Requests {
 public:
  void sent(const Id& id, const FriendKey& from, const FriendKey& to, ByteView text, UnixTimeMs now);
  void cancel_asked(const FriendKey& from, const FriendKey& to);
  void told(const FriendKey& from, const manager::RequestStatus& status, UnixTimeMs now);
  /// Requests of people only: somebody hostile may ask what they like, and in whose name they like if they
  /// know the secret key.
  void shown(const FriendKey& to, const manager::ReceivedRequest& request, UnixTimeMs now);
  /// The program of `who` ended: what it was shown last may be shown again.
  void crashed(const FriendKey& who);
  /// `who` goes on with an older state, or an empty one.
  void restored(const FriendKey& who);
  /// One is hostile, or has lost its disk.
  void nodes_may_lie() { nodes_may_lie_ = true; }
  void clock_is_wrong(const FriendKey& whose) { wrong_clocks_.insert(whose); }
  /// Who was not shown what is stored on `nodes` nodes or more, from somebody who is not in their list.
  [[nodiscard]] std::vector<FriendKey> unseen(std::uint8_t nodes, const std::set<Direction>& friends) const;
  /// Each has come to its end.
  [[nodiscard]] bool all_ended() const { return !first_open().has_value(); }
  void check_ended() const;

 private:
  struct Request {
    FriendKey from{};
    FriendKey to{};
    Bytes text;
    UnixTimeMs sent_at{};
    UnixTimeMs first_stored{};
    bool queued = false;
    bool cancel_asked = false;
    bool cancelled = false;
    bool expired = false;
    bool ended = false;
    bool may_be_retold = false;  ///< The program has ended after it reported the end.
    bool excused = false;        ///< Somebody went back to an older state.
    std::uint8_t stored = 0;
    unsigned shown = 0;
    unsigned may_be_shown = 1;
  };
  [[nodiscard]] std::optional<Id> first_open() const;
  void check_none_is_cancelled(const Id& id, const Request& request) const;
  [[noreturn]] static void fail(Fault fault, const Id& id, const std::string& what);

  std::map<Id, Request> requests_;
  std::map<FriendKey, Id> last_shown_;
  std::set<FriendKey> wrong_clocks_;
  bool nodes_may_lie_ = false;
};

}  // namespace toxasync::sim
