// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <bitset>
#include <cstdint>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "manager/keys/friend_book.hpp"
#include "protocol/page.hpp"

namespace toxasync::manager {

/// One message of ours on its way (docs/state.md, tables O, V and C).
struct OutgoingMessage {
  /// Its place among the messages to one friend: sequence and id.
  using Place = std::pair<std::uint64_t, crypto::MessageId>;
  /// How often each message is examined at least.
  static constexpr milliseconds look_again = 1h;

  enum class Stage : std::uint8_t {
    under_way,
    cancelling,
    too_late,  ///< A node said that it was fetched: it cannot be cancelled. Nothing more is stored.
  };

  /// The copy of a target on one node.
  struct Copy {
    explicit Copy(const protocol::NodeId& where) : node(where) {}

    protocol::NodeId node;
    bool complete = false;    ///< The node has confirmed every part.
    crypto::Epoch epoch = 0;  ///< Of the envelopes that it confirmed.
    bool gone = false;        ///< The recipient has fetched it from there.
    /// When it is stored again, because the node keeps it for less time than the message has to live.
    /// {}: never.
    UnixTime renew_at{};
    UnixTime held_until = UnixTime::max();  ///< The earliest expiry the node named for a part, by our clock.
    bool unanswered = false;                ///< The node did not answer the last attempt.
    std::bitset<limits::parts> done;
    std::size_t in_flight = 0;
    SteadyTime retry_at{};
    milliseconds backoff = 0ms;
    SteadyTime offer_again = never;  ///< When the node is asked whether it still has it.
    milliseconds offer_after = 0ms;  ///< The mean wait before that.
  };

  /// Envelopes that were sealed before the present ones, and may still be on nodes.
  struct Past {
    crypto::Point root{};
    crypto::Epoch epoch = 0;
    std::vector<crypto::EnvelopeId> ids;

    static constexpr std::size_t min_encoded_size = limits::point + 4 + limits::length_prefix;
    /// The oldest are forgotten first: they have expired.
    static constexpr std::size_t kept = 32;

    static void fields(auto& ar, auto& self) {
      wire::fields(ar, self.root, self.epoch, wire::bounded<limits::parts>(self.ids));
    }
  };

  /// The message for one installation of the recipient.
  struct Target {
    // On disk:
    crypto::Instance instance{};
    bool confirmed = false;        ///< Its receipt came; the rest is then empty.
    bool may_go_directly = false;  ///< Through the friend channel: it cannot be cancelled any longer.
    std::uint8_t nacks = 0;
    crypto::Point pre_key{};
    crypto::Point root{};     ///< Of the mailbox that `envelopes` are sealed for.
    crypto::Epoch epoch = 0;  ///< Of that mailbox.
    std::vector<protocol::PagedEnvelope> envelopes;
    std::vector<Past> past;
    std::vector<Copy> copies;  ///< The complete ones have a row of their own.
    // In memory:
    bool refused = false;       ///< Sealing with its keys failed: no honest client gave them.
    bool offered_live = false;  ///< In the present connection of the friend.
    SteadyTime live_until{};    ///< Until then a receipt is awaited before anything goes to nodes.

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
    bool may_come = false;  ///< The envelope may still be on its way to the node.
    bool done = false;
    bool in_flight = false;
  };

  // On disk:
  crypto::MessageId id{};
  FriendKey to{};
  crypto::MessageKind kind = crypto::MessageKind::normal;
  Bytes text;
  std::uint64_t sequence = 0;  ///< 0 for service messages.
  UnixTimeMs sent_at{};
  seconds ttl = 0s;
  crypto::CancelSecret cancel_secret{};
  crypto::Instance only{};           ///< The only installation that it is for; 0: all.
  std::uint64_t bundle_version = 0;  ///< Of a bundle.
  bool delivered = false;            ///< Some installation has confirmed it; reported.
  Stage stage = Stage::under_way;
  bool undated = false;  ///< The date was not certain at sent_at.
  std::vector<Target> targets;  ///< Each has a row of its own.
  // In memory:
  std::set<client::OperationId> stores;   ///< Operations under way of the Replicator.
  std::set<client::OperationId> cancels;  ///< Operations under way of the Canceller.
  std::size_t writes_under_way = 0;       ///< Nothing is sent before they are on disk.
  std::optional<SteadyTime> made;         ///< When, if in this run.
  bool reported = false;                  ///< MessageState::queued was.
  bool unsaved = false;
  bool loaded = false;  ///< An earlier run may have sent it to nodes without knowing the outcome.
  std::uint8_t stored_reported = 0;
  std::vector<CancelJob> cancel_jobs;
  SteadyTime cancel_from{};  ///< Nothing was stored on nodes since then.
  SteadyTime cancel_retry{};
  milliseconds cancel_backoff = 0ms;

  static void fields(auto& ar, auto& self) {
    wire::fields(ar, self.id, self.to, self.kind, wire::bounded<limits::message_text>(self.text),
                 self.sequence, self.sent_at, self.ttl, self.cancel_secret, self.only, self.bundle_version,
                 wire::flag(self.delivered), self.stage, wire::flag(self.undated));
  }

  [[nodiscard]] UnixTimeMs expires_at() const noexcept { return sent_at + ttl; }
  [[nodiscard]] bool is_service() const noexcept { return !crypto::is_ordered(kind); }
  [[nodiscard]] Place place() const noexcept { return {sequence, id}; }
  /// Whether nothing is left to do: every installation has confirmed a text; a receipt, which nobody
  /// confirms, is on all nodes.
  [[nodiscard]] bool is_done() const noexcept;
  /// When there is something to do for it.
  [[nodiscard]] SteadyTime next_step(Now now) const noexcept;
  [[nodiscard]] Target* target(crypto::Instance instance) noexcept {
    for (Target& one : targets) {
      if (one.instance == instance) {
        return &one;
      }
    }
    return nullptr;
  }
};

}  // namespace toxasync::manager
