// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.hpp"

namespace toxasync::crash {

/// Files by name, whole.
using Image = std::map<std::string, Bytes>;

/// What a disk was told, in the order in which it was told.
struct Change {
  enum class Kind : std::uint8_t { write, truncate, sync, create, remove, rename, sync_directory };
  Kind kind = Kind::write;
  std::size_t file = 0;
  std::uint64_t offset = 0;  ///< For truncate: the new size.
  Bytes data;
  std::string name;
  std::string to;  ///< For rename.

  [[nodiscard]] bool of_directory() const noexcept {
    return kind == Kind::create || kind == Kind::remove || kind == Kind::rename;
  }
};

/// One directory: names and contents apart, as a file system keeps them.
struct Files {
  std::map<std::string, std::size_t> names;
  std::map<std::size_t, Bytes> contents;

  void apply(const Change& change);
  void write(std::size_t file, std::uint64_t offset, ByteView data);
  [[nodiscard]] Image image() const;
};

/// A disk in memory that notes every change. One at a time is there, under `root`: for the functions of the
/// system that our code calls (system_calls.cpp), and for SQLite (sqlite_files.cpp). From any thread.
class Disk {
 public:
  /// What it does not do although it says so.
  enum class Fault : std::uint8_t { none, syncs_nothing, syncs_no_wal, syncs_no_directory };
  /// How a call fails: with EIO; with ENOSPC, if it writes; or likewise, when half is written.
  enum class Failure : std::uint8_t { io, full, short_write };
  static constexpr std::string_view root = "/disk-of-the-crash-harness";
  static constexpr const char* vfs = "toxasync-crash";

  explicit Disk(const Image& start, Fault fault = Fault::none);
  ~Disk();
  Disk(const Disk&) = delete;
  Disk& operator=(const Disk&) = delete;

  /// The one that is there; null: none.
  static Disk* mounted() noexcept;
  static std::string path(const std::string& name) {
    std::string path(root);  // appended to piece by piece: GCC 12 warns of `+` without a reason
    path += '/';
    path += name;
    return path;
  }
  /// The name within the root; nothing: it is another disk's.
  static std::optional<std::string> name_of(std::string_view path);

  [[nodiscard]] std::optional<std::size_t> find(const std::string& name) const;
  std::size_t create(const std::string& name);
  bool remove(const std::string& name);
  bool rename(const std::string& from, const std::string& to);
  std::size_t read(std::size_t file, std::uint64_t offset, MutableBytes out) const;
  void write(std::size_t file, std::uint64_t offset, ByteView data);
  void truncate(std::size_t file, std::uint64_t size);
  void sync(std::size_t file);
  void sync_directory();
  [[nodiscard]] std::uint64_t size(std::size_t file) const;

  /// `count` calls from number `first` on fail, counted from 1.
  void fail_calls(std::uint64_t first, std::uint64_t count, Failure how) noexcept;
  /// For whoever carries out a call of SQLite's, before it does: whether it fails.
  [[nodiscard]] std::optional<Failure> next_call() noexcept;
  [[nodiscard]] std::uint64_t calls() const noexcept { return calls_; }

  /// How many changes there were.
  [[nodiscard]] std::size_t position() const;
  [[nodiscard]] Image image() const;
  [[nodiscard]] std::vector<Change> take_log();

 private:
  void note(Change change);
  [[nodiscard]] bool is_wal(std::size_t file) const;

  const Fault fault_;
  mutable std::mutex mutex_;
  Files files_;
  std::size_t next_file_;
  std::vector<Change> log_;
  std::atomic<std::uint64_t> calls_ = 0;
  std::uint64_t first_failure_ = 0;
  std::uint64_t failures_ = 0;
  Failure failure_ = Failure::io;
};

}  // namespace toxasync::crash
