// SPDX-License-Identifier: GPL-3.0-or-later
// Puts per second of SQLite and of PostgreSQL, durable, on the same disk, and how long a list takes in a
// mailbox in which much lies that is not listed: ./dev stores.
#include <poll.h>

#include <chrono>
#include <cstdlib>
#include <iostream>

#include "store/postgres/postgres_store.hpp"
#include "store/sqlite/sqlite_store.hpp"
#include "tests/store/support.hpp"

namespace toxasync::store::test {
namespace {

using Clock = std::chrono::steady_clock;

class Counted final : public StoreListener {
 public:
  void on_put(Token /*token*/, const PutResult& result) noexcept override {
    stored += result.status == PutStatus::stored ? 1 : 0;
  }
  void on_list(Token /*token*/, ListResult&& /*result*/) noexcept override {}
  void on_remove(Token /*token*/, const RemoveResult& /*result*/) noexcept override {}
  void on_cancel(Token /*token*/, CancelStatus /*status*/) noexcept override {}
  std::size_t stored = 0;
};

/// Groups of so many puts, one after the other, each waited for.
double puts_per_second(Store& store, std::size_t group, std::uint64_t& number) {
  const Bytes value(1168, 7);
  Counted counted;
  const auto begun = Clock::now();
  auto now = begun;
  while (now - begun < 3s) {
    for (std::size_t i = 0; i < group; ++i) {
      ++number;
      Box box;
      RecordId id{};
      const std::uint64_t place = number * 0x9e3779b97f4a7c15ULL % 10000;
      store_le(place, box.mailbox.data());
      store_le(place, box.key.data());
      store_le(number, id.data());
      store.put(number, box, id, value, UnixTime{2'000'000s}, UnixTime{1'000'000s});
    }
    store.submit();
    if (!wait_for(store, counted, group)) {
      std::cerr << "the store does not answer\n";
      std::exit(1);
    }
    now = Clock::now();
  }
  return static_cast<double>(counted.stored) / std::chrono::duration<double>(now - begun).count();
}

void finish(Store& store, StoreListener& listener, std::size_t calls) {
  store.submit();
  if (!wait_for(store, listener, calls)) {
    std::cerr << "the store does not answer\n";
    std::exit(1);
  }
}

/// Of a list of 128 boxes that finds nothing, alone in its group.
double list_us(Store& store, const Mailbox& mailbox) {
  std::vector<BoxTag> tags(128);
  for (std::size_t i = 0; i < tags.size(); ++i) {
    store_le(static_cast<std::uint16_t>(i * 509 + 7), tags[i].data());
  }
  constexpr std::size_t lists = 300;
  Counted counted;
  const auto begun = Clock::now();
  for (std::size_t i = 0; i < lists; ++i) {
    store.list(i, mailbox, tags, 0, {48, 19200}, UnixTime{1'000'000s});
    finish(store, counted, 1);
  }
  return std::chrono::duration<double, std::micro>(Clock::now() - begun).count() / lists;
}

/// So many records in each of so many boxes; if they are removed, tombstones.
void fill(Store& store, const Mailbox& mailbox, std::uint32_t boxes, std::uint32_t each, bool removed) {
  const Bytes value(17, 7);
  Counted counted;
  for (std::uint32_t i = 0; i < boxes; ++i) {
    Box box{mailbox, {}};
    store_le(i * 2654435761U, box.key.data());
    store_le(i, box.key.data() + 8);
    std::vector<RecordId> ids(each);
    for (std::uint32_t n = 0; n < each; ++n) {
      store_le(i, ids[n].data());
      store_le(n, ids[n].data() + 4);
      store.put(n, box, ids[n], value, UnixTime{2'000'000s}, UnixTime{1'000'000s});
    }
    if (removed) {
      store.remove(0, mailbox, ids);
    }
    finish(store, counted, each + (removed ? 1U : 0U));
  }
}

void tell_lists(const char* name, Store& store) {
  Mailbox empty{}, buried{}, foreign{};
  empty[0] = 1;
  buried[0] = 2;
  foreign[0] = 3;
  fill(store, buried, 450, 1000, true);
  fill(store, foreign, 10000, 1, false);
  const double nothing = list_us(store, empty), tombstones = list_us(store, buried),
               others = list_us(store, foreign);
  std::cout << name << ", microseconds of a list: empty mailbox " << nothing << ", 450000 tombstones "
            << tombstones << " (ratio " << tombstones / nothing << "), 10000 boxes of others " << others
            << " (ratio " << others / nothing << ')' << std::endl;
}

int run(const char* url) {
  Observed observed;
  const TemporaryDirectory directory;
  StoreLimits limits;
  limits.capacity_bytes = 1ULL << 40;
  limits.box_bytes = 1ULL << 40;
  limits.box_messages = limits.box_records = 1'000'000;
  auto sqlite = SqliteStore::open(directory.file(), limits, SqliteStoreOptions::for_daemon(),
                                  observed.telemetry, observed.random);
  auto postgres = PostgresStore::open(url, limits, {}, observed.telemetry, observed.random);
  if (!sqlite || !postgres) {
    std::cerr << (sqlite ? postgres.error() : "no SQLite store") << '\n';
    return 1;
  }
  tell_lists("SQLite", **sqlite);
  tell_lists("PostgreSQL", **postgres);
  std::uint64_t number = 0;
  for (const std::size_t group : {1U, 64U, 256U}) {
    const double embedded = puts_per_second(**sqlite, group, number);
    const double server = puts_per_second(**postgres, group, number);
    std::cout << "puts in groups of " << group << ": SQLite " << static_cast<int>(embedded)
              << "/s, PostgreSQL " << static_cast<int>(server) << "/s, ratio " << server / embedded
              << std::endl;
  }
  return 0;
}

}  // namespace
}  // namespace toxasync::store::test

int main() {
  const char* const url = std::getenv("TOXASYNC_POSTGRES");
  if (url == nullptr) {
    std::cerr << "run it by integration/postgres.py, which starts the server\n";
    return 1;
  }
  return toxasync::store::test::run(url);
}
