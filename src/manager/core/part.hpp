// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <limits>
#include <span>

#include "base/clock.hpp"
#include "manager/core/state_tables.hpp"

namespace toxasync::manager {

/// A part of the manager: loaded at the start, and called at its deadlines.
class Part {
 public:
  Part() = default;
  virtual ~Part() = default;
  Part(const Part&) = delete;
  Part& operator=(const Part&) = delete;

  /// The tables whose records load() takes. No two parts name the same one.
  [[nodiscard]] virtual std::span<const Table> tables() const noexcept { return {}; }
  /// False: the key is not one that we write, and the record is damaged.
  virtual bool load(const store::StateEntry& /*entry*/) { return false; }
  virtual void tick(Now /*now*/) {}
  /// Steady milliseconds of the next tick that has work.
  [[nodiscard]] virtual std::int64_t next_deadline_ms() const noexcept {
    return std::numeric_limits<std::int64_t>::max();
  }
};

/// What is ticked with the parts, but is no part: the client, and our own node.
template <class Ticked>
class TickedPart final : public Part {
 public:
  explicit TickedPart(Ticked& ticked) : ticked_(ticked) {}

  void tick(Now now) override { ticked_.tick(now); }
  [[nodiscard]] std::int64_t next_deadline_ms() const noexcept override { return ticked_.next_deadline_ms(); }

 private:
  Ticked& ticked_;
};

}  // namespace toxasync::manager
