// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "base/bytes.hpp"
#include "base/time.hpp"

namespace toxasync::store {

inline constexpr std::size_t max_state_key_bytes = 128;
inline constexpr std::size_t max_state_value_bytes = 256U << 10;

/// One change: `value` is written under `key`, or the key is removed when there is none.
struct StateWrite {
  Bytes key;                   ///< At most max_state_key_bytes.
  std::optional<Bytes> value;  ///< At most max_state_value_bytes.
};

struct StateEntry {
  Bytes key;
  Bytes value;
};

/// Changes that take effect together or not at all.
using StateBatch = std::vector<StateWrite>;

/// Where a client keeps its outbox, inbox, pre-keys and friends. The manager holds all of it in memory and
/// writes each change here before an effect of it can be seen outside.
class StateStore {
 public:
  /// True: the batch survives a crash and a power cut. False: nothing of it was written.
  /// What was queued before poll() reported a failure fails too, so that what is stored is always the
  /// result of all calls up to some point; write all of it again, from memory. A batch that breaks
  /// the size limits, or finds the queue full, counts as a failure like any other.
  using Done = std::function<void(bool durable)>;

  virtual ~StateStore() = default;

  /// Everything that is stored, read once at the start (blocking). A record that cannot be authenticated is
  /// counted (state.record_damaged), kept in the file, and skipped.
  virtual std::vector<StateEntry> load() = 0;

  /// Queues a batch and returns at once. Batches become durable in the order of the calls; `done` runs in
  /// poll(), in the same order. An empty batch is done when those before it are.
  virtual void commit(StateBatch batch, Done done) = 0;

  /// Runs the completions that are ready, on the calling thread. Returns how many.
  virtual std::size_t poll() = 0;

  /// Blocks until every queued batch has its outcome, or `timeout` has passed; then poll() reports them.
  /// For the end of a program, and for hosts that must know before they return. False: timed out.
  virtual bool flush(milliseconds timeout) = 0;

  /// Readable while completions wait; -1: call poll() by a timer.
  [[nodiscard]] virtual int wake_fd() const noexcept = 0;
};

}  // namespace toxasync::store
