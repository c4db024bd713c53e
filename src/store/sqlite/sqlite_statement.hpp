// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <concepts>
#include <cstdint>
#include <memory>

#include "base/bytes.hpp"
#include "base/time.hpp"

struct sqlite3_stmt;

namespace toxasync::store {

/// The outcome of a statement, as far as callers distinguish it.
enum class DbStatus : std::uint8_t {
  ok,
  full,     ///< No space on the disk, or max_pages reached: rolled back, the connection stays open.
  damaged,  ///< A page is damaged: whatever uses that page fails.
  failed,   ///< An input/output error: the connection is to be closed and opened again.
};

/// The outcome that a result code of SQLite stands for.
DbStatus status_of(int code) noexcept;

/// A prepared statement. Query executes it.
class Statement {
 public:
  Statement() = default;
  explicit Statement(sqlite3_stmt* handle) noexcept : handle_(handle) {}

 private:
  friend class Query;
  struct Finalise {
    void operator()(sqlite3_stmt* handle) const noexcept;
  };
  std::unique_ptr<sqlite3_stmt, Finalise> handle_;
};

/// One execution of a statement, which is reset when the Query is destroyed. Bound bytes must live as long as
/// the Query.
class Query {
 public:
  explicit Query(const Statement& statement) noexcept : handle_(statement.handle_.get()) {}
  ~Query();
  Query(const Query&) = delete;
  Query& operator=(const Query&) = delete;

  /// Binds the next parameter. Unsigned 64-bit values are stored with their bits as they are.
  template <std::integral T>
  Query& bind(T value) noexcept {
    return bind_integer(static_cast<std::int64_t>(value));
  }
  Query& bind(UnixTime value) noexcept { return bind_integer(value.time_since_epoch().count()); }
  Query& bind(ByteView value) noexcept;  ///< An empty view is an empty blob, not NULL.

  /// Goes to the next row. False: the end, or an error; see status().
  [[nodiscard]] bool next() noexcept;
  /// Executes a statement that returns no rows.
  [[nodiscard]] DbStatus run() noexcept;
  [[nodiscard]] DbStatus status() const noexcept { return status_; }

  /// Of the current row; columns count from 0. A blob is valid until the next call of next().
  [[nodiscard]] std::int64_t integer(int column) const noexcept;
  [[nodiscard]] UnixTime time(int column) const noexcept { return UnixTime{seconds{integer(column)}}; }
  [[nodiscard]] ByteView blob(int column) const noexcept;
  [[nodiscard]] bool is_null(int column) const noexcept;

 private:
  Query& bind_integer(std::int64_t value) noexcept;

  sqlite3_stmt* handle_;
  int bound_ = 0;
  DbStatus status_ = DbStatus::ok;
};

}  // namespace toxasync::store
