// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <bitset>
#include <cstdint>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "manager/keys/friend_book.hpp"
#include "wire/storage_time.hpp"

namespace toxasync::manager {

struct SealedEnvelope {
  Bytes bytes;

  static constexpr std::size_t min_encoded_size = limits::length_prefix;

  static void fields(auto& ar, auto& self) {
    wire::fields(ar, wire::bounded<limits::large_envelope>(self.bytes));
  }
};

/// One message of ours on its way (docs/state.md, tables O, V, C and X).
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

  /// A node that envelopes are sent to. On disk before the first of them leaves.
  struct Destination {
    protocol::NodeId node{};
    // In memory:
    bool sent = true;  ///< Something was, or may have been: what an earlier run did is not known.
    SteadyTime last_sent = long_ago;

    static constexpr std::size_t min_encoded_size = 32;
    static constexpr std::size_t kept = 32;

    static void fields(auto& ar, auto& self) { wire::fields(ar, self.node); }
  };

  /// Envelopes that were sealed before the present ones, also for installations that are gone, and may still
  /// be on nodes.
  struct Past {
    crypto::FriendsRoot root;
    crypto::Epoch epoch = 0;
    std::vector<crypto::EnvelopeId> ids;
    std::vector<Destination> sent_to;

    static constexpr std::size_t min_encoded_size =
        crypto::FriendsRoot::min_encoded_size + 4 + 2 * limits::length_prefix;
    /// More than a fortnight needs when a home node is silent all the time.
    static constexpr std::size_t kept = 64;

    static void fields(auto& ar, auto& self) {
      wire::fields(ar, self.root, self.epoch, wire::bounded<limits::parts>(self.ids),
                   wire::bounded<Destination::kept>(self.sent_to));
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
    crypto::FriendsRoot root;  ///< Of the mailbox that `envelopes` are sealed for.
    crypto::Epoch epoch = 0;   ///< Of that mailbox.
    std::vector<SealedEnvelope> envelopes;
    std::vector<Destination> sent_to;  ///< Where `envelopes` may be.
    bool key_refused = false;          ///< By a nack: to be sealed again with another pre-key.
    std::vector<Copy> copies;          ///< The complete ones have a row of their own.
    // In memory:
    bool receipt_under_way = false;  ///< To the disk,
    bool nack_under_way = false;     ///< likewise.
    bool refused = false;            ///< Sealing with its keys failed: no honest client gave them.
    bool offered_live = false;       ///< In the present connection of the friend.
    SteadyTime live_until{};         ///< Until then a receipt is awaited before anything goes to nodes.

    [[nodiscard]] bool open() const noexcept { return !confirmed && !refused; }

    static void fields(auto& ar, auto& self) {
      wire::fields(ar, wire::flag(self.confirmed), wire::flag(self.may_go_directly), self.nacks, self.pre_key,
                   self.root, self.epoch, wire::bounded<limits::parts>(self.envelopes),
                   wire::bounded<Destination::kept>(self.sent_to), wire::flag(self.key_refused));
    }
  };

  /// One envelope that a node is asked to drop.
  struct CancelJob {
    protocol::NodeId node{};
    crypto::FriendsRoot root;
    crypto::Epoch epoch = 0;
    crypto::EnvelopeId id{};
    SteadyTime absent_from{};  ///< From then on the envelope is no longer on its way to the node.
    bool arrived = false;      ///< The node has confirmed it, as far as is known: not of the past.
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
  bool undated = false;         ///< The date was not certain at sent_at.
  bool dated_by_line = false;   ///< Nor known: it may have been sent long after sent_at.
  UnixTime not_before{};        ///< It was certain when it was sent that it was so late.
  std::vector<Target> targets;  ///< Each has a row of its own.
  std::vector<Past> past;       ///< In a row of its own, with:
  bool beyond_recall = false;   ///< Some of it went where no cancel goes after it.
  // In memory:
  std::set<client::OperationId> stores;   ///< Operations under way of the Replicator.
  std::set<client::OperationId> cancels;  ///< Operations under way of the Canceller.
  std::size_t writes_under_way = 0;       ///< Nothing is sent before they are on disk.
  std::optional<SteadyTime> made;         ///< When, if in this run.
  std::size_t receipts_under_way = 0;     ///< To the disk. Nothing of it is changed before they are there.
  bool end_under_way = false;             ///< With one of those.
  bool reported = false;                  ///< MessageState::queued was.
  bool unsaved = false;
  std::uint8_t stored_reported = 0;
  std::vector<CancelJob> cancel_jobs;
  bool perhaps_fetched = false;  ///< A node to which it was sent knows nothing of it any longer.
  SteadyTime cancel_retry{};
  milliseconds cancel_backoff = 0ms;

  static void fields(auto& ar, auto& self) {
    wire::fields(ar, self.id, self.to, self.kind, wire::bounded<limits::message_text>(self.text),
                 self.sequence, self.sent_at, self.ttl, self.cancel_secret, self.only, self.bundle_version,
                 wire::flag(self.delivered), self.stage, wire::flag(self.undated),
                 wire::flag(self.dated_by_line), self.not_before);
  }

  /// Its recipient does not show it from then on.
  [[nodiscard]] UnixTimeMs expires_at() const noexcept { return sent_at + ttl; }
  /// From then on the message is reported as expired: later, because the recipient's clock may be slower.
  [[nodiscard]] UnixTimeMs ends_at() const noexcept { return expires_at() + margin(); }
  [[nodiscard]] seconds margin() const noexcept { return is_service() ? 0s : limits::clocks_apart; }
  /// For how long a node is asked to keep it; 0: it is not worth it any longer.
  [[nodiscard]] seconds time_to_live(Now now) const noexcept {
    const auto left = std::chrono::floor<seconds>(expires_at() + limits::clocks_apart - now.wall);
    return limits::storage_time_within(
        std::min(left, ttl + limits::clocks_apart));  // sent_at may be too late
  }
  /// Until then a node that keeps what it accepts for as long as it was asked to still knows it, or that it
  /// was fetched.
  [[nodiscard]] UnixTimeMs known_to_nodes_until() const noexcept {
    const seconds rounded_by = ttl < days(1) ? limits::storage_time_unit : limits::epoch_length;
    return expires_at() + limits::clocks_apart - rounded_by;
  }
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
