// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <array>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <vector>

#include "base/clock.hpp"
#include "base/metrics.hpp"
#include "crypto/mailbox.hpp"
#include "manager/core/part.hpp"
#include "protocol/node_descriptor.hpp"

namespace toxasync::manager {

/// What an act asks for that cannot be taken back: erasing a key, a root's replacement, the end of a message.
/// Only a TrustedClock makes one.
class CertainDate {
 public:
  /// It is so late at least, or later.
  [[nodiscard]] UnixTime passed() const noexcept { return passed_; }
  /// What new records are dated with. Not before passed().
  [[nodiscard]] UnixTime now() const noexcept { return now_; }
  /// now() was checked: a mark of ours that lies beyond it was made while the clock was wrong.
  [[nodiscard]] bool checked() const noexcept { return checked_; }
  /// A mark that was made no later than now, and is `after` later than that: clamped, if it says otherwise.
  [[nodiscard]] UnixTime clamped(UnixTime mark, seconds after = 0s) const noexcept {
    return checked_ && mark > now_ + after + slack ? now_ + after : mark;
  }

 private:
  friend class TrustedClock;
  static constexpr seconds slack = 10min;
  CertainDate(UnixTime passed, UnixTime now, bool checked) : passed_(passed), now_(now), checked_(checked) {}

  UnixTime passed_;
  UnixTime now_;
  bool checked_;
};

/// The time that decides (docs/protocol.md, section 2). The own wall clock is believed while it moves with
/// the steady clock; after a jump, and at the start, only once nodes agree with it. Three sources are told
/// apart, each as its distance from the steady clock:
///
/// - the own clock;
/// - the nodes that have answered since the start or the last jump, each with the time of its answer;
/// - the line: the date that was certain last, also in an earlier run, and the steady time since then. It
///   may be behind (the machine was off, or slept), never ahead.
///
/// now() is for what can be taken back: the nodes' time where they agree on another than the own clock's;
/// where none has spoken, a date that is not before the line. for_good() is for the rest.
class TrustedClock final : public Clock, public Part {
 public:
  /// Clocks that differ by less agree.
  static constexpr milliseconds tolerance = 10min;
  /// One home node of several that is the only one to answer counts after so long.
  static constexpr milliseconds only_voice_after = 1h;
  /// A clock that was set by as much may change what is due.
  static constexpr milliseconds noticed = 1min;
  static constexpr milliseconds moves_told_every = 1min;
  static constexpr std::size_t most_voices = 64;  ///< Home nodes' included; past that the oldest gives way.

  TrustedClock(const Clock& own, Telemetry telemetry) : own_(own), telemetry_(telemetry) {}

  [[nodiscard]] std::span<const Table> tables() const noexcept override {
    static constexpr std::array tables{Table::date};
    return tables;
  }
  bool load(const store::StateEntry& entry) override;
  void save(store::StateBatch& batch) const;

  /// Looks whether the own clock has jumped.
  void tick(Now now) override;
  /// They are asked before other nodes.
  void set_home_nodes(const std::vector<protocol::NodeId>& nodes);
  /// An authentic answer of a node to what it was asked at `asked`.
  void on_node_time(const protocol::NodeId& node, UnixTime node_time, SteadyTime asked);

  [[nodiscard]] Now now() const noexcept override { return at(believed()); }
  [[nodiscard]] CertainDate for_good() const noexcept;
  /// Whether now() was checked since the start, and the own clock has moved with the steady one since then.
  [[nodiscard]] bool checked() const noexcept;
  /// now() is the line's, which may be far behind: no node has spoken, and the own clock is behind it.
  [[nodiscard]] bool is_by_line() const noexcept;
  /// For "since when" of what is kept for a time after it: the present date, by the own clock or by two
  /// nodes. While that is not certain, a mark in the future, which becomes the date when it is
  /// (CertainDate::clamped).
  [[nodiscard]] UnixTime stamp() const noexcept;
  /// The date of a moment of this run. While it is not certain: by the own clock or by what is believed, by
  /// the later one, for what is dated too late lives no longer where the clock is right, and what is dated
  /// too early is over there.
  [[nodiscard]] UnixTimeMs date_of(SteadyTime when) const noexcept;
  /// It is so late at least: the date that was certain last, and the steady time since then. {}: none was.
  [[nodiscard]] UnixTime at_least() const noexcept { return proven_ ? date(*line_) : UnixTime{}; }
  /// The date at which one of these nodes takes mail: now(), unless all that have answered say otherwise.
  [[nodiscard]] UnixTime date_at(std::span<const protocol::NodeId> nodes) const noexcept;
  /// Epochs that may be the present one at the node, and are not that of now(): by its own clock; while that
  /// is not known, by each date that may be right.
  [[nodiscard]] std::vector<crypto::Epoch> other_epochs(const protocol::NodeId& node) const;
  /// The date is not certain, and may be another by that node's clock: it has not confirmed a jump.
  [[nodiscard]] bool in_doubt_at(const protocol::NodeId& node) const {
    return !checked() && !other_epochs(node).empty();
  }
  /// Changes with what is believed, when that moves by `noticed` or more, and with what any node says, for
  /// one node once in moves_told_every.
  [[nodiscard]] std::uint64_t generation() const noexcept { return generation_; }
  /// The same, without the nodes.
  [[nodiscard]] std::uint64_t beliefs() const noexcept { return beliefs_; }

 private:
  /// A clock's distance from the steady one.
  using Offset = milliseconds;
  struct Voice {
    Offset offset{};
    SteadyTime heard{};
    SteadyTime told{};  ///< When a change of it counted in the generation.
  };
  struct Consensus {
    Offset offset{};
    bool certain = false;  ///< Two home nodes say so, or the only one; where there are none, others.
    bool alone = false;    ///< One node says so, and neither another nor the own clock.
  };

  [[nodiscard]] Offset own() const noexcept;
  [[nodiscard]] Offset believed() const noexcept { return believed(own()); }
  [[nodiscard]] Offset believed(Offset own) const noexcept;
  [[nodiscard]] bool checked(Offset own) const noexcept;
  [[nodiscard]] std::optional<Consensus> consensus(Offset own) const noexcept;
  [[nodiscard]] Offset nearer_to_line(Offset own, Offset node) const noexcept;
  [[nodiscard]] Now at(Offset offset) const noexcept;
  [[nodiscard]] UnixTime date(Offset offset) const noexcept { return at(offset).unix_time(); }
  void follow();
  void check();
  void note_change();

  const Clock& own_;
  Telemetry telemetry_;
  std::set<protocol::NodeId> home_nodes_;
  std::map<protocol::NodeId, Voice> voices_;
  std::optional<Offset> line_;
  bool proven_ = false;         ///< The line was certain once. Else it is what a first start began with.
  bool checked_once_ = false;   ///< In this run.
  std::optional<Offset> last_;  ///< Of the own clock, when it jumped last, or was checked.
  std::optional<Offset> before_jump_;
  SteadyTime in_doubt_since_{};
  Offset noted_{};  ///< What was believed when the generation was counted.
  bool noted_checked_ = false;
  std::uint64_t generation_ = 0;
  std::uint64_t beliefs_ = 0;
};

}  // namespace toxasync::manager
