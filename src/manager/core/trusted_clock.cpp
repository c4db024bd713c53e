// SPDX-License-Identifier: GPL-3.0-or-later
#include "manager/core/trusted_clock.hpp"

#include <algorithm>
#include <utility>

namespace toxasync::manager {

namespace {

struct DateRecord {
  UnixTime date{};
  bool proven = false;
  static void fields(auto& ar, auto& self) { wire::fields(ar, self.date, wire::flag(self.proven)); }
};

bool agree(milliseconds a, milliseconds b) noexcept {
  return (a > b ? a - b : b - a) <= TrustedClock::tolerance;
}

/// Nodes tell whole seconds: an answer that differs by no more than that is the same news.
constexpr milliseconds same_voice = 5s;

}  // namespace

bool TrustedClock::load(const store::StateEntry& entry) {
  DateRecord record;
  if (entry.key.size() != 1) {
    return false;
  }
  if (read_record(telemetry_, entry, record)) {
    line_ = record.date.time_since_epoch() - own_.now().steady.time_since_epoch();
    proven_ = record.proven;
  }
  return true;
}

void TrustedClock::save(store::StateBatch& batch) const {
  batch.push_back(
      put_record(state_key(Table::date), DateRecord{proven_ ? date(*line_) : for_good().passed(), proven_}));
}

TrustedClock::Offset TrustedClock::own() const noexcept {
  const Now now = own_.now();
  return now.wall.time_since_epoch() - now.steady.time_since_epoch();
}

Now TrustedClock::at(Offset offset) const noexcept {
  const SteadyTime steady = own_.now().steady;
  return {steady, UnixTimeMs{steady.time_since_epoch() + offset}};
}

/// Looks at the own clock.
void TrustedClock::follow() {
  const Offset now = own();
  if (!last_) {
    last_ = now;
    line_ = line_.value_or(now);
    in_doubt_since_ = own_.now().steady;
  } else if (!agree(now, *last_)) {
    telemetry_.log(LogLevel::warning, "clock", "the system's clock has jumped; it is checked against nodes");
    before_jump_ = std::exchange(last_, now);
    voices_.clear();  // if the machine slept, what they said is old
    in_doubt_since_ = own_.now().steady;
  }
}

void TrustedClock::tick(Now /*now*/) {
  follow();
  note_change();
}

void TrustedClock::set_home_nodes(const std::vector<protocol::NodeId>& nodes) {
  home_nodes_ = {nodes.begin(), nodes.end()};
}

void TrustedClock::on_node_time(const protocol::NodeId& node, UnixTime node_time, SteadyTime asked) {
  follow();
  const SteadyTime now = own_.now().steady;
  if (asked < in_doubt_since_) {  // the answer may have waited while the machine slept
    return;
  }
  const Offset offset = node_time.time_since_epoch() - now.time_since_epoch();
  const auto found = voices_.find(node);
  if (found == voices_.end() && voices_.size() >= most_voices) {
    voices_.erase(std::ranges::min_element(voices_, {}, [this](const auto& entry) {
      return std::pair(home_nodes_.contains(entry.first), entry.second.heard);
    }));
  }
  const bool moved = found != voices_.end() && !agree(found->second.offset, offset);
  const bool same = found != voices_.end() && found->second.offset - offset < same_voice &&
                    offset - found->second.offset < same_voice;
  const bool told = moved && now - found->second.told < moves_told_every;
  const bool tells = (moved && !told) || found == voices_.end();
  voices_[node] = {same ? found->second.offset : offset, now, tells ? now : found->second.told};
  check();
  generation_ += tells ? 1 : 0;
  note_change();
}

/// The own clock is certain if nodes agree with it.
void TrustedClock::check() {
  const Offset now = own();
  const auto nodes = consensus(now);
  if (nodes && nodes->certain && agree(nodes->offset, now)) {
    line_ = now;
    proven_ = true;
    checked_once_ = true;
    last_ = now;
    before_jump_.reset();
  }
}

void TrustedClock::note_change() {
  const Offset now = believed();
  if (std::chrono::abs(now - noted_) >= noticed || checked() != noted_checked_) {
    ++generation_;
    ++beliefs_;
    noted_ = now;
    noted_checked_ = checked();
  }
}

bool TrustedClock::checked() const noexcept {
  return checked(own());
}

bool TrustedClock::checked(Offset own) const noexcept {
  return checked_once_ && agree(own, *line_);
}

/// What most nodes say; the own clock has a voice too, so that two nodes of three do not outvote the third
/// and us. Home nodes are heard before others: friends can name any number of those.
std::optional<TrustedClock::Consensus> TrustedClock::consensus(Offset own) const noexcept {
  if (!last_ || !agree(own, *last_)) {
    return std::nullopt;  // it has jumped since they spoke
  }
  const auto is_home = [this](const auto& entry) { return home_nodes_.contains(entry.first); };
  const bool homes = std::ranges::any_of(voices_, is_home);
  std::size_t voices = 0;
  std::size_t most = 0;
  bool with_own = false;
  Offset offset{};
  for (const auto& candidate : voices_) {
    if (homes && !is_home(candidate)) {
      continue;
    }
    ++voices;
    const auto count = static_cast<std::size_t>(std::ranges::count_if(voices_, [&](const auto& other) {
      return (!homes || is_home(other)) && agree(other.second.offset, candidate.second.offset);
    }));
    const bool ours = agree(own, candidate.second.offset);
    if (std::pair(count + (ours ? 1 : 0), ours) > std::pair(most + (with_own ? 1 : 0), with_own)) {
      most = count;
      with_own = ours;
      offset = candidate.second.offset;
    }
  }
  if (most == 0 || (most == 1 && voices > 1 && !with_own)) {
    return std::nullopt;
  }
  const bool only = voices == 1 && ((homes && home_nodes_.size() == 1) ||
                                    own_.now().steady - in_doubt_since_ >= only_voice_after);
  const bool may_certify = homes || home_nodes_.empty();
  return Consensus{offset, may_certify && (most > 1 || only), most == 1 && !with_own};
}

TrustedClock::Offset TrustedClock::believed(Offset own) const noexcept {
  if (checked(own)) {
    return own;
  }
  if (const auto nodes = consensus(own)) {
    if (nodes->alone && proven_) {
      return nearer_to_line(own, nodes->offset);
    }
    return agree(nodes->offset, own) ? own : nodes->offset;
  }
  return proven_ ? std::max(own, *line_) : own;  // a machine that has slept is ahead of the line
}

/// One of two clocks is wrong. The right one is not behind the line, and seldom far ahead of it.
TrustedClock::Offset TrustedClock::nearer_to_line(Offset own, Offset node) const noexcept {
  const Offset earliest = *line_ - tolerance;
  if (own < earliest || node < earliest) {
    return std::max(own, node);
  }
  return std::min(own, node);
}

CertainDate TrustedClock::for_good() const noexcept {
  const Offset now = own();
  const Offset best = believed(now);
  if (checked(now)) {
    return {date(now), date(now), true};
  }
  Offset passed = std::min(line_.value_or(now), best);
  if (!proven_ || !consensus(now)) {
    passed = std::min(passed, now);
  }
  return {date(passed), date(best), false};
}

bool TrustedClock::is_by_line() const noexcept {
  const Offset now = own();
  return proven_ && !checked(now) && !consensus(now) && now < *line_ - tolerance;
}

UnixTime TrustedClock::stamp() const noexcept {
  const Offset now = own();
  if (checked(now)) {
    return date(now);
  }
  const auto nodes = consensus(now);
  return nodes && nodes->certain ? date(nodes->offset) : last_date;
}

UnixTimeMs TrustedClock::date_of(SteadyTime when) const noexcept {
  const Offset now = own();
  const Offset offset = checked(now) ? now : std::max(now, believed(now));
  return UnixTimeMs{when.time_since_epoch() + offset};
}

UnixTime TrustedClock::date_at(std::span<const protocol::NodeId> nodes) const noexcept {
  const Offset ours = believed();
  std::optional<Offset> other;
  std::size_t most = 0;
  for (const auto& node : nodes) {
    const auto found = voices_.find(node);
    if (found == voices_.end()) {
      continue;
    }
    const Offset theirs = found->second.offset;
    if (agree(theirs, ours)) {
      return date(ours);
    }
    const auto count = static_cast<std::size_t>(std::ranges::count_if(nodes, [&](const auto& id) {
      const auto voice = voices_.find(id);
      return voice != voices_.end() && agree(voice->second.offset, theirs);
    }));
    if (count > most) {
      most = count;
      other = theirs;
    }
  }
  return date(other.value_or(ours));
}

std::vector<crypto::Epoch> TrustedClock::other_epochs(const protocol::NodeId& node) const {
  const Offset own_offset = own();
  const Offset ours = believed(own_offset);
  std::vector<Offset> offsets;
  if (const auto found = voices_.find(node); found != voices_.end()) {
    offsets.push_back(found->second.offset);
  } else if (!checked(own_offset)) {
    offsets.push_back(own_offset);
    if (checked_once_) {
      offsets.push_back(*line_);
    }
    if (before_jump_) {
      offsets.push_back(*before_jump_);
    }
  }
  const auto present = crypto::epoch_at(date(ours));
  std::vector<crypto::Epoch> epochs;
  for (const Offset offset : offsets) {
    const auto epoch = agree(offset, ours) ? std::nullopt : crypto::epoch_at(date(offset));
    if (epoch && epoch != present && std::ranges::find(epochs, *epoch) == epochs.end()) {
      epochs.push_back(*epoch);
    }
  }
  return epochs;
}

}  // namespace toxasync::manager
