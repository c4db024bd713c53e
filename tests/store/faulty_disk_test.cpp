// SPDX-License-Identifier: GPL-3.0-or-later
#include <boost/test/unit_test.hpp>

#include "store/sqlite/sqlite_store.hpp"
#include "support.hpp"

namespace toxasync::store::test {
namespace {

FaultyDisk* current = nullptr;

struct FaultyFile {
  sqlite3_file base;
  sqlite3_file* real;
};

sqlite3_file* real(sqlite3_file* file) {
  return reinterpret_cast<FaultyFile*>(file)->real;
}

int file_close(sqlite3_file* file) {
  const int code = real(file)->pMethods->xClose(real(file));
  sqlite3_free(real(file));
  return code;
}
int file_read(sqlite3_file* file, void* out, int size, sqlite3_int64 offset) {
  return real(file)->pMethods->xRead(real(file), out, size, offset);
}
int file_write(sqlite3_file* file, const void* in, int size, sqlite3_int64 offset) {
  const int fault = current->before_write();
  return fault != SQLITE_OK ? fault : real(file)->pMethods->xWrite(real(file), in, size, offset);
}
int file_truncate(sqlite3_file* file, sqlite3_int64 size) {
  return real(file)->pMethods->xTruncate(real(file), size);
}
int file_sync(sqlite3_file* file, int flags) {
  const int fault = current->before_sync();
  return fault != SQLITE_OK ? fault : real(file)->pMethods->xSync(real(file), flags);
}
int file_size(sqlite3_file* file, sqlite3_int64* size) {
  return real(file)->pMethods->xFileSize(real(file), size);
}
int file_lock(sqlite3_file* file, int level) {
  return real(file)->pMethods->xLock(real(file), level);
}
int file_unlock(sqlite3_file* file, int level) {
  return real(file)->pMethods->xUnlock(real(file), level);
}
int file_reserved(sqlite3_file* file, int* out) {
  return real(file)->pMethods->xCheckReservedLock(real(file), out);
}
int file_control(sqlite3_file* file, int operation, void* argument) {
  return real(file)->pMethods->xFileControl(real(file), operation, argument);
}
int file_sector_size(sqlite3_file* file) {
  return real(file)->pMethods->xSectorSize(real(file));
}
int file_characteristics(sqlite3_file* file) {
  return real(file)->pMethods->xDeviceCharacteristics(real(file));
}

// Version 1: no shared memory, which the exclusive lock makes unnecessary.
const sqlite3_io_methods methods = {1,
                                    file_close,
                                    file_read,
                                    file_write,
                                    file_truncate,
                                    file_sync,
                                    file_size,
                                    file_lock,
                                    file_unlock,
                                    file_reserved,
                                    file_control,
                                    file_sector_size,
                                    file_characteristics,
                                    nullptr,
                                    nullptr,
                                    nullptr,
                                    nullptr,
                                    nullptr,
                                    nullptr};

int vfs_open(sqlite3_vfs* vfs, const char* name, sqlite3_file* file, int flags, int* out_flags) {
  auto* below = static_cast<sqlite3_vfs*>(vfs->pAppData);
  auto* faulty = reinterpret_cast<FaultyFile*>(file);
  file->pMethods = nullptr;
  if (current->read_only() && (flags & SQLITE_OPEN_READWRITE) != 0) {
    flags = (flags & ~(SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE)) | SQLITE_OPEN_READONLY;
  }
  faulty->real = static_cast<sqlite3_file*>(sqlite3_malloc(below->szOsFile));
  const int code = below->xOpen(below, name, faulty->real, flags, out_flags);
  if (code != SQLITE_OK) {
    sqlite3_free(faulty->real);
    return code;
  }
  file->pMethods = &methods;
  return SQLITE_OK;
}

}  // namespace

FaultyDisk::FaultyDisk() {
  sqlite3_vfs* below = sqlite3_vfs_find(nullptr);
  vfs_ = *below;
  vfs_.iVersion = 1;
  vfs_.szOsFile = sizeof(FaultyFile);
  vfs_.zName = name;
  vfs_.pAppData = below;
  vfs_.xOpen = vfs_open;
  // The rest takes the default's file system structure for its own.
  vfs_.xDelete = [](sqlite3_vfs* vfs, const char* file, int sync) {
    auto* real_vfs = static_cast<sqlite3_vfs*>(vfs->pAppData);
    return real_vfs->xDelete(real_vfs, file, sync);
  };
  current = this;
  sqlite3_vfs_register(&vfs_, 0);
}

FaultyDisk::~FaultyDisk() {
  release();
  sqlite3_vfs_unregister(&vfs_);
  current = nullptr;
}

namespace {

struct OnFaultyDisk : Observed {
  FaultyDisk disk;
  TemporaryDirectory directory;
  std::unique_ptr<SqliteStore> store;

