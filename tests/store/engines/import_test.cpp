// SPDX-License-Identifier: GPL-3.0-or-later
// Moving a node's mail from SQLite to PostgreSQL.
#include <boost/test/unit_test.hpp>
#include <functional>

#include "postgres.hpp"
#include "store/postgres/postgres_import.hpp"
#include "store/sqlite/sqlite_store.hpp"

namespace toxasync::store::test {
namespace {

/// A SQLite store with a bit of everything, unserved.
class OldDatabase {
 public:
  static constexpr std::uint16_t many = 600;  // More than a batch of the import.
  static constexpr std::size_t kept =
      many + 2U + 2U;  // And what is in mailboxes 1 and 3, but the expired one.

  explicit OldDatabase(Observed& observed) {
    auto opened = SqliteStore::open(path(), {}, {}, observed.telemetry, observed.random);
    BOOST_REQUIRE(opened);
    Caller caller(**opened);
    caller.put(box(1), record(1), value_of(50, 1), at(3000s));
    caller.put(box(1), record(2), value_of(50, 1), at(3000s));
    caller.put(box(1), record(3), value_of(50, 1), at(3000s));
    caller.put(box(3), record(1), value_of(600, 0x51), at(3000s));
    caller.put(box(3), record(2), value_of(50, 1), at(1500s));
    caller.remove(mailbox(1), {record(1)});
    caller.cancel(mailbox(1), record(2), commitment(1));
    caller.list(mailbox(3));
    Results results;
    for (std::uint16_t i = many; i > 0; --i) {
      (*opened)->put(i, box(2), record(i), value_of(i, 1), at(3000s) + seconds{i}, at(1000s));
    }
    (*opened)->submit();
    BOOST_REQUIRE(wait_for(**opened, results, many));
  }
  [[nodiscard]] std::filesystem::path path() const { return directory_.file(); }

  std::optional<std::string> move(
      PostgresDatabases& to, PostgresImport::NodeStats& figures,
      const std::function<void(std::uint64_t)>& tell = [](std::uint64_t) {}) const {
    auto table = SqliteStore::open_table(path(), {}, {}, to.telemetry, to.random);
    BOOST_REQUIRE(table);
    return PostgresImport(**table, to.url(), to.random).run(at(1500s), figures, tell);
  }

