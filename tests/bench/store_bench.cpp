// SPDX-License-Identifier: GPL-3.0-or-later
// Puts per second of SQLite and of PostgreSQL, durable, on the same disk: ./dev stores.
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

int run(const char* url) {
  Observed observed;
  const TemporaryDirectory directory;
  StoreLimits limits;
  limits.capacity_bytes = 1ULL << 40;
  limits.box_bytes = 1ULL << 40;
  limits.box_messages = 1'000'000;
  limits.box_records = 1'000'000;
  auto sqlite = SqliteStore::open(directory.file(), limits, SqliteStoreOptions::for_daemon(),
                                  observed.telemetry, observed.random);
  auto postgres = PostgresStore::open(url, limits, {}, observed.telemetry, observed.random);
  if (!sqlite || !postgres) {
    std::cerr << (sqlite ? postgres.error() : "no SQLite store") << '\n';
    return 1;
  }
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
