// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <deque>
#include <memory>

#include "base/clock.hpp"
#include "base/metrics.hpp"
#include "crypto/symmetric.hpp"
#include "manager/core/part.hpp"
#include "store/state_store.hpp"

namespace toxasync::manager {

/// Writes to the state store. A write that failed is either its caller's to handle (commit), or written
/// again until it is durable (keep), always before anything that came after it.
class Journal final : public Part {
 public:
  static constexpr milliseconds again_after = 1s;
  /// How often completions are polled for while some are due.
  static constexpr milliseconds poll_every = 2ms;

  Journal(store::StateStore& state, const Clock& clock, Telemetry telemetry)
      : state_(state), clock_(clock), telemetry_(telemetry) {}
  /// Completions that come later are dropped.
  ~Journal() override { *alive_ = false; }

  /// All that is stored.
  std::vector<store::StateEntry> entries() { return state_.load(); }
  /// Durable or not: `done` is called. The change in memory that it stands for must be undone when it failed.
  void commit(store::StateBatch batch, store::StateStore::Done done);
  /// What has happened already in memory. `done` is called when it is durable.
  void keep(store::StateBatch batch, std::function<void()> done = nullptr);

  /// Calls what is done, and writes again what failed.
  void tick(Now now) override;
  [[nodiscard]] SteadyTime next_deadline() const noexcept override;

 private:
  struct Kept {
    store::StateBatch batch;
    std::function<void()> done;
  };
  void push(store::StateBatch batch, store::StateStore::Done done);
  void push_kept(std::shared_ptr<Kept> kept);
  void push_owed();

  store::StateStore& state_;
  const Clock& clock_;
  Telemetry telemetry_;
  /// Failed and still to be written, in order. The store fails all that was queued behind a failure, so that
  /// order is that of the calls.
  std::deque<std::shared_ptr<Kept>> owed_;
  SteadyTime again_at_{};
  std::size_t under_way_ = 0;
  SteadyTime poll_at_{};
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace toxasync::manager
