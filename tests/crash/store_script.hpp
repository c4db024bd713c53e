// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>
#include <vector>

#include "store/memory/memory_store.hpp"
#include "store/sqlite/record_table.hpp"
#include "tests/store/support.hpp"
#include "tests/support/seeded_random.hpp"
#include "trial.hpp"

namespace toxasync::crash {

/// An operation on a store.
struct Operation {
  enum class Kind : std::uint8_t { put, remove, cancel, expire, list };
  Kind kind = Kind::put;
  std::uint8_t mailbox = 0;
  std::uint16_t record = 0;
  UnixTime now{};
  UnixTime expires_at{};
  bool ends_group = false;
  bool reopens = false;  ///< After the group the database is closed and opened again.
};

/// What a store holds, as far as it can be asked for it.
struct Holdings {
  enum class Kind : std::uint8_t { none, live, removed, cancelled };
  struct Slot {
    Kind kind = Kind::none;
    UnixTime expires_at{};  ///< Of a live one.
    std::size_t size = 0;
    bool given = false;  ///< It was listed.
    bool operator==(const Slot&) const = default;
  };
  std::vector<Slot> slots;  ///< By mailbox and record.
  std::uint64_t messages = 0, bytes = 0, tombstones = 0;
  bool operator==(const Holdings&) const = default;
};

/// Random operations, and what a store holds after each of them, by the memory engine.
class StoreScript {
 public:
  static constexpr std::uint8_t mailboxes = 4;
  static constexpr std::uint16_t records = 30;

  StoreScript(std::uint64_t seed, std::size_t operations);

  [[nodiscard]] const std::vector<Operation>& operations() const noexcept { return operations_; }
  [[nodiscard]] static store::StoreLimits limits();
  static void apply(store::Store& store, store::Token token, const Operation& operation);
  /// Nothing: it cannot be read.
  static std::optional<Holdings> holdings_of(store::RecordTable& table);

  /// Compares with what a store holds after `acknowledged` operations, up to `begun`.
  [[nodiscard]] Verdict judge(const Holdings& found, std::size_t acknowledged, std::size_t begun) const;
  [[nodiscard]] const Holdings& after(std::size_t operations) const { return after_.at(operations); }
  static std::size_t slot(std::uint8_t mailbox, std::uint16_t record) {
    return static_cast<std::size_t>(mailbox) * records + record;
  }

 private:
  static Holdings holdings_of(const store::MemoryStore& model);

  std::vector<Operation> operations_;
  std::vector<Holdings> after_;
};

}  // namespace toxasync::crash
