// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <vector>

#include "base/random.hpp"
#include "store/sqlite/sqlite_engine.hpp"
#include "store/sqlite/state_sealer.hpp"

namespace toxasync::store {

/// The client's table of sealed rows.
class StateTable final : public SqliteEngine {
 public:
  StateTable(std::filesystem::path path, SqliteSettings settings, const Telemetry& telemetry,
             const ByteArray<32>& key, Random& random);
  ~StateTable() override;

  DbStatus write(const SealedRow& row);
  DbStatus erase(const ByteArray<16>& row_key);
  DbStatus read_all(std::vector<SealedRow>& rows);

  /// Valid after open(); the same one until the end.
  [[nodiscard]] const StateSealer& sealer() const noexcept { return *sealer_; }

  /// Erases removed rows from the WAL too, when nothing else waits or it has been due for long.
  void after_group(bool idle) noexcept override;

 private:
  std::optional<OpenError> attach(SqliteDb& db) override;
  void detach() noexcept override { statements_ = {}; }
  void began() noexcept override { erased_ = false; }
  void committed() noexcept override { scrub_due_ = scrub_due_ || erased_; }

  std::optional<OpenError> create(SqliteDb& db);
  std::optional<OpenError> read_meta(SqliteDb& db);

  struct Statements {
    Statement write, erase, read_all;
  };

  ByteArray<32> key_;  // Wiped once the sealer is made.
  Random& random_;     // Used within open() only.
  std::optional<StateSealer> sealer_;
  ByteArray<16> salt_{};
  Statements statements_;
  bool erased_ = false;  // In the open transaction.
  bool scrub_due_ = false;
  unsigned groups_unscrubbed_ = 0;
};

}  // namespace toxasync::store
