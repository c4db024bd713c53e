// SPDX-License-Identifier: GPL-3.0-or-later
#include "manager/outbox/box_gate.hpp"

#include <iterator>

namespace toxasync::manager {

const BoxGate::State* BoxGate::find(const Box& box) const {
  const auto found = states_.find(box);
  return found == states_.end() ? nullptr : &found->second;
}

bool BoxGate::is_closed(const Box& box) const {
  const State* const state = find(box);
  return state != nullptr && state->backoff != 0ms;
}

bool BoxGate::may_ask(const Box& box, Now now) const {
  const State* const state = find(box);
  return state == nullptr || state->backoff == 0ms || (!state->asking && state->ask_again <= now.steady);
}

void BoxGate::turned_away(const Box& box, Now now, seconds retry_after) {
  if (!is_closed(box)) {
    forget_unused(box.to, now);
  }
  State& state = states_[box];
  state.asking = false;
  if (state.ask_again <= now.steady) {  // else it was under way together with the one that closed it
    backoff_.postpone(state.backoff, state.ask_again, now, retry_after);
    ask_again_.set(box, state.ask_again);
  }
}

void BoxGate::took(const Box& box) {
  const auto found = states_.find(box);
  if (found == states_.end()) {
    return;
  }
  ask_again_.erase(box);
  if (found->second.waiting.empty()) {
    states_.erase(found);
  } else {
    found->second.backoff = 0ms;
    found->second.ask_again = {};
    found->second.asking = false;
  }
}

void BoxGate::ask_another(const Box& box, Now now) {
  if (const auto found = states_.find(box); found != states_.end() && found->second.asking) {
    found->second.asking = false;
    ask_again_.set(box, now.steady);
  }
}

std::optional<BoxGate::Place> BoxGate::pop_waiting(const Box& box) {
  const auto found = states_.find(box);
  if (found == states_.end() || found->second.waiting.empty()) {
    return std::nullopt;
  }
  const Place first = *found->second.waiting.begin();
  found->second.waiting.erase(found->second.waiting.begin());
  if (found->second.waiting.empty() && found->second.backoff == 0ms) {
    states_.erase(found);
  }
  return first;
}

/// Boxes of past epochs and former nodes.
void BoxGate::forget_unused(const FriendKey& to, Now now) {
  for (auto at = states_.lower_bound({.to = to}); at != states_.end() && at->first.to == to;) {
    const State& state = at->second;
    const bool unused = state.waiting.empty() && !state.asking && state.ask_again <= now.steady;
    at = unused ? states_.erase(at) : std::next(at);
  }
}

void BoxGate::forget(const FriendKey& to) {
  auto at = states_.lower_bound({.to = to});
  while (at != states_.end() && at->first.to == to) {
    ask_again_.erase(at->first);
    at = states_.erase(at);
  }
}

}  // namespace toxasync::manager
