// SPDX-License-Identifier: GPL-3.0-or-later
#include "sqlite_memory.hpp"

#include <sqlite3.h>

#include <atomic>
#include <stdexcept>

namespace toxasync::failure {

namespace {

sqlite3_mem_methods system_memory{};
std::atomic<std::uint64_t> count = 0;
std::atomic<std::uint64_t> first_failure = 0;
std::atomic<std::uint64_t> failures = 0;

bool next_fails() noexcept {
  return ++count - first_failure < failures;
}

}  // namespace

void SqliteMemory::replace() {
  sqlite3_config(SQLITE_CONFIG_GETMALLOC, &system_memory);
  static sqlite3_mem_methods counted = system_memory;
  counted.xMalloc = [](int size) { return next_fails() ? nullptr : system_memory.xMalloc(size); };
  counted.xRealloc = [](void* memory, int size) {
    return next_fails() ? nullptr : system_memory.xRealloc(memory, size);
  };
  if (sqlite3_config(SQLITE_CONFIG_MALLOC, &counted) != SQLITE_OK) {
    throw std::runtime_error("SQLite is in use already");
  }
}

void SqliteMemory::fail(std::uint64_t first, std::uint64_t more) noexcept {
  first_failure = first;
  failures = more;
}

std::uint64_t SqliteMemory::allocations() noexcept {
  return count;
}

}  // namespace toxasync::failure
