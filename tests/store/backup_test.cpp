// SPDX-License-Identifier: GPL-3.0-or-later
// Copies of a store that goes on, and what is found by looking at all of it.
#include <sys/stat.h>

#include "on_disk.hpp"

namespace toxasync::store::test {

BOOST_FIXTURE_TEST_SUITE(store_backup, OnDisk)

BOOST_AUTO_TEST_CASE(a_backup_has_the_contents_at_its_completion) {
  open();
  Caller caller(*store);
  for (std::uint16_t i = 0; i < 500; ++i) {
    store->put(i, box(1), record(i), value_of(5000, 1), at(2000s), at(1000s));
  }
  store->submit();
  BOOST_REQUIRE(wait_for(*store, caller.results, 500));
  std::optional<bool> good;
  std::optional<bool> second;
  BOOST_REQUIRE(store->backup(directory.file("copy.db"), [&](bool outcome) { good = outcome; }));
  BOOST_TEST(!store->backup(directory.file("other.db"), [&](bool outcome) { second = outcome; }));
  // It is being written to meanwhile, also where the copy has been already.
  std::uint16_t during = 0;
  while (!good && during < 5000) {
    caller.remove(mailbox(1), {record(during)});
    caller.put(box(2), record(during), value_of(600, 1));
    ++during;
  }
  BOOST_REQUIRE(good);
  BOOST_TEST(*good);
  BOOST_TEST(during >= 1);
  BOOST_TEST(!second);
  caller.put(box(3), record(1), value_of(600, 1));  // Behind it.
  store.reset();
  BOOST_TEST(!std::filesystem::exists(directory.file("copy.db.new")));
  BOOST_TEST(!std::filesystem::exists(directory.file("copy.db-wal")));
  struct stat status {};
  BOOST_REQUIRE(::stat(directory.file("copy.db").c_str(), &status) == 0);
  BOOST_TEST((status.st_mode & 0777U) == 0600U);
  auto opened = try_open(directory.file("copy.db"));
  BOOST_REQUIRE(opened);
  store = std::move(*opened);
  Caller restored(*store);
  const auto kept = restored.list(mailbox(2)).records.size();
  BOOST_TEST(kept + 1 >= during);  // The last one may have come behind it.
  BOOST_TEST(kept <= during);
  BOOST_TEST((restored.put(box(1), record(0), value_of(5000, 1)).status == PutStatus::gone));
  BOOST_TEST(restored.list(mailbox(3)).records.empty());
  store.reset();
  const auto whole = SqliteStore::check(directory.file("copy.db"), {}, telemetry, random);
  BOOST_REQUIRE(whole);
  BOOST_TEST(whole->good());
}

BOOST_AUTO_TEST_CASE(sequences_after_a_restore_are_past_all_known_cursors) {
  open();
  std::uint64_t cursor = 0;
  {
    Caller caller(*store);
    bool done = false;
    BOOST_REQUIRE(store->backup(directory.file("copy.db"), [&](bool good) { done = good; }));
    while (!done) {
      caller.list(mailbox(9));
    }
    for (std::uint16_t i = 0; i < 10; ++i) {
      caller.put(box(1), record(i), value_of(50, 1));
    }
    cursor = caller.list(mailbox(1)).records.back().sequence;
  }
  auto opened = try_open(directory.file("copy.db"));
  BOOST_REQUIRE(opened);
  store = std::move(*opened);
  Caller restored(*store);
  restored.put(box(1), record(100), value_of(50, 1));
  const auto fresh = restored.list(mailbox(1), cursor);
  BOOST_REQUIRE(fresh.records.size() == 1U);
  BOOST_TEST((fresh.records[0].id == record(100)));
}

BOOST_AUTO_TEST_CASE(a_failed_backup_leaves_nothing_and_the_store_continues) {
  open();
  Caller caller(*store);
  for (const auto& where : {directory.path() / "none" / "copy.db", directory.path()}) {
    std::optional<bool> good;
    BOOST_REQUIRE(store->backup(where, [&](bool outcome) { good = outcome; }));
    for (int i = 0; i < 1000 && !good; ++i) {
      BOOST_TEST((caller.list(mailbox(1)).status == OpStatus::ok));
    }
    BOOST_REQUIRE(good);
    BOOST_TEST(!*good);
  }
  BOOST_TEST(!std::filesystem::exists(directory.path().string() + ".new"));
  BOOST_TEST((caller.put(box(1), record(1), value_of(600, 1)).status == PutStatus::stored));
}

BOOST_AUTO_TEST_CASE(closing_a_store_discards_an_incomplete_backup) {
  open();
  Results results;
  for (std::uint16_t i = 0; i < 500; ++i) {
    store->put(i, box(1), record(i), value_of(9000, 1), at(2000s), at(1000s));
  }
  bool ended = false;
  BOOST_REQUIRE(store->backup(directory.file("copy.db"), [&](bool) { ended = true; }));
  store.reset();
  BOOST_TEST(!ended);
  BOOST_TEST(!std::filesystem::exists(directory.file("copy.db.new")));
}

BOOST_AUTO_TEST_CASE(a_check_finds_what_does_not_fit) {
  const auto check = [this] {
    auto found = SqliteStore::check(directory.file(), {}, telemetry, random);
    BOOST_REQUIRE(found);
    return *found;
  };
  open();
  {
    Caller caller(*store);
    for (std::uint16_t i = 0; i < 6; ++i) {
      caller.put(box(static_cast<std::uint8_t>(i % 2)), record(i), value_of(100, 1));
    }
    caller.remove(mailbox(0), {record(0)});
  }
  store.reset();
  BOOST_TEST(check().good());
  BOOST_TEST(check().messages == 5U);
  BOOST_TEST(check().bytes == 500U);
  BOOST_TEST(check().tombstones == 1U);
  sql(directory.file(), "UPDATE rec SET exp=exp+1 WHERE seq=2");
  BOOST_TEST(check().damaged == 1U);
  sql(directory.file(), "UPDATE tombstone SET exp=exp+1");
  BOOST_TEST(check().damaged == 2U);
  sql(directory.file(),
      "UPDATE tombstone SET exp=exp-1; UPDATE rec SET exp=exp-1 WHERE seq=2; UPDATE box SET bytes=bytes+1 "
      "WHERE n=3");
  BOOST_TEST(check().damaged == 0U);
  BOOST_TEST(check().wrong_quotas == 1U);
  sql(directory.file(), "UPDATE box SET bytes=bytes-1 WHERE n=3; UPDATE box SET tombstones=2 WHERE n=2");
  BOOST_TEST(check().wrong_quotas == 1U);
  sql(directory.file(), "UPDATE box SET tombstones=1 WHERE n=2; UPDATE box SET bk=bk+1 WHERE n=3");
  BOOST_TEST(check().wrong_quotas == 2U);  // one too many, and one is missing
  sql(directory.file(), "UPDATE box SET bk=bk-1 WHERE n=3; UPDATE meta SET tombstones=2");
  BOOST_TEST(check().wrong_quotas == 0U);
  BOOST_TEST(check().wrong_totals);
  sql(directory.file(), "UPDATE meta SET tombstones=1; INSERT INTO box VALUES(1, 1, 1, 0, 0)");
  BOOST_TEST(check().wrong_quotas == 1U);
  sql(directory.file(), "DELETE FROM box WHERE bk=1");
  BOOST_TEST(check().good());
  for (std::size_t i = 0; i < 8; ++i) {
    overwrite(directory.file(), std::size_t{4096} * 2 + i, '\x7f');
  }
  BOOST_TEST(!check().pages.empty());
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace toxasync::store::test
