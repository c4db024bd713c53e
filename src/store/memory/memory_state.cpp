// SPDX-License-Identifier: GPL-3.0-or-later
#include "store/memory/memory_state.hpp"

#include <algorithm>
#include <utility>

namespace toxasync::store {

std::unique_ptr<MemoryState> MemoryState::crash_copy() const {
  auto copy = std::make_unique<MemoryState>();
  copy->durable_ = durable_;
  return copy;
}

std::vector<StateEntry> MemoryState::load() {
  std::vector<StateEntry> entries;
  entries.reserve(durable_.size());
  for (const auto& [key, value] : durable_) {
    entries.push_back({key, value});
  }
  return entries;
}

void MemoryState::hold_commits(bool hold) {
  holding_commits_ = hold;
  if (!hold) {
    release(waiting_.size());
  }
}

void MemoryState::release(std::size_t count) {
  for (; count > 0 && !waiting_.empty(); --count, waiting_.pop_front()) {
    apply(waiting_.front());
  }
}

std::vector<std::size_t> MemoryState::waiting_writes() const {
  std::vector<std::size_t> writes;
  writes.reserve(waiting_.size());
  for (const Waiting& waiting : waiting_) {
    writes.push_back(waiting.batch.size());
  }
  return writes;
}

void MemoryState::commit(StateBatch batch, Done done) {
  Waiting waiting{std::move(batch), std::move(done)};
  if (holding_commits_) {
    waiting_.push_back(std::move(waiting));
  } else {
    apply(waiting);
  }
}

void MemoryState::apply(Waiting& waiting) {
  const bool sound = std::ranges::all_of(waiting.batch, [](const StateWrite& write) {
    return write.key.size() <= max_state_key_bytes &&
           (!write.value || write.value->size() <= max_state_value_bytes);
  });
  if (!failing_ && (failures_ > 0 || !sound)) {
    failing_ = true;
  }
  if (failures_ > 0) {
    --failures_;
  }
  if (!failing_) {
    for (StateWrite& write : waiting.batch) {
      if (write.value) {
        durable_[write.key] = std::move(*write.value);
      } else {
        durable_.erase(write.key);
      }
    }
  }
  outcomes_.push_back({!failing_, std::move(waiting.done)});
}

std::size_t MemoryState::poll() {
  if (holding_completions_) {
    return 0;
  }
  std::deque<Outcome> ready;
  ready.swap(outcomes_);
  if (!ready.empty() && failing_) {
    // What still waits was queued before this report, so it fails too.
    for (; !waiting_.empty(); waiting_.pop_front()) {
      ready.push_back({false, std::move(waiting_.front().done)});
    }
    failing_ = false;
  }
  for (const Outcome& outcome : ready) {
    if (outcome.done) {
      outcome.done(outcome.durable);
    }
  }
  return ready.size();
}

bool MemoryState::flush(milliseconds /*timeout*/) {
  return waiting_.empty();
}

}  // namespace toxasync::store
