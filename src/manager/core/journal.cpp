// SPDX-License-Identifier: GPL-3.0-or-later
#include "manager/core/journal.hpp"

#include <algorithm>
#include <limits>
#include <utility>

namespace toxasync::manager {

void Journal::push(store::StateBatch batch, store::StateStore::Done done) {
  if (under_way_ == 0) {
    poll_at_ms_ = clock_.now().steady_ms;
  }
  ++under_way_;
  state_.commit(std::move(batch), [this, alive = alive_, done = std::move(done)](bool durable) {
    if (!*alive) {
      return;
    }
    --under_way_;
    if (!durable) {
      telemetry_.refuse(Counter::state_failed);
    }
    if (done) {
      done(durable);
    }
  });
}

void Journal::push_kept(std::shared_ptr<Kept> kept) {
  auto copy = kept->batch;
  push(std::move(copy), [this, kept = std::move(kept)](bool durable) {
    if (!durable) {
      again_at_ms_ = clock_.now().steady_ms + again_after_ms;
      owed_.push_back(kept);
      return;
    }
    for (auto& write : kept->batch) {
      if (write.value) {
        crypto::wipe(*write.value);
      }
    }
    if (kept->done) {
      kept->done();
    }
  });
}

void Journal::push_owed() {
  for (auto owed = std::exchange(owed_, {}); !owed.empty(); owed.pop_front()) {
    push_kept(std::move(owed.front()));
  }
}

void Journal::commit(store::StateBatch batch, store::StateStore::Done done) {
  push_owed();
  push(std::move(batch), std::move(done));
}

void Journal::keep(store::StateBatch batch, std::function<void()> done) {
  push_owed();
  push_kept(std::make_shared<Kept>(Kept{std::move(batch), std::move(done)}));
}

void Journal::tick(Now now) {
  state_.poll();
  if (!owed_.empty() && now.steady_ms >= again_at_ms_) {
    push_owed();
  }
  poll_at_ms_ = now.steady_ms + poll_every_ms;
}

std::int64_t Journal::next_deadline_ms() const noexcept {
  constexpr auto never = std::numeric_limits<std::int64_t>::max();
  return std::min(under_way_ > 0 ? poll_at_ms_ : never, owed_.empty() ? never : again_at_ms_);
}

}  // namespace toxasync::manager
