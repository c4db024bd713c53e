// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>

#include "base/time.hpp"

namespace toxasync::store {

/// How much a store may use of a disk that it shares with others.
struct DiskRule {
  std::uint64_t reserve_bytes = 128ULL
                                << 20;  ///< These stay free: when they no longer are, nothing more is stored.
  std::uint32_t per_mille = 1000;       ///< Of what is free and what the store keeps itself...
  std::uint64_t least_bytes = 0;        ///< ...but at least this much.
};

/// A store's capacity: what is configured, or less when the disk has less. A kept byte is taken to cost 1.5
/// on the disk (half-filled pages, indexes).
class DiskRoom {
 public:
  static constexpr seconds look_every = 10s;
  using FreeBytes = std::function<std::optional<std::uint64_t>(const std::filesystem::path& directory)>;

  /// Without a rule the disk is never checked. `free_bytes` may be null: the system is asked.
  DiskRoom(std::filesystem::path directory, std::optional<DiskRule> rule, std::uint64_t most_bytes,
           FreeBytes free_bytes);

  /// From any thread.
  void set_most_bytes(std::uint64_t bytes) noexcept { most_bytes_ = bytes; }
  [[nodiscard]] std::uint64_t most_bytes() const noexcept { return most_bytes_; }
  /// As of the last check of the disk. From any thread.
  [[nodiscard]] std::uint64_t capacity_bytes() const noexcept;

  /// Checks the disk when the last check is `look_every` ago; `now` may be set back. May wait for the
  /// disk. True: it is the first check that finds the reserve used up, or free again.
  bool look(std::uint64_t kept_bytes, UnixTime now);
  /// Less is free than must stay free.
  [[nodiscard]] bool disk_is_full() const noexcept { return disk_is_full_; }

 private:
  std::filesystem::path directory_;
  std::optional<DiskRule> rule_;
  FreeBytes free_bytes_;
  std::atomic<std::uint64_t> most_bytes_;
  std::atomic<std::uint64_t> room_bytes_;  // What the disk allows to keep.
  std::optional<UnixTime> looked_;
  bool disk_is_full_ = false;
};

}  // namespace toxasync::store
