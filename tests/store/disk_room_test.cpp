// SPDX-License-Identifier: GPL-3.0-or-later
// A store on a disk that others use too.
#include <atomic>

#include "on_disk.hpp"

namespace toxasync::store::test {

BOOST_FIXTURE_TEST_SUITE(store_disk_room, OnDisk)

BOOST_AUTO_TEST_CASE(a_capacity_that_is_raised_raises_the_backstop_too) {
  StoreLimits limits;
  limits.capacity_bytes = 1000;  // With the backstop's floor: 4 MiB.
  open(limits);
  Caller caller(*store);
  store->set_capacity(8U << 20);
  for (std::uint16_t i = 0; i < 8; ++i) {
    BOOST_TEST((caller.put(box(static_cast<std::uint8_t>(i)), record(i), value_of(900'000, 1)).status ==
                PutStatus::stored));
  }
}

BOOST_AUTO_TEST_CASE(the_store_is_full_before_its_disk_is) {
  constexpr std::uint64_t reserve = 1000;
  std::atomic<std::uint64_t> free_bytes =
      reserve + std::uint64_t{3} * (160 + 100);  // 1.5 on the disk for each byte: two records.
  SqliteStoreOptions options;
  options.disk = DiskRule{.reserve_bytes = reserve};
  options.free_bytes = [&](const std::filesystem::path& where) {
    BOOST_TEST(where == directory.path());
    return std::optional(free_bytes.load());
  };
  auto opened = SqliteStore::open(directory.file(), {}, options, telemetry, random);
  BOOST_REQUIRE(opened);
  store = std::move(*opened);
  BOOST_TEST(store->stats().capacity_bytes == 2 * (160U + 100U));
  Caller caller(*store);
  BOOST_TEST((caller.put(box(1), record(1), value_of(100, 1)).status == PutStatus::stored));
  BOOST_TEST((caller.put(box(1), record(2), value_of(100, 1)).status == PutStatus::stored));
  free_bytes = reserve;  // Others have the rest.
  BOOST_TEST((caller.put(box(1), record(3), {}).status == PutStatus::store_full));
  caller.now += DiskRoom::look_every;
  BOOST_TEST((caller.put(box(1), record(3), {}).status == PutStatus::store_full));
  BOOST_TEST(store->stats().capacity_bytes == store->stats().used_bytes());
  BOOST_TEST(caller.list(mailbox(1)).records.size() == 2U);
  free_bytes = 1U << 30;
  BOOST_TEST(
      (caller.put(box(1), record(3), {}).status == PutStatus::store_full));  // It was looked at just now.
  caller.now += DiskRoom::look_every;
  BOOST_TEST((caller.put(box(1), record(3), {}).status == PutStatus::stored));
  BOOST_TEST(store->stats().capacity_bytes == StoreLimits().capacity_bytes);
}

BOOST_AUTO_TEST_CASE(an_idle_store_follows_its_disk_with_every_expiry) {
  std::atomic<std::uint64_t> free_bytes = 1U << 30;
  SqliteStoreOptions options;
  options.disk = DiskRule{};
  options.free_bytes = [&](const std::filesystem::path&) { return std::optional(free_bytes.load()); };
  auto opened = SqliteStore::open(directory.file(), {}, options, telemetry, random);
  BOOST_REQUIRE(opened);
  store = std::move(*opened);
  Caller caller(*store);
  free_bytes = 0;
  store->expire(at(1000s), 10);
  caller.list(mailbox(1));
  BOOST_TEST(store->stats().capacity_bytes == 0U);
}

BOOST_AUTO_TEST_CASE(a_share_of_the_disk_counts_what_the_store_keeps_itself) {
  DiskRoom room({}, DiskRule{.reserve_bytes = 100, .per_mille = 10, .least_bytes = 50}, 10'000,
                [](const auto&) { return std::optional<std::uint64_t>(99'000); });
  BOOST_TEST(!room.look(1000, at(1000s)));
  BOOST_TEST(room.capacity_bytes() == 1000U);  // 1 % of 99000 + 1000
  DiskRoom small({}, DiskRule{.reserve_bytes = 100, .per_mille = 10, .least_bytes = 50}, 10'000,
                 [](const auto&) { return std::optional<std::uint64_t>(1000); });
  BOOST_TEST(!small.look(0, at(1000s)));
  BOOST_TEST(small.capacity_bytes() == 50U);
}

BOOST_AUTO_TEST_CASE(a_full_disk_and_its_recovery_are_logged_once_each) {
  std::uint64_t free_bytes = 1000;
  DiskRoom room({}, DiskRule{.reserve_bytes = 500}, 10'000,
                [&](const auto&) { return std::optional(free_bytes); });
  BOOST_TEST(!room.look(0, at(1000s)));
  free_bytes = 500;
  BOOST_TEST(!room.look(0, at(1009s)));
  BOOST_TEST(room.look(0, at(1010s)));
  BOOST_TEST(room.disk_is_full());
  BOOST_TEST(!room.look(0, at(1020s)));
  free_bytes = 503;
  BOOST_TEST(room.look(0, at(900s)));  // The clock was set back.
  BOOST_TEST(room.capacity_bytes() == 2U);
}

BOOST_AUTO_TEST_CASE(a_disk_that_cannot_be_asked_changes_nothing) {
  std::optional<std::uint64_t> free_bytes;
  DiskRoom room({}, DiskRule{.reserve_bytes = 0}, 10'000, [&](const auto&) { return free_bytes; });
  BOOST_TEST(!room.look(0, at(1000s)));
  BOOST_TEST(room.capacity_bytes() == 10'000U);
  free_bytes = 300;
  BOOST_TEST(!room.look(0, at(2000s)));
  free_bytes.reset();
  BOOST_TEST(!room.look(0, at(3000s)));
  BOOST_TEST(room.capacity_bytes() == 200U);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace toxasync::store::test
