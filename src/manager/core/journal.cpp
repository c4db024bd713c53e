// SPDX-License-Identifier: GPL-3.0-or-later
#include "manager/core/journal.hpp"

#include <algorithm>
#include <utility>

namespace toxasync::manager {

void Journal::push(store::StateBatch batch, store::StateStore::Done done) {
  if (under_way_ == 0) {
    poll_at_ = clock_.now().steady;
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
      again_at_ = clock_.now().steady + again_after;
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
  if (!owed_.empty() && now.steady >= again_at_) {
    push_owed();
  }
  poll_at_ = now.steady + poll_every;
}

SteadyTime Journal::next_deadline() const noexcept {
  return std::min(under_way_ > 0 ? poll_at_ : never, owed_.empty() ? never : again_at_);
}

}  // namespace toxasync::manager
