// SPDX-License-Identifier: GPL-3.0-or-later
// Puts records into a store of PostgreSQL as fast as it takes them, until its input ends; then looks for each
// that was acknowledged. integration/failover.py takes the servers away meanwhile.
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <iostream>
#include <set>
#include <vector>

#include "base/log.hpp"
#include "base/metrics.hpp"
#include "crypto/curve.hpp"
#include "store/postgres/postgres_store.hpp"

namespace {

using namespace toxasync;
using namespace toxasync::store;
using Clock = std::chrono::steady_clock;

constexpr std::size_t window = 256;
constexpr std::uint64_t mailboxes = 64;
constexpr UnixTime now{1'000'000s};
constexpr UnixTime expires_at{2'000'000s};

class PrintingLog final : public Log {
 public:
  [[nodiscard]] bool enabled(LogLevel level) const noexcept override { return level >= LogLevel::info; }
  void write(LogLevel /*level*/, std::string_view area, std::string_view message) noexcept override {
    std::cerr << area << ": " << message << std::endl;
  }
};

Mailbox mailbox_of(std::uint64_t number) {
  Mailbox mailbox{};
  store_le(number % mailboxes, mailbox.data());
  return mailbox;
}

RecordId id_of(std::uint64_t number) {
  RecordId id{};
  store_le(number, id.data());
  return id;
}

class Load final : public StoreListener {
 public:
  explicit Load(Store& store) : store_(store), value_(400, 7) {}

  void on_put(Token number, const PutResult& result) noexcept override {
    --in_flight_;
    if (result.status == PutStatus::stored || result.status == PutStatus::duplicate) {
      const auto now = Clock::now();
      longest_pause_ = std::max(longest_pause_, now - last_);
      last_ = now;
      acknowledged_.push_back(number);
    } else {
      ++failed_;
      again_.push_back(number);  // As a client does.
    }
  }
  void on_list(Token /*token*/, ListResult&& result) noexcept override { page_ = std::move(result); }
  void on_remove(Token /*token*/, const RemoveResult& /*result*/) noexcept override {}
  void on_cancel(Token /*token*/, CancelStatus /*status*/) noexcept override {}

  void run() {
    last_ = Clock::now();
    for (bool open = true; open;) {
      while (in_flight_ < window) {
        put(take_number());
      }
      store_.submit();
      pollfd waited[2] = {{STDIN_FILENO, POLLIN, 0}, {store_.wake_fd(), POLLIN, 0}};
      ::poll(waited, 2, 1000);
      char ignored[64];
      open = waited[0].revents == 0 || ::read(STDIN_FILENO, ignored, sizeof(ignored)) > 0;
      const std::size_t failed_before = failed_;
      store_.poll(*this);
      tell();
      if (failed_ != failed_before) {
        ::poll(waited, 1, 20);  // Not all at once again.
      }
    }
    while (in_flight_ > 0) {
      pollfd wake{store_.wake_fd(), POLLIN, 0};
      ::poll(&wake, 1, 1000);
      store_.poll(*this);
    }
  }

  [[nodiscard]] std::size_t lost() {
    std::set<RecordId> there;
    for (std::uint64_t i = 0; i < mailboxes; ++i) {
      std::uint64_t cursor = 0;
      do {
        page_.reset();
        store_.list(0, mailbox_of(i), std::vector<BoxTag>{id_from<BoxTag>(mailbox_of(i))}, cursor,
                    {1000, 1U << 20}, now);
        store_.submit();
        while (!page_) {
          pollfd wake{store_.wake_fd(), POLLIN, 0};
          ::poll(&wake, 1, 1000);
          store_.poll(*this);
        }
        if (page_->status != OpStatus::ok) {
          page_->more = true;  // Asked again.
          continue;
        }
        for (const Record& record : page_->records) {
          cursor = record.sequence;
          there.insert(record.id);
        }
      } while (page_->more);
    }
    return static_cast<std::size_t>(
        std::ranges::count_if(acknowledged_, [&](auto number) { return !there.contains(id_of(number)); }));
  }

  [[nodiscard]] std::size_t acknowledged() const { return acknowledged_.size(); }
  [[nodiscard]] std::size_t failed() const { return failed_; }
  [[nodiscard]] double longest_pause_s() const {
    return std::chrono::duration<double>(longest_pause_).count();
  }

 private:
  std::uint64_t take_number() {
    if (again_.empty()) {
      return next_++;
    }
    const std::uint64_t number = again_.back();
    again_.pop_back();
    return number;
  }
  void put(std::uint64_t number) {
    ++in_flight_;
    store_.put(number, {mailbox_of(number), BoxKey(mailbox_of(number).bytes())}, id_of(number), value_,
               expires_at, now);
  }
  void tell() {
    if (Clock::now() >= tell_at_) {
      std::cout << "acknowledged " << acknowledged_.size() << std::endl;
      tell_at_ = Clock::now() + std::chrono::milliseconds(50);
    }
  }

  Store& store_;
  Bytes value_;
  std::uint64_t next_ = 1;
  std::size_t in_flight_ = 0;
  std::size_t failed_ = 0;
  std::vector<std::uint64_t> acknowledged_, again_;
  std::optional<ListResult> page_;
  Clock::time_point last_, tell_at_;
  Clock::duration longest_pause_{0};
};

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::cerr << "usage: failover_load URL\n";
    return 1;
  }
  Metrics metrics;
  PrintingLog log;
  crypto::SystemRandom random;
  StoreLimits limits;
  limits.capacity_bytes = 1ULL << 40;
  limits.box_messages = limits.box_records = 1'000'000;
  limits.box_bytes = 1ULL << 40;
  auto opened = PostgresStore::open(argv[1], limits, {}, {metrics, log}, random);
  if (!opened) {
    std::cerr << opened.error() << '\n';
    return 1;
  }
  Load load(**opened);
  load.run();
  const std::size_t lost = load.lost();
  std::cout << "result acknowledged=" << load.acknowledged() << " lost=" << lost
            << " failed=" << load.failed() << " longest_pause_s=" << load.longest_pause_s() << std::endl;
  return 0;
}
