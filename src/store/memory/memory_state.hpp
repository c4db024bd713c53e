// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <vector>

#include "store/state_store.hpp"

namespace toxasync::store {

/// Keeps the state in memory: for tests and simulations, where it can simulate a slow or failing disk and a
/// crash.
class MemoryState final : public StateStore {
 public:
  /// While true, batches wait: neither durable nor completed. Setting it to false makes them durable.
  void hold_commits(bool hold);
  /// Makes the first `count` of the waiting batches durable: so a crash may leave any prefix of what was
  /// committed.
  void release(std::size_t count);
  /// Batches that are neither durable nor refused.
  [[nodiscard]] std::size_t waiting() const noexcept { return waiting_.size(); }
  /// Their writes, in order.
  [[nodiscard]] std::vector<std::size_t> waiting_writes() const;
  /// While true, batches become durable but poll() does not say so.
  void hold_completions(bool hold) noexcept { holding_completions_ = hold; }
  /// The next `count` batches fail, and those queued behind one before poll() has reported it.
  void fail_next(std::size_t count) noexcept { failures_ = count; }
  /// What a program would find after a crash now: only what is durable.
  [[nodiscard]] std::unique_ptr<MemoryState> crash_copy() const;
  [[nodiscard]] const std::map<Bytes, Bytes>& durable() const noexcept { return durable_; }

  std::vector<StateEntry> load() override;
  void commit(StateBatch batch, Done done) override;
  std::size_t poll() override;
  bool flush(milliseconds timeout) override;
  [[nodiscard]] int wake_fd() const noexcept override { return -1; }

 private:
  struct Waiting {
    StateBatch batch;
    Done done;
  };
  struct Outcome {
    bool durable;
    Done done;
  };
  void apply(Waiting& waiting);

  bool holding_commits_ = false;
  bool holding_completions_ = false;
  bool failing_ = false;  // A failure has not been reported yet.
  std::size_t failures_ = 0;
  std::map<Bytes, Bytes> durable_;
  std::deque<Waiting> waiting_;
  std::deque<Outcome> outcomes_;
};

}  // namespace toxasync::store
