// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace toxasync::store {

/// The result of a check of a storage node's database.
struct RecordCheck {
  static constexpr std::size_t most_pages_told = 20;

  std::uint64_t messages = 0;
  std::uint64_t bytes = 0;  ///< Of their values.
  std::uint64_t tombstones = 0;
  std::uint64_t damaged = 0;       ///< Records with a wrong checksum.
  std::uint64_t wrong_quotas = 0;  ///< Mailboxes with wrong quotas.
  bool wrong_totals = false;       ///< As above, for the whole store.
  bool unreadable = false;         ///< A page or the disk failed, so the rest was not checked.
  std::vector<std::string> pages;  ///< What SQLite finds wrong with the file.

  [[nodiscard]] bool good() const noexcept {
    return damaged == 0 && wrong_quotas == 0 && !wrong_totals && !unreadable && pages.empty();
  }
};

}  // namespace toxasync::store
