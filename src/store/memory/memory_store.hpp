// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <set>
#include <tuple>
#include <vector>

#include "store/store.hpp"
#include "store/store_operations.hpp"

namespace toxasync::store {

/// Keeps everything in memory: for tests and simulations, where it can simulate a slow or failing disk. An
/// operation takes effect at the call; its completion comes from poll(), after submit().
class MemoryStore final : public Store {
 public:
  explicit MemoryStore(const StoreLimits& limits = {}) : limits_(limits) {
    stats_.capacity_bytes = limits.capacity_bytes;
  }

  /// While true, poll() delivers no completions, and what waits fills the queue.
  void hold_completions(bool hold) noexcept { holding_ = hold; }
  /// While true, the disk has no room, though the capacity is not reached.
  void set_disk_full(bool full) noexcept { disk_full_ = full; }
  /// The next `count` operations (expire is none) have no effect and fail.
  void fail_next(std::size_t count) noexcept { failures_ = count; }
  /// Live records of one mailbox.
  [[nodiscard]] std::size_t live_in(const Mailbox& mailbox) const;
  /// What a list of the mailbox would give. It does not count as given, as what is listed does.
  [[nodiscard]] std::vector<Bytes> look_into(const Mailbox& mailbox, UnixTime now) const;

  void put(Token token, const Box& box, const RecordId& id, ByteView value, UnixTime expires_at,
           UnixTime now) override;
  void list(Token token, const Mailbox& mailbox, std::span<const BoxTag> boxes, std::uint64_t after,
            const ListLimits& limits, UnixTime now) override;
  void remove(Token token, const Mailbox& mailbox, std::span<const RecordId> ids) override;
  void cancel(Token token, const Mailbox& mailbox, const RecordId& id, const Commitment& commitment) override;
  void expire(UnixTime now, std::size_t max_rows) override;
  void set_capacity(std::uint64_t bytes) override { stats_.capacity_bytes = bytes; }
  [[nodiscard]] StoreStats stats() const override { return stats_; }
  void submit() override { submitted_ = completions_.size(); }
  std::size_t poll(StoreListener& listener) override;
  [[nodiscard]] int wake_fd() const noexcept override { return -1; }

 private:
  struct Entry {
    std::uint64_t sequence = 0;
    BoxKey box{};
    UnixTime expires_at{};
    bool live = true;
    bool cancelled = false;  // Of a tombstone: not by the owner.
    Bytes value;
  };
  struct BoxContents {
    std::map<std::uint64_t, RecordId> live;  // By sequence.
    std::uint64_t bytes = 0;
    std::size_t tombstones = 0;
    std::uint64_t given = 0;  // The highest sequence that was listed.
  };
  struct Contents {
    std::map<RecordId, Entry> entries;
    std::map<BoxKey, BoxContents> boxes;  // So those with one tag follow one another.
  };
  using ExpiryKey = std::tuple<UnixTime, std::uint64_t, Mailbox, RecordId>;
  using Completion = std::function<void(StoreListener&)>;
  enum class Admission { yes, overloaded, fails };
  struct Waiting {
    std::size_t cost;
    Completion completion;
  };

  Admission admit(std::size_t cost);
  void complete(std::size_t cost, Completion completion);
  PutResult apply_put(const Box& box, const RecordId& id, ByteView value, UnixTime expires_at, UnixTime now);
  void apply_list(ListOperation& list);
  CancelStatus apply_cancel(Contents& contents, Entry& entry, const Commitment& commitment);
  [[nodiscard]] Entry* find(const Mailbox& mailbox, const RecordId& id);
  void bury(Contents& contents, Entry& entry);
  void drop(const Mailbox& mailbox, const RecordId& id);

  StoreLimits limits_;
  bool holding_ = false;
  bool disk_full_ = false;
  std::size_t failures_ = 0;
  std::map<Mailbox, Contents> mailboxes_;
  std::set<ExpiryKey> by_expiry_;
  std::uint64_t last_sequence_ = 0;
  StoreStats stats_;
  std::vector<Waiting> completions_;
  std::vector<bool> expired_;  // Whether there may be more, of each call of expire().
  std::size_t submitted_ = 0;
  std::size_t queued_bytes_ = 0;
};

}  // namespace toxasync::store
