// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "store/job_queue.hpp"
#include "store/store.hpp"

// The calls of Store while they wait for a worker's thread, with their results. Each has: fail(), the result
// when nothing of it was done; deliver(), which calls the listener, and returns false where there is nothing
// to report; and cost(), about the bytes that it holds while it waits.

namespace toxasync::store {

inline constexpr std::size_t operation_overhead_bytes = 256;  // Beside the bytes that were handed in.

/// The cancel commitment is at this place of a value: docs/protocol.md, "Envelope".
inline constexpr std::size_t commitment_offset = 1;

struct PutOperation {
  Token token = 0;
  MailboxKey mailbox{};
  RecordId id{};
  Bytes value;
  UnixTime expires_at{};
  UnixTime now{};
  PutResult result;

  void fail(JobFailure why) noexcept;
  bool deliver(StoreListener& listener) {
    listener.on_put(token, result);
    return true;
  }
  [[nodiscard]] std::size_t cost() const noexcept { return operation_overhead_bytes + value.size(); }
};

struct ListOperation {
  Token token = 0;
  MailboxKey mailbox{};
  std::uint64_t after = 0;
  ListLimits limits;
  UnixTime now{};
  ListResult result;

  void fail(JobFailure why) noexcept;
  bool deliver(StoreListener& listener) {
    listener.on_list(token, std::move(result));
    return true;
  }
  /// Includes the answer, which waits in memory until poll().
  [[nodiscard]] std::size_t cost(const StoreLimits& store) const noexcept {
    const auto most = std::min<std::uint64_t>(store.mailbox_bytes, store.queue_bytes / 2);
    return operation_overhead_bytes + std::min<std::size_t>(limits.max_bytes, static_cast<std::size_t>(most));
  }
  [[nodiscard]] std::size_t max_records() const noexcept {
    return std::max<std::size_t>(limits.max_records, 1);
  }
};

struct RemoveOperation {
  Token token = 0;
  MailboxKey mailbox{};
  std::vector<RecordId> ids;
  RemoveResult result;

  void fail(JobFailure why) noexcept;
  bool deliver(StoreListener& listener) {
    listener.on_remove(token, result);
    return true;
  }
  [[nodiscard]] std::size_t cost() const noexcept {
    return operation_overhead_bytes + ids.size() * sizeof(RecordId);
  }
};

struct CancelOperation {
  Token token = 0;
  MailboxKey mailbox{};
  RecordId id{};
  Commitment commitment{};
  CancelStatus result = CancelStatus::failed;

  void fail(JobFailure why) noexcept;
  bool deliver(StoreListener& listener) {
    listener.on_cancel(token, result);
    return true;
  }
  [[nodiscard]] static std::size_t cost() noexcept { return operation_overhead_bytes; }
};

struct ExpireOperation {
  UnixTime now{};
  std::size_t max_rows = 0;

  void fail(JobFailure /*why*/) noexcept {}
  static bool deliver(StoreListener& /*listener*/) noexcept { return false; }
  [[nodiscard]] static std::size_t cost() noexcept { return operation_overhead_bytes; }
};

}  // namespace toxasync::store
