// SPDX-License-Identifier: GPL-3.0-or-later
#include <poll.h>

#include <stdexcept>

#include "store/sqlite/sqlite_state.hpp"
#include "tests/store/support.hpp"
#include "tests/support/seeded_random.hpp"
#include "trial.hpp"

namespace toxasync::crash {

namespace {

using store::SqliteState;
using Contents = std::map<Bytes, Bytes>;

class StateTrial final : public Trial {
 public:
  StateTrial(std::uint64_t seed, std::size_t batches) : random_(seed) {
    test::SeededRandom random(seed);
    after_.emplace_back();
    for (std::size_t i = 0; i < batches; ++i) {
      store::StateBatch batch;
      Contents contents = after_.back();
      for (auto left = 1 + random.below(4); left > 0; --left) {
        const Bytes key(4, static_cast<std::uint8_t>(random.below(20)));
        if (random.chance(350)) {
          contents.erase(key);
          batch.push_back({key, std::nullopt});
        } else {
          Bytes value(random.below(random.chance(150) ? 9000 : 300));
          random.fill(value);
          contents[key] = value;
          batch.push_back({key, std::move(value)});
        }
      }
      batches_.push_back(std::move(batch));
      after_.push_back(std::move(contents));
      ends_.push_back(random.chance(600) || i + 1 == batches);
      reopens_.push_back(random.chance(60));
    }
  }

  [[nodiscard]] std::string_view name() const noexcept override { return "state"; }
  [[nodiscard]] const Image& start() const noexcept override { return start_; }

  void run() override {
    auto state = open_or_throw();
    std::size_t done = 0;
    for (std::size_t i = 0; i < batches_.size(); ++i) {
      history_.begin(i + 1);
      state->commit(batches_[i], [this, &done](bool durable) {
        if (!durable) {
          throw std::runtime_error("a batch failed");
        }
        history_.acknowledge(++done);
      });
      if (!ends_[i]) {
        continue;
      }
      while (done <= i) {
        pollfd waiting{state->wake_fd(), POLLIN, 0};
        if (::poll(&waiting, 1, 20'000) != 1) {
          throw std::runtime_error("the state does not answer");
        }
        state->poll();
      }
      if (reopens_[i]) {
        state.reset();
        state = open_or_throw();
      }
    }
  }

  Verdict check(std::size_t position) override {
    const std::size_t acknowledged = history_.acknowledged(position);
    Verdict verdict;
    Contents found;
    if (auto opened = open()) {
      for (auto& entry : (*opened)->load()) {
        found[std::move(entry.key)] = std::move(entry.value);
      }
    } else {
      verdict.wrong = describe(opened.error());
    }
    bool some_prefix = false;
    for (std::size_t i = acknowledged; i <= history_.begun(position); ++i) {
      some_prefix = some_prefix || found == after_[i];
    }
    for (const auto& [key, value] : after_[acknowledged]) {
      bool settled = true;
      for (std::size_t i = acknowledged; i <= history_.begun(position); ++i) {
        const auto later = after_[i].find(key);
        settled = settled && later != after_[i].end() && later->second == value;
      }
      if (settled) {
        const auto there = found.find(key);
        ++verdict.acknowledged;
        verdict.lost += there != found.end() && there->second == value ? 0 : 1;
      }
    }
    if (!some_prefix && verdict.lost == 0 && verdict.wrong.empty()) {
      verdict.wrong = "what is there was not made by the first so many batches";
    }
    return verdict;
  }

  Verdict use(std::size_t /*position*/) override {
    bool written = false;
    const Bytes key(8, 0xee);
    if (auto opened = open()) {
      (*opened)->commit({{key, Bytes(100, 1)}}, [&written](bool durable) { written = durable; });
      written = (*opened)->flush(20s) && (*opened)->poll() == 1 && written;
    }
    auto again = open();
    const auto entries = again ? (*again)->load() : std::vector<store::StateEntry>();
    const bool there = std::ranges::any_of(entries, [&](const auto& entry) { return entry.key == key; });
    return {0, 0, written && there ? "" : "nothing can be written any more"};
  }

 private:
  [[nodiscard]] Result<std::unique_ptr<SqliteState>, store::OpenError> open() {
    store::SqliteStateOptions options;
    options.vfs = Disk::vfs;
    options.wal_autocheckpoint_pages = 30;
    ByteArray<32> secret{};
    secret.fill(0x4b);
    return SqliteState::open(Disk::path("state.db"), secret, options, observed_.telemetry, random_);
  }
  std::unique_ptr<SqliteState> open_or_throw() {
    auto opened = open();
    if (!opened) {
      throw std::runtime_error(std::string(describe(opened.error())));
    }
    return std::move(*opened);
  }

  store::test::Observed observed_;
  store::test::TestRandom random_;
  Image start_;
  std::vector<store::StateBatch> batches_;
  std::vector<Contents> after_;
  std::vector<bool> ends_, reopens_;
  History history_;
};

}  // namespace

std::unique_ptr<Trial> state_trial(std::uint64_t seed, std::size_t batches) {
  return std::make_unique<StateTrial>(seed, batches);
}

}  // namespace toxasync::crash
