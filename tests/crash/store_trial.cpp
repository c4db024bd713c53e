// SPDX-License-Identifier: GPL-3.0-or-later
#include <stdexcept>

#include "store/sqlite/sqlite_store.hpp"
#include "store_script.hpp"

namespace toxasync::crash {

namespace {

using store::PutStatus;
using store::SqliteStore;
using store::test::box;
using store::test::Caller;
using store::test::mailbox;
using store::test::record;

constexpr const char* database = "store.db";
constexpr UnixTime distant{seconds(1 << 30)};

class StoreTrial : public Trial {
 public:
  StoreTrial(std::uint64_t seed, std::size_t operations) : script_(seed, operations), random_(seed) {}

  [[nodiscard]] std::string_view name() const noexcept override { return "store"; }
  [[nodiscard]] const Image& start() const noexcept override { return start_; }

  void run() override { run(0, script_.operations().size()); }

  Verdict check(std::size_t position) override {
    Verdict verdict = look(position);
    if (verdict.wrong.empty()) {
      const auto whole = SqliteStore::check(Disk::path(database), options(), observed_.telemetry, random_);
      verdict.wrong = whole && whole->good() ? "" : "the database does not hold together";
    }
    return verdict;
  }

  Verdict look(std::size_t position) {
    const auto table = open_table();
    if (!table) {
      return gone(position, std::string(describe(table.error())));
    }
    const auto found = StoreScript::holdings_of(**table);
    if (!found) {
      return gone(position, "the store cannot be read");
    }
    return script_.judge(*found, acknowledged(position), begun(position));
  }

  Verdict use(std::size_t position) override {
    auto opened = open();
    if (!opened) {
      return gone(position, std::string(describe(opened.error())));
    }
    Caller caller(**opened);
    const Holdings& sure = script_.after(acknowledged(position));
    if (acknowledged(position) == begun(position)) {
      int left = 3;
      for (std::size_t at = 0; at < sure.slots.size() && left > 0; ++at) {
        const bool tombstone = sure.slots[at].kind == Holdings::Kind::removed ||
                               sure.slots[at].kind == Holdings::Kind::cancelled;
        if (tombstone &&
            caller.put(box(static_cast<std::uint8_t>(at / StoreScript::records)),
                       record(static_cast<std::uint16_t>(at % StoreScript::records)), Bytes(20, 1), distant)
                    .status != PutStatus::gone) {
          return {0, 0, "what was removed can be stored again"};
        }
        left -= tombstone ? 1 : 0;
      }
    }
    const auto put = caller.put(box(0xee), record(1), Bytes(20, 1), distant);
    if (put.status == PutStatus::store_full) {
      return {};
    }
    const auto list = caller.list(mailbox(0xee));
    if (put.status != PutStatus::stored || list.records.size() != 1) {
      return {0, 0, "nothing can be stored any more"};
    }
    std::uint64_t told = 0;
    for (const Told& cursor : told_) {
      told = cursor.position <= position ? std::max(told, cursor.sequence) : told;
    }
    return {0, 0, list.records[0].sequence > told ? "" : "a cursor that was told is used again"};
  }

 protected:
  [[nodiscard]] Result<std::unique_ptr<SqliteStore>, store::OpenError> open() {
    return SqliteStore::open(Disk::path(database), StoreScript::limits(), options(), observed_.telemetry,
                             random_);
  }
  [[nodiscard]] Result<std::unique_ptr<store::RecordTable>, store::OpenError> open_table(
      const char* name = database) {
    return SqliteStore::open_table(Disk::path(name), StoreScript::limits(), options(), observed_.telemetry,
                                   random_);
  }
  [[nodiscard]] static store::SqliteStoreOptions options() {
    store::SqliteStoreOptions options;
    options.vfs = Disk::vfs;
    options.wal_autocheckpoint_pages = 40;
    options.backup_slice_pages = 4;
    return options;
  }

