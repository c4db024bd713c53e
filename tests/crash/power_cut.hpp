// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <array>
#include <string_view>
#include <vector>

#include "disk.hpp"
#include "tests/support/seeded_random.hpp"

namespace toxasync::crash {

/// What is left on a disk.
enum class Cut : std::uint8_t {
  killed,     ///< All that was written: only the process ended.
  dropped,    ///< What was synchronised and nothing else.
  torn,       ///< All, but of the last write only its first bytes.
  reordered,  ///< What was synchronised; of the rest any sectors, and of the directory's changes the first
              ///< ones.
};
inline constexpr std::array<std::string_view, 4> cut_names{"killed", "dropped", "torn", "reordered"};

/// Goes through a disk's changes, and tells what would be left if it ended there.
///
/// A write that was not synchronised may be on the disk or not, each sector for itself. A name that was made,
/// removed or changed is safe when the directory was synchronised; until then the file system's journal keeps
/// the order of such changes. Bytes beside those that are written never change (SQLite's
/// powersafe-overwrite).
class PowerCut {
 public:
  static constexpr std::uint64_t sector_bytes = 512;

  /// `log` must outlive it.
  PowerCut(const Image& start, const std::vector<Change>& log);

  /// How many changes the disk got.
  [[nodiscard]] std::size_t position() const noexcept { return position_; }
  /// One more. False: there is none.
  bool step();
  [[nodiscard]] Image image(Cut how, test::SeededRandom& random) const;

 private:
  [[nodiscard]] Image torn(test::SeededRandom& random) const;
  [[nodiscard]] Image reordered(test::SeededRandom& random) const;

  const std::vector<Change>& log_;
  std::size_t position_ = 0;
  Files now_;
  Files durable_;
  std::vector<const Change*> pending_;
};

}  // namespace toxasync::crash
