// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <poll.h>
#include <sqlite3.h>
#include <unistd.h>
#include <algorithm>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <mutex>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "base/log.hpp"
#include "base/metrics.hpp"
#include "base/random.hpp"
#include "store/store.hpp"
#include "tests/support/time_print.hpp"

namespace toxasync::store::test {

constexpr seconds patience = 20s;  // A deadline that only a broken program reaches.

/// A directory of its own, removed at the end.
class TemporaryDirectory {
 public:
  TemporaryDirectory() {
    std::string name = (std::filesystem::temp_directory_path() / "toxasync-store-XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr) {
      throw std::runtime_error("no temporary directory");
    }
    path_ = name;
  }
  ~TemporaryDirectory() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;

  [[nodiscard]] const std::filesystem::path& path() const { return path_; }
  [[nodiscard]] std::filesystem::path file(const std::string& name = "test.db") const { return path_ / name; }

  /// All bytes of all files, to look for what must not be there.
  [[nodiscard]] std::string contents() const {
    std::string all;
    for (const auto& entry : std::filesystem::directory_iterator(path_)) {
      std::ifstream in(entry.path(), std::ios::binary);
      all.append(std::istreambuf_iterator<char>(in), {});
    }
    return all;
  }

 private:
  std::filesystem::path path_;
};

/// Repeatable, and not secure.
class TestRandom final : public Random {
 public:
  explicit TestRandom(std::uint64_t seed = 1) : state_(seed) {}
  void fill(MutableBytes out) noexcept override {
    for (auto& byte : out) {
      state_ = state_ * 6364136223846793005ULL + 1442695040888963407ULL;
      byte = static_cast<std::uint8_t>(state_ >> 56);
    }
  }

 private:
  std::uint64_t state_;
};

class SilentLog final : public Log {
 public:
  [[nodiscard]] bool enabled(LogLevel) const noexcept override { return false; }
  void write(LogLevel, std::string_view, std::string_view) noexcept override {}
};

struct Observed {
  Metrics metrics;
  SilentLog log;
  Telemetry telemetry{metrics, log};
  TestRandom random;
};

/// Keeps the completions by token.
class Results final : public StoreListener {
 public:
  void on_put(Token token, const PutResult& result) noexcept override { keep(puts, token, result); }
  void on_list(Token token, ListResult&& result) noexcept override { keep(lists, token, std::move(result)); }
  void on_remove(Token token, const RemoveResult& result) noexcept override { keep(removes, token, result); }
  void on_cancel(Token token, CancelStatus status) noexcept override { keep(cancels, token, status); }
  void on_expired(bool more) noexcept override { expired.push_back(more); }

  std::map<Token, PutResult> puts;
  std::map<Token, ListResult> lists;
  std::map<Token, RemoveResult> removes;
  std::map<Token, CancelStatus> cancels;
  std::vector<Token> order;   ///< Of the completions.
  std::vector<bool> expired;  ///< Of expire(): whether there may be more.

 private:
  template <class Kept, class Result>
  void keep(Kept& kept, Token token, Result&& result) {
    kept[token] = std::forward<Result>(result);
    order.push_back(token);
  }
};

/// Polls until `count` completions came; false when they did not come in time.
inline bool wait_for(Store& store, StoreListener& results, std::size_t count) {
  const auto deadline = std::chrono::steady_clock::now() + patience;
  std::size_t seen = store.poll(results);
  while (seen < count && std::chrono::steady_clock::now() < deadline) {
    pollfd waiting{store.wake_fd(), POLLIN, 0};
    if (waiting.fd < 0 || ::poll(&waiting, 1, 1000) < 0) {
      return false;
    }
    seen += store.poll(results);
  }
  return seen == count;
}

constexpr UnixTime at(seconds since_1970) {
  return UnixTime{since_1970};
}

inline Mailbox mailbox(std::uint8_t number) {
  Mailbox key{};
  std::ranges::fill(key, number);
  return key;
}

/// A box of mailbox(number), each writer's with another tag.
inline Box box(std::uint8_t number, std::uint16_t writer = 1) {
  Box in{mailbox(number), {}};
  std::ranges::fill(in.key, number);
  in.key[0] = 0xb0;
  store_le(writer, in.key.data() + 1);
  return in;
}
inline BoxTag tag(std::uint16_t writer = 1) {
  return id_from<BoxTag>(box(0, writer).key);
}
/// As a list names the box of the first writer.
inline const std::vector<BoxTag> first_box{tag()};

inline RecordId record(std::uint16_t number) {
  RecordId id{};
  store_le(number, id.data());
  id[15] = 0xee;
  return id;
}

/// A value of `size` bytes whose commitment is sixteen times `mark`.
inline Bytes value_of(std::size_t size, std::uint8_t mark) {
  return Bytes(size, mark);
}

inline Commitment commitment(std::uint8_t mark) {
  Commitment result{};
  std::ranges::fill(result, mark);
  return result;
}

/// One call and its completion, for tests that are not about waiting.
struct Caller {
  Store& store;
  Results results;
  Token last = 0;
  UnixTime now = at(1000s);

