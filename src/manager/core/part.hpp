// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

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
  /// Of the next tick that has work.
  [[nodiscard]] virtual SteadyTime next_deadline() const noexcept { return never; }
};

/// What is ticked with the parts, but is no part: the client, and our own node.
template <class Ticked>
class TickedPart final : public Part {
 public:
  explicit TickedPart(Ticked& ticked) : ticked_(ticked) {}

  void tick(Now now) override { ticked_.tick(now); }
  [[nodiscard]] SteadyTime next_deadline() const noexcept override { return ticked_.next_deadline(); }

 private:
  Ticked& ticked_;
};

}  // namespace toxasync::manager