 private:
  TemporaryDirectory directory_;
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(postgres_import, PostgresDatabases)

BOOST_AUTO_TEST_CASE(an_import_keeps_order_expiry_and_tombstones) {
  const OldDatabase old(*this);
  PostgresImport::NodeStats figures;
  BOOST_TEST(!old.move(*this, figures).has_value());
  BOOST_TEST(figures.copied == OldDatabase::kept);
  BOOST_TEST(figures.live == OldDatabase::kept - 2U);
  BOOST_TEST(figures.tombstones == 2U);
  BOOST_TEST(figures.expired == 1U);
  BOOST_TEST(figures.wrong + figures.damaged == 0U);
  const auto store = open();
  BOOST_TEST(store->stats().messages == figures.live);
  BOOST_TEST(store->stats().tombstones == 2U);
  Caller caller(*store);
  caller.now = at(1500s);
  const auto list = caller.list(mailbox(2), 0, {1000, 1U << 20});
  BOOST_TEST(list.records.size() == OldDatabase::many);
  for (std::size_t i = 0; i < list.records.size(); ++i) {
    BOOST_TEST((list.records[i].id == record(static_cast<std::uint16_t>(OldDatabase::many - i))));
    BOOST_TEST(list.records[i].expires_at == at(3000s) + seconds{OldDatabase::many - i});
    BOOST_TEST(list.records[i].value == value_of(OldDatabase::many - i, 1));
  }
  BOOST_TEST((caller.cancel(mailbox(1), record(1), commitment(1)) == CancelStatus::removed));
  BOOST_TEST((caller.cancel(mailbox(1), record(2), commitment(1)) == CancelStatus::cancelled));
  BOOST_TEST((caller.put(box(1), record(1), value_of(50, 1)).status == PutStatus::gone));
  BOOST_TEST((caller.cancel(mailbox(1), record(3), commitment(1)) == CancelStatus::cancelled));
  BOOST_TEST(
      (caller.cancel(mailbox(3), record(1), commitment(0x51)) == CancelStatus::removed));  // was listed
  BOOST_TEST(store->stats().damaged == 0U);
}

BOOST_AUTO_TEST_CASE(an_interrupted_import_continues_and_ends_complete) {
  const OldDatabase old(*this);
  PostgresImport::NodeStats figures;
  struct Interrupted {};
  BOOST_CHECK_THROW(old.move(*this, figures, [](std::uint64_t) { throw Interrupted(); }), Interrupted);
  const auto before = std::stoul(sql_text("SELECT count(*)::text FROM record"));
  BOOST_TEST(before > 0U);
  BOOST_TEST(before < OldDatabase::kept);
  BOOST_TEST(!old.move(*this, figures).has_value());
  BOOST_TEST(figures.copied == OldDatabase::kept - before);
  BOOST_TEST(figures.live + figures.tombstones == OldDatabase::kept);
  BOOST_TEST(figures.wrong == 0U);
  BOOST_TEST(open()->stats().messages == OldDatabase::kept - 2U);
  // Once more: nothing is left to do.
  BOOST_TEST(!old.move(*this, figures).has_value());
  BOOST_TEST(figures.copied == 0U);
  BOOST_TEST(figures.live + figures.tombstones == OldDatabase::kept);
}

BOOST_AUTO_TEST_CASE(changes_made_after_an_interruption_are_imported_too) {
  const OldDatabase old(*this);
  PostgresImport::NodeStats figures;
  BOOST_TEST(!old.move(*this, figures).has_value());
  {
    auto served = SqliteStore::open(old.path(), {}, {}, telemetry, random);
    BOOST_REQUIRE(served);
    Caller caller(**served);
    caller.now = at(1500s);
    caller.remove(mailbox(2), {record(7)});
    caller.put(box(2), record(8), value_of(8, 1), at(9000s));
    caller.list(mailbox(1));
    caller.put(box(4), record(9), value_of(8, 1), at(9000s));
  }
  BOOST_TEST(!old.move(*this, figures).has_value());
  BOOST_TEST(figures.wrong == 0U);
  BOOST_TEST(figures.tombstones == 3U);
  const auto store = open();
  Caller caller(*store);
  BOOST_TEST((caller.cancel(mailbox(2), record(7), commitment(1)) == CancelStatus::removed));
  BOOST_TEST((caller.cancel(mailbox(1), record(3), commitment(1)) == CancelStatus::removed));
  BOOST_TEST(caller.put(box(2), record(8), value_of(8, 1), at(2000s)).expires_at == at(9000s));
  BOOST_TEST(caller.list(mailbox(4)).records.size() == 1U);
}

BOOST_AUTO_TEST_CASE(damaged_records_are_counted_and_not_imported) {
  const OldDatabase old(*this);
  // Where the record was once, before its page was split, too.
  const std::string file = read_file(old.path()), value(600, '\x51');
  BOOST_REQUIRE(file.find(value) != std::string::npos);
  for (auto at = file.find(value); at != std::string::npos; at = file.find(value, at + 1)) {
    overwrite(old.path(), at + 300, '\x50');
  }
  PostgresImport::NodeStats figures;
  BOOST_TEST(!old.move(*this, figures).has_value());
  BOOST_TEST(figures.damaged == 1U);
  BOOST_TEST(figures.live == OldDatabase::kept - 3U);
  BOOST_TEST(figures.wrong == 0U);
}

BOOST_AUTO_TEST_CASE(records_that_differ_after_an_import_are_copied_again) {
  const OldDatabase old(*this);
  PostgresImport::NodeStats figures;
  BOOST_TEST(!old.move(*this, figures).has_value());
  sql_text("UPDATE record SET value = set_byte(value, 3, 9) WHERE octet_length(value) = 20");
  sql_text("DELETE FROM record WHERE octet_length(value) = 21");
  BOOST_TEST(!old.move(*this, figures).has_value());
  BOOST_TEST(figures.wrong == 0U);  // Mended: the old database is the witness.
  BOOST_TEST(Caller(*open()).list(mailbox(2)).records.size() == OldDatabase::many);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace toxasync::store::test