  OnFaultyDisk() { open(); }
  void open() {
    SqliteStoreOptions options;
    options.vfs = FaultyDisk::name;
    auto opened = SqliteStore::open(directory.file(), {}, options, telemetry, random);
    BOOST_REQUIRE(opened);
    store = std::move(*opened);
  }
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(store_on_a_faulty_disk, OnFaultyDisk)

BOOST_AUTO_TEST_CASE(a_record_is_acknowledged_only_after_the_commit_is_synced) {
  Results results;
  disk.hold_syncs();
  store->put(1, box(1), record(1), value_of(600, 1), at(2000s), at(1000s));
  store->submit();
  BOOST_REQUIRE(disk.wait_until_held());
  BOOST_TEST(store->poll(results) == 0U);
  BOOST_TEST(results.puts.empty());
  BOOST_TEST(store->stats().messages == 0U);
  disk.release();
  BOOST_REQUIRE(wait_for(*store, results, 1));
  BOOST_TEST((results.puts[1].status == PutStatus::stored));
  BOOST_TEST(store->stats().messages == 1U);
}

BOOST_AUTO_TEST_CASE(no_call_waits_for_the_disk) {
  Results results;
  disk.hold_syncs();
  store->put(1, box(1), record(1), value_of(600, 1), at(2000s), at(1000s));
  store->submit();
  BOOST_REQUIRE(disk.wait_until_held());
  // The worker is inside the sync; each of these would hang here if it waited for it.
  store->put(2, box(1), record(2), value_of(600, 1), at(2000s), at(1000s));
  store->list(3, mailbox(1), first_box, 0, {10, 10000}, at(1000s));
  store->remove(4, mailbox(1), std::vector<RecordId>{record(1)});
  store->cancel(5, mailbox(1), record(2), commitment(1));
  store->expire(at(1000s), 10);
  store->submit();
  BOOST_TEST(store->poll(results) == 0U);
  disk.release();
  BOOST_TEST(wait_for(*store, results, 5));
}

BOOST_AUTO_TEST_CASE(operations_of_one_tick_share_one_sync) {
  Results results;
  Caller(*store).put(box(9), record(9), value_of(10, 1));
  const int before = disk.syncs;
  for (std::uint16_t i = 0; i < 64; ++i) {
    store->put(i, box(1), record(i), value_of(600, 1), at(2000s), at(1000s));
  }
  store->submit();
  BOOST_REQUIRE(wait_for(*store, results, 64));
  BOOST_TEST(disk.syncs - before == 1);
}

BOOST_AUTO_TEST_CASE(after_an_io_error_the_group_fails_and_the_next_one_works) {
  Caller caller(*store);
  BOOST_TEST((caller.put(box(1), record(1), value_of(600, 1)).status == PutStatus::stored));
  for (const bool in_sync : {false, true}) {
    in_sync ? disk.fail_syncs(SQLITE_IOERR_FSYNC) : disk.fail_writes(SQLITE_IOERR_WRITE);
    BOOST_TEST((caller.put(box(1), record(2), value_of(600, 2)).status == PutStatus::failed));
    disk.fail_writes(SQLITE_OK);
    disk.fail_syncs(SQLITE_OK);
    BOOST_TEST(caller.list(mailbox(1)).records.size() == 1U);
    BOOST_TEST(store->stats().messages == 1U);
  }
  BOOST_TEST(metrics.value(Counter::store_failed) == 2U);
  BOOST_TEST((caller.put(box(1), record(2), value_of(600, 2)).status == PutStatus::stored));
  store.reset();
  open();
  BOOST_TEST(Caller(*store).list(mailbox(1)).records.size() == 2U);
}

BOOST_AUTO_TEST_CASE(a_full_disk_gives_store_full_until_there_is_space) {
  Caller caller(*store);
  BOOST_TEST((caller.put(box(1), record(1), value_of(600, 1)).status == PutStatus::stored));
  BOOST_TEST((caller.put(box(2), record(1), value_of(600, 1)).status == PutStatus::stored));
  BOOST_TEST(caller.list(mailbox(1)).records.size() == 1U);
  disk.fail_writes(SQLITE_FULL);
  Results results;
  store->put(10, box(1), record(2), value_of(600, 2), at(2000s), at(1000s));
  store->list(11, mailbox(1), first_box, 0, {10, 10000}, at(1000s));
  store->put(12, box(1), record(1), value_of(600, 1), at(1500s), at(1000s));
  store->submit();
  BOOST_REQUIRE(wait_for(*store, results, 3));
  BOOST_TEST((results.puts[10].status == PutStatus::store_full));
  BOOST_TEST((results.lists[11].status == OpStatus::ok));  // What needs no space still works.
  BOOST_TEST(results.lists[11].records.size() == 1U);
  BOOST_TEST((results.puts[12].status == PutStatus::duplicate));
  // What no list has given yet cannot be marked as given.
  BOOST_TEST((caller.list(mailbox(2)).status == OpStatus::failed));
  disk.fail_writes(SQLITE_OK);
  BOOST_TEST((caller.put(box(1), record(2), value_of(600, 2)).status == PutStatus::stored));
  BOOST_TEST(caller.list(mailbox(1)).records.size() == 2U);
  BOOST_TEST(caller.list(mailbox(2)).records.size() == 1U);
}

BOOST_AUTO_TEST_CASE(an_io_error_ends_a_backup_once_and_the_next_one_works) {
  store.reset();
  SqliteStoreOptions options;
  options.vfs = FaultyDisk::name;
  options.backup_slice_pages = 1;
  const auto opened = SqliteStore::open_table(directory.file(), {}, options, telemetry, random);
  BOOST_REQUIRE(opened);
  RecordTable& table = **opened;
  BOOST_REQUIRE(table.request_backup(directory.file("copy.db")));
  BOOST_TEST(table.step_backup());
  BOOST_TEST((table.begin() == DbStatus::ok));
  PutOperation put{1, box(1), record(1), value_of(600, 1), at(2000s), at(1000s), {}};
  BOOST_TEST((table.apply(put) == DbStatus::ok));
  disk.fail_syncs(SQLITE_IOERR_FSYNC);
  const DbStatus status = table.commit();
  BOOST_TEST((status == DbStatus::failed));
  table.rollback(status);
  disk.fail_syncs(SQLITE_OK);
  BOOST_TEST((table.collect_backup_outcome() == std::optional(false)));
  BOOST_TEST(!table.step_backup());  // The worker does not know that it has ended.
  BOOST_TEST(!table.collect_backup_outcome());
  BOOST_REQUIRE(table.request_backup(directory.file("copy.db")));
  BOOST_TEST((table.begin() == DbStatus::ok));  // Opens it when that could not be done yet.
  table.rollback(DbStatus::ok);
  while (table.step_backup()) {
  }
  BOOST_TEST((table.collect_backup_outcome() == std::optional(true)));
}

BOOST_AUTO_TEST_CASE(a_read_only_file_is_reported_as_such) {
  store.reset();
  disk.set_read_only(true);
  SqliteStoreOptions options;
  options.vfs = FaultyDisk::name;
  const auto opened = SqliteStore::open(directory.file(), {}, options, telemetry, random);
  BOOST_REQUIRE(!opened);
  BOOST_TEST((opened.error() == OpenError::not_writable));
}

BOOST_AUTO_TEST_CASE(a_full_disk_at_the_start_is_reported_as_such) {
  disk.fail_writes(SQLITE_FULL);
  SqliteStoreOptions options;
  options.vfs = FaultyDisk::name;
  const auto opened = SqliteStore::open(directory.file("other.db"), {}, options, telemetry, random);
  BOOST_REQUIRE(!opened);
  BOOST_TEST((opened.error() == OpenError::no_space));
  disk.fail_writes(SQLITE_OK);
}

BOOST_AUTO_TEST_CASE(the_destructor_writes_what_is_queued) {
  for (std::uint16_t i = 0; i < 1000; ++i) {
    store->put(i, box(1), record(i), value_of(100, 1), at(2000s), at(1000s));
  }
  store.reset();  // Neither submitted nor polled.
  open();
  BOOST_TEST(store->stats().messages == 1000U);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace toxasync::store::test
