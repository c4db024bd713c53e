// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace toxasync::store {

/// What a storage node's database was found to hold.
struct RecordCheck {
  static constexpr std::size_t most_pages_told = 20;

  std::uint64_t messages = 0;
  std::uint64_t bytes = 0;  ///< Of their values.
  std::uint64_t tombstones = 0;
  std::uint64_t damaged = 0;       ///< Records that do not fit their checksum.
  std::uint64_t wrong_quotas = 0;  ///< Mailboxes that are counted wrong.
  bool wrong_totals = false;       ///< As above, for the whole store.
  bool unreadable = false;         ///< A page or the disk failed, so the rest was not looked at.
  std::vector<std::string> pages;  ///< What SQLite finds wrong with the file.

  [[nodiscard]] bool good() const noexcept {
    return damaged == 0 && wrong_quotas == 0 && !wrong_totals && !unreadable && pages.empty();
  }
};

}  // namespace toxasync::store