  explicit Caller(Store& engine) : store(engine) {}

  bool finish() {
    store.submit();
    return wait_for(store, results, 1);
  }
  PutResult put(const Box& into, const RecordId& id, ByteView value, UnixTime expires_at = at(2000s)) {
    store.put(++last, into, id, value, expires_at, now);
    return finish() ? results.puts[last] : PutResult{};
  }
  ListResult list(const Mailbox& key, std::uint64_t after = 0, ListLimits limits = {1000, 1U << 20},
                  const std::vector<BoxTag>& boxes = first_box) {
    store.list(++last, key, boxes, after, limits, now);
    return finish() ? results.lists[last] : ListResult{};
  }
  ListResult list(const Mailbox& key, const std::vector<BoxTag>& boxes) {
    return list(key, 0, {1000, 1U << 20}, boxes);
  }
  RemoveResult remove(const Mailbox& key, std::vector<RecordId> ids) {
    store.remove(++last, key, ids);
    return finish() ? results.removes[last] : RemoveResult{};
  }
  CancelStatus cancel(const Mailbox& key, const RecordId& id, const Commitment& proof) {
    store.cancel(++last, key, id, proof);
    return finish() ? results.cancels[last] : CancelStatus::failed;
  }
};

inline void overwrite(const std::filesystem::path& file, std::size_t offset, char with) {
  std::fstream out(file, std::ios::binary | std::ios::in | std::ios::out);
  out.seekp(static_cast<std::streamoff>(offset));
  out.put(with);
}

inline std::string read_file(const std::filesystem::path& file) {
  std::ifstream in(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

/// A disk that fails on command: SQLite's default file system with faults between. One at a time.
class FaultyDisk {
 public:
  FaultyDisk();
  ~FaultyDisk();
  FaultyDisk(const FaultyDisk&) = delete;
  FaultyDisk& operator=(const FaultyDisk&) = delete;

  static constexpr const char* name = "toxasync-faulty";

  /// SQLite's code for every write and sync from now on; SQLITE_OK: they work again.
  void fail_writes(int code) { write_code_ = code; }
  void fail_syncs(int code) { sync_code_ = code; }
  /// As a file on a read-only file system.
  void set_read_only(bool on) { read_only_ = on; }

  /// Syncs block from now on, until release().
  void hold_syncs() {
    const std::lock_guard lock(mutex_);
    holding_ = true;
  }
  /// Waits until a sync blocks.
  bool wait_until_held() {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, patience, [this] { return held_; });
  }
  void release() {
    const std::lock_guard lock(mutex_);
    holding_ = false;
    changed_.notify_all();
  }

  [[nodiscard]] int before_write() const { return write_code_; }
  int before_sync() {
    std::unique_lock lock(mutex_);
    held_ = holding_;
    changed_.notify_all();
    changed_.wait_for(lock, patience, [this] { return !holding_; });
    held_ = false;
    ++syncs;
    return sync_code_;
  }
  [[nodiscard]] bool read_only() const { return read_only_; }

  std::atomic<int> syncs{0};

 private:
  std::atomic<int> write_code_{SQLITE_OK};
  std::atomic<int> sync_code_{SQLITE_OK};
  std::atomic<bool> read_only_{false};
  std::mutex mutex_;
  std::condition_variable changed_;
  bool holding_ = false;
  bool held_ = false;
  sqlite3_vfs vfs_{};
};

}  // namespace toxasync::store::test