  void run(std::size_t from, std::size_t to) {
    auto store = open_or_throw();
    opened(*store);
    std::size_t expected = 0;
    const auto& operations = script_.operations();
    for (std::size_t i = from; i < to; ++i) {
      StoreScript::apply(*store, i, operations[i]);
      expected += operations[i].kind == Operation::Kind::expire ? 0 : 1;
      if (!operations[i].ends_group && i + 1 < to) {
        continue;
      }
      history_.begin(i + 1);
      store->submit();
      store::test::Results results;
      if (!store::test::wait_for(*store, results, std::exchange(expected, 0))) {
        throw std::runtime_error("the store does not answer");
      }
      // Of expiry there is no completion; it is acknowledged with what comes after it.
      const bool told = operations[i].kind != Operation::Kind::expire;
      history_.acknowledge(told ? i + 1 : i);
      for (const auto& [token, list] : results.lists) {
        told_.push_back(
            {Disk::mounted()->position(), list.records.empty() ? 0 : list.records.back().sequence});
      }
      if (operations[i].reopens) {
        store.reset();
        history_.acknowledge(i + 1);
        store = open_or_throw();
        opened(*store);
      }
    }
    ends(*store);
    store.reset();
    history_.acknowledge(to);
  }

  /// In run(): the store was opened; it is about to be closed for the last time.
  virtual void opened(SqliteStore& /*store*/) {}
  virtual void ends(SqliteStore& /*store*/) {}

  [[nodiscard]] std::size_t acknowledged(std::size_t position) const {
    return history_.acknowledged(position);
  }
  [[nodiscard]] std::size_t begun(std::size_t position) const { return history_.begun(position); }

  StoreScript script_;
  Image start_;
  History history_;
  store::test::Observed observed_;
  store::test::TestRandom random_;

 private:
  struct Told {
    std::size_t position;
    std::uint64_t sequence;
  };

  std::unique_ptr<SqliteStore> open_or_throw() {
    auto opened = open();
    if (!opened) {
      throw std::runtime_error(std::string(describe(opened.error())));
    }
    return std::move(*opened);
  }

  /// All that was acknowledged is lost.
  Verdict gone(std::size_t position, std::string why) {
    Verdict verdict = script_.judge(script_.after(0), acknowledged(position), begun(position));
    verdict.wrong = std::move(why);
    return verdict;
  }

  std::vector<Told> told_;
};

/// Has a copy made meanwhile.
class BackupTrial final : public StoreTrial {
 public:
  BackupTrial(std::uint64_t seed, std::size_t operations) : StoreTrial(seed, operations) {}

  [[nodiscard]] std::string_view name() const noexcept override { return "backup"; }

  Verdict check(std::size_t position) override {
    Verdict verdict = StoreTrial::check(position);
    const bool must_be_there = position >= copied_at_;
    verdict.acknowledged += must_be_there ? 1 : 0;
    if (!Disk::mounted()->find(copy)) {
      verdict.lost += must_be_there ? 1 : 0;
      return verdict;
    }
    const auto opened = open_table(copy);
    const auto found = opened ? StoreScript::holdings_of(**opened) : std::nullopt;
    bool good = false;
    for (std::size_t i = from_; found && i <= script_.operations().size(); ++i) {
      // In a copy everything counts as listed.
      Holdings then = script_.after(i);
      for (Holdings::Slot& slot : then.slots) {
        slot.given = slot.kind == Holdings::Kind::live;
      }
      good = good || *found == then;
    }
    if (!good) {
      verdict.wrong = "there is a copy that is not whole";
    }
    return verdict;
  }

 private:
  static constexpr const char* copy = "copy.db";

  void opened(SqliteStore& store) override {
    if (copied_at_ != never) {
      return;
    }
    from_ = history_.acknowledged(Disk::mounted()->position());
    store.backup(Disk::path(copy), [this](bool good) {
      if (!good) {
        throw std::runtime_error("the copy could not be made");
      }
      copied_at_ = Disk::mounted()->position();
    });
  }
  void ends(SqliteStore& store) override {
    Caller caller(store);
    while (copied_at_ == never) {
      caller.list(mailbox(0xdd));
    }
  }

  static constexpr std::size_t never = ~std::size_t{0};
  std::size_t from_ = 0;
  std::size_t copied_at_ = never;
};

}  // namespace

std::unique_ptr<Trial> backup_trial(std::uint64_t seed, std::size_t operations) {
  return std::make_unique<BackupTrial>(seed, operations);
}

std::unique_ptr<Trial> store_trial(std::uint64_t seed, std::size_t operations) {
  return std::make_unique<StoreTrial>(seed, operations);
}

}  // namespace toxasync::crash
