// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <boost/test/unit_test.hpp>
#include <optional>

#include "store/sqlite/sqlite_store.hpp"
#include "support.hpp"

namespace toxasync::store::test {

using Opened = Result<std::unique_ptr<SqliteStore>, OpenError>;

struct OnDisk : Observed {
  TemporaryDirectory directory;
  std::unique_ptr<SqliteStore> store;

  Opened try_open(const std::filesystem::path& path, const StoreLimits& limits = {}) {
    return SqliteStore::open(path, limits, {}, telemetry, random);
  }
  void open(const StoreLimits& limits = {}) {
    store.reset();
    auto opened = try_open(directory.file(), limits);
    BOOST_REQUIRE_MESSAGE(opened, describe(opened ? OpenError::io : opened.error()));
    store = std::move(*opened);
  }
  std::optional<OpenError> error_of(const std::filesystem::path& path) {
    const auto opened = try_open(path);
    return opened ? std::nullopt : std::optional(opened.error());
  }
};

inline void sql(const std::filesystem::path& file, const char* text) {
  sqlite3* db = nullptr;
  BOOST_REQUIRE(sqlite3_open(file.c_str(), &db) == SQLITE_OK);
  BOOST_TEST(sqlite3_exec(db, text, nullptr, nullptr, nullptr) == SQLITE_OK);
  sqlite3_close(db);
}

// The first column of the first row, as text.
inline std::string sql_text(const std::filesystem::path& file, const char* text) {
  sqlite3* db = nullptr;
  sqlite3_stmt* statement = nullptr;
  BOOST_REQUIRE(sqlite3_open(file.c_str(), &db) == SQLITE_OK);
  BOOST_REQUIRE(sqlite3_prepare_v2(db, text, -1, &statement, nullptr) == SQLITE_OK);
  BOOST_REQUIRE(sqlite3_step(statement) == SQLITE_ROW);
  std::string result = reinterpret_cast<const char*>(sqlite3_column_text(statement, 0));
  sqlite3_finalize(statement);
  sqlite3_close(db);
  return result;
}

}  // namespace toxasync::store::test
