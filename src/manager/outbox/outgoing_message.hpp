// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <bitset>
#include <cstdint>
#include <set>
#include <utility>
#include <vector>

#include "manager/keys/friend_book.hpp"
#include "protocol/page.hpp"

namespace toxasync::manager {

/// One message of ours on its way (docs/state.md, tables O, V and C).
struct OutgoingMessage {
  /// Where it stands among those to one friend: sequence and id.
  using Place = std::pair<std::uint64_t, crypto::MessageId>;
  /// How often each message is examined at least.
  static constexpr std::int64_t look_again_ms = 3600000;

  enum class Stage : std::uint8_t {
    under_way,
    cancelling,
    too_late,  ///< To cancel: it was fetched. Nothing more is stored; its receipt is waited for.
  };

  /// What a node has of one target.
  struct Copy {
    explicit Copy(const protocol::NodeId& where) : node(where) {}

    protocol::NodeId node;
    bool complete = false;    ///< The node has confirmed every part,
    crypto::Epoch epoch = 0;  ///< of the envelopes sealed for this epoch.
    bool gone = false;        ///< The owner has fetched it there.
    /// When it is stored anew, because the node keeps it for less time than the message has: Unix, 0: never.
    std::int64_t renew_at_s = 0;
    std::int64_t held_until_s = INT64_MAX;  ///< As the node said of the parts, by our clock.
    bool unanswered = false;                ///< The last attempt was.
    std::bitset<limits::parts> done;
    std::size_t in_flight = 0;
    std::int64_t retry_at_ms = 0;
    std::int64_t backoff_ms = 0;
    std::int64_t offer_again_ms = INT64_MAX;  ///< When the node is asked whether it still has it.
    std::int64_t offer_after_ms = 0;          ///< What that was after.
  };

  /// Envelopes that were sealed before the present ones, and may lie on nodes.
  struct Past {
    crypto::Point root{};
    crypto::Epoch epoch = 0;
    std::vector<crypto::EnvelopeId> ids;

    static constexpr std::size_t min_encoded_size = limits::point + 4 + limits::length_prefix;
    /// More are forgotten, the oldest first: they have expired.
    static constexpr std::size_t kept = 32;

    static void fields(auto& ar, auto& self) {
      wire::fields(ar, self.root, self.epoch, wire::bounded<limits::parts>(self.ids));
    }
  };

  /// The message for one installation of the recipient.
  struct Target {
    // On disk:
    std::uint64_t instance = 0;
    bool confirmed = false;        ///< Its receipt came; the rest is then empty.
    bool may_go_directly = false;  ///< By the friend channel: it cannot be cancelled any longer.
    std::uint8_t nacks = 0;
    crypto::Point pre_key{};
    crypto::Point root{};     ///< Of the mailbox that `envelopes` are sealed for,
    crypto::Epoch epoch = 0;  ///< and its epoch.
    std::vector<protocol::PagedEnvelope> envelopes;
    std::vector<Past> past;
    std::vector<Copy> copies;  ///< Complete ones, in a row of their own.
    // In memory:
    bool refused = false;  ///< Its keys cannot be sealed with: no honest client gave them.
    bool unsaved = false;
    bool offered_live = false;       ///< Since the friend came or went last.
    std::int64_t live_until_ms = 0;  ///< A receipt is waited for until then, before nodes are asked.

    [[nodiscard]] bool open() const noexcept { return !confirmed && !refused; }

    static void fields(auto& ar, auto& self) {
      wire::fields(ar, wire::flag(self.confirmed), wire::flag(self.may_go_directly), self.nacks, self.pre_key,
                   self.root, self.epoch, wire::bounded<limits::parts>(self.envelopes),
                   wire::bounded<Past::kept>(self.past));
    }
  };

  /// One envelope that a node is asked to drop.
  struct CancelJob {
    protocol::NodeId node{};
    crypto::Point root{};
    crypto::Epoch epoch = 0;
    crypto::EnvelopeId id{};
    bool may_come = false;  ///< It may still be on its way to the node.
    bool done = false;
    bool in_flight = false;
  };

  // On disk:
  crypto::MessageId id{};
  FriendKey to{};
  crypto::MessageKind kind = crypto::MessageKind::normal;
  Bytes text;
  std::uint64_t sequence = 0;  ///< 0 for service messages.
  std::int64_t sent_at_ms = 0;
  std::uint32_t ttl_s = 0;
  crypto::CancelSecret cancel_secret{};
  std::uint64_t only = 0;            ///< The one installation that it is for; 0: all.
  std::uint64_t bundle_version = 0;  ///< Of a bundle.
  bool delivered = false;            ///< Some installation has confirmed it; reported.
  Stage stage = Stage::under_way;
  std::vector<Target> targets;  ///< Each in a row of its own.
  // In memory:
  std::set<client::OperationId> stores;   ///< Under way; the Replicator's.
  std::set<client::OperationId> cancels;  ///< Under way; the Canceller's.
  std::size_t writes_under_way = 0;       ///< Nothing leaves before it is on disk.
  bool reported = false;                  ///< queued was.
  bool unsaved = false;
  bool loaded = false;  ///< An earlier run may have sent it to nodes without knowing the outcome.
  std::uint8_t stored_reported = 0;
  std::vector<CancelJob> cancel_jobs;
  std::int64_t cancel_from_ms = 0;  ///< Steady: nothing was sent to nodes since.
  std::int64_t cancel_retry_ms = 0;
  std::int64_t cancel_backoff_ms = 0;

  static void fields(auto& ar, auto& self) {
    wire::fields(ar, self.id, self.to, self.kind, wire::bounded<limits::message_text>(self.text),
                 self.sequence, self.sent_at_ms, self.ttl_s, self.cancel_secret, self.only,
                 self.bundle_version, wire::flag(self.delivered), self.stage);
  }

  [[nodiscard]] std::int64_t expires_at_ms() const noexcept {
    return sent_at_ms + static_cast<std::int64_t>(ttl_s) * 1000;
  }
  [[nodiscard]] bool is_service() const noexcept { return !crypto::is_ordered(kind); }
  [[nodiscard]] Place place() const noexcept { return {sequence, id}; }
  /// Whether nothing is left to do: every installation has confirmed a text; a receipt, which nobody
  /// confirms, is on all nodes.
  [[nodiscard]] bool is_done() const noexcept;
  /// When there is something to do for it, steady milliseconds.
  [[nodiscard]] std::int64_t next_step_ms(Now now) const noexcept;
  [[nodiscard]] Target* target(std::uint64_t instance) noexcept {
    for (Target& one : targets) {
      if (one.instance == instance) {
        return &one;
      }
    }
    return nullptr;
  }
};

}  // namespace toxasync::manager
