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
  [[nodiscard]] std::size_t live_in(const MailboxKey& mailbox) const {
    const auto found = mailboxes_.find(mailbox);
    return found == mailboxes_.end() ? 0 : found->second.live.size();
  }

  void put(Token token, const MailboxKey& mailbox, const RecordId& id, ByteView value, UnixTime expires_at,
           UnixTime now) override;
  void list(Token token, const MailboxKey& mailbox, std::uint64_t after, const ListLimits& limits,
            UnixTime now) override;
  void remove(Token token, const MailboxKey& mailbox, std::span<const RecordId> ids) override;
  void cancel(Token token, const MailboxKey& mailbox, const RecordId& id,
              const Commitment& commitment) override;
  void expire(UnixTime now, std::size_t max_rows) override;
  void set_capacity(std::uint64_t bytes) override { stats_.capacity_bytes = bytes; }
  [[nodiscard]] StoreStats stats() const override { return stats_; }
  void submit() override { submitted_ = completions_.size(); }
  std::size_t poll(StoreListener& listener) override;
  [[nodiscard]] int wake_fd() const noexcept override { return -1; }

 private:
  struct Entry {
    std::uint64_t sequence = 0;
    UnixTime expires_at{};
    bool live = true;
    bool cancelled = false;  // Of a tombstone: not by the owner.
    Bytes value;
  };
  struct Mailbox {
    std::map<RecordId, Entry> entries;
    std::map<std::uint64_t, RecordId> live;  // By sequence.
    std::uint64_t bytes = 0;
  };
  using ExpiryKey = std::tuple<UnixTime, std::uint64_t, MailboxKey, RecordId>;
  using Completion = std::function<void(StoreListener&)>;
  enum class Admission { yes, overloaded, fails };
  struct Waiting {
    std::size_t cost;
    Completion completion;
  };

  Admission admit(std::size_t cost);
  void complete(std::size_t cost, Completion completion);
  PutResult apply_put(const MailboxKey& mailbox, const RecordId& id, ByteView value, UnixTime expires_at,
                      UnixTime now);
  CancelStatus apply_cancel(Mailbox& mailbox, Entry& entry, const Commitment& commitment);
  void bury(Mailbox& mailbox, Entry& entry);
  void drop(const MailboxKey& key, const RecordId& id);

  StoreLimits limits_;
  bool holding_ = false;
  bool disk_full_ = false;
  std::size_t failures_ = 0;
  std::map<MailboxKey, Mailbox> mailboxes_;
  std::set<ExpiryKey> by_expiry_;
  std::uint64_t last_sequence_ = 0;
  StoreStats stats_;
  std::vector<Waiting> completions_;
  std::size_t submitted_ = 0;
  std::size_t queued_bytes_ = 0;
};

}  // namespace toxasync::store
