// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <utility>
#include <vector>

#include "store/job_queue.hpp"
#include "store/store.hpp"

// The calls of Store while they wait for a worker's thread, with their results. Each has: fail(), the result
// when nothing of it was done; deliver(), which calls the listener, and returns whether Store::poll counts
// it; and cost(), about the bytes that it holds while it waits.

namespace toxasync::store {

inline constexpr std::size_t operation_overhead_bytes = 256;  // Beside the bytes that were handed in.

/// The cancel commitment is at this place of a value: docs/protocol.md, "Envelope".
inline constexpr std::size_t commitment_offset = 1;

/// The tags that a list names, each once and in their order.
std::vector<BoxTag> named_tags(std::span<const BoxTag> boxes);

/// Whether the box has that tag.
inline bool has_tag(ByteView box_key, const BoxTag& tag) noexcept {
  return box_key.size() >= tag.size() && std::ranges::equal(box_key.first(tag.size()), tag);
}

struct PutOperation {
  Token token = 0;
  Box box;
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
  Mailbox mailbox{};
  std::vector<BoxTag> boxes;
  std::uint64_t after = 0;
  ListLimits limits;
  UnixTime now{};
  ListResult result;
  std::map<BoxKey, std::uint64_t> marks{};  ///< The highest sequence in the result, for each box.

  void fail(JobFailure why) noexcept;
  bool deliver(StoreListener& listener) {
    listener.on_list(token, std::move(result));
    return true;
  }
  /// Includes the answer, which waits in memory until poll().
  [[nodiscard]] std::size_t cost(const StoreLimits& store) const noexcept {
    return operation_overhead_bytes + boxes.size() * sizeof(BoxTag) +
           static_cast<std::size_t>(std::min<std::uint64_t>(limits.max_bytes, store.queue_bytes / 2));
  }
};

/// Fills a list's result with records, in their order, up to its limits.
class ListFiller {
 public:
  explicit ListFiller(ListOperation& list) : list_(list) {
    list.result = {OpStatus::ok, {}, false, list.after};
    list.marks.clear();
  }

  struct Candidate {
    std::uint64_t sequence = 0;
    ByteView box;
    ByteView id;
    UnixTime expires_at{};
    ByteView value;
  };
  /// False: there is no room for it, and so `more`.
  bool add(const Candidate& record);
  /// Of a record that is not listed: it has expired, or is damaged. False: these were enough for one list,
  /// and so `more`.
  bool skip(std::uint64_t sequence) noexcept;

 private:
  ListOperation& list_;
  std::size_t bytes_ = 0;
  std::size_t skipped_ = 0;
};

struct RemoveOperation {
  Token token = 0;
  Mailbox mailbox{};
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
  Mailbox mailbox{};
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
  bool more = false;  ///< The result.

  void fail(JobFailure /*why*/) noexcept { more = false; }
  bool deliver(StoreListener& listener) const noexcept {
    listener.on_expired(more);
    return false;
  }
  [[nodiscard]] static std::size_t cost() noexcept { return operation_overhead_bytes; }
};

}  // namespace toxasync::store
