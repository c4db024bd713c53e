// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>

namespace toxasync::failure {

/// SQLite's memory. Its allocations are counted from 1, on any thread.
class SqliteMemory {
 public:
  /// Before any database is opened.
  static void replace();
  /// `count` allocations from number `first` on fail.
  static void fail(std::uint64_t first, std::uint64_t count) noexcept;
  [[nodiscard]] static std::uint64_t allocations() noexcept;
};

}  // namespace toxasync::failure
