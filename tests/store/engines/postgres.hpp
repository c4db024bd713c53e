// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <boost/test/unit_test.hpp>
#include <cstdlib>
#include <memory>
#include <string>

#include "store/postgres/postgres_store.hpp"
#include "tests/store/support.hpp"

namespace toxasync::store::test {

/// Schemas of their own in the server that integration/postgres.py started, dropped at the end.
struct PostgresDatabases : Observed {
  PostgresLink admin{-1};
  std::string server;
  std::string prefix;
  int most = 0;

  PostgresDatabases() {
    const char* const url = std::getenv("TOXASYNC_POSTGRES");
    BOOST_REQUIRE_MESSAGE(url != nullptr, "run it by integration/postgres.py, which starts the server");
    server = url;
    BOOST_REQUIRE_MESSAGE(admin.connect(server, patience), admin.error());
    static int fixtures = 0;
    prefix = "test_" + std::to_string(++fixtures) + "_";
  }
  ~PostgresDatabases() {
    for (int i = 1; i <= most; ++i) {
      admin.query(("DROP SCHEMA IF EXISTS " + prefix + std::to_string(i) + " CASCADE").c_str());
    }
    admin.round_trip(patience);
  }
  PostgresDatabases(const PostgresDatabases&) = delete;
  PostgresDatabases& operator=(const PostgresDatabases&) = delete;

  /// Where the tables of database `number` are; made when it is asked for the first time.
  std::string url(int number = 1) {
    for (; most < number; ++most) {
      sql("CREATE SCHEMA " + prefix + std::to_string(most + 1));
    }
    return server + "&options=-csearch_path%3D" + prefix + std::to_string(number);
  }
  std::unique_ptr<PostgresStore> open(const StoreLimits& limits = {},
                                      const PostgresStoreOptions& options = {}, int number = 1) {
    auto opened = PostgresStore::open(url(number), limits, options, telemetry, random);
    BOOST_REQUIRE_MESSAGE(opened, (opened ? "" : opened.error()));
    return std::move(*opened);
  }
  /// Why it does not open.
  std::string error_of(const std::string& where) {
    const auto opened = PostgresStore::open(where, {}, {}, telemetry, random);
    return opened ? std::string() : opened.error();
  }
  void sql(const std::string& text) {
    admin.query(text.c_str());
    BOOST_REQUIRE_MESSAGE(admin.round_trip(patience) == LinkStatus::ok, admin.error());
  }
  /// In database `number`; the first column of the first row.
  std::string sql_text(const std::string& text, int number = 1) {
    sql("SET search_path = " + prefix + std::to_string(number));
    std::vector<PostgresRows> answers;
    admin.query(text.c_str());
    BOOST_REQUIRE_MESSAGE(admin.round_trip(answers, patience) == LinkStatus::ok, admin.error());
    const ByteView first = answers[0].count() > 0 ? answers[0].blob(0, 0) : ByteView();
    return {first.begin(), first.end()};
  }
};

inline constexpr const char* its_backends =
    " FROM pg_stat_activity WHERE application_name = 'toxasync' AND pid <> pg_backend_pid()";

/// Databases whose locks and standbys a test holds in its hand.
struct HeldDatabases : PostgresDatabases {
  PostgresLink holder{-1};  // What is looked at during a transaction does not change: so it is another one's.

  /// Locks all mailboxes until let_go().
  void hold() {
    BOOST_REQUIRE(holder.connect(url(), patience));
    holder.query("BEGIN");
    holder.query("SELECT FROM mailbox FOR UPDATE");
    BOOST_REQUIRE(holder.round_trip(patience) == LinkStatus::ok);
  }
  void let_go() {
    holder.query("COMMIT");
    BOOST_REQUIRE(holder.round_trip(patience) == LinkStatus::ok);
  }
  /// Until the condition, a query for a boolean, holds.
  void wait_for_sql(const std::string& condition) {
    const auto deadline = std::chrono::steady_clock::now() + patience;
    while (sql_text("SELECT (" + condition + ")::text") != "true") {
      BOOST_REQUIRE_MESSAGE(std::chrono::steady_clock::now() < deadline, condition);
    }
  }
  void require_standbys(const std::string& names) {
    sql("ALTER SYSTEM SET synchronous_standby_names = '" + names + "'");
    sql("SELECT pg_reload_conf()");
    wait_for_sql("current_setting('synchronous_standby_names') = '" + names + "'");
  }
  /// How many of the stores' connections wait for something of the kind, as pg_stat_activity names it.
  static std::string waiting(const char* kind) {
    return std::string("SELECT count(*) = 1") + its_backends + " AND wait_event_type = '" + kind + "'";
  }
};

}  // namespace toxasync::store::test
