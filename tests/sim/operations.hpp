// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <span>

#include "rig.hpp"

namespace toxasync::sim {

/// Something that happens in a sequence. New ones are lines in the table of operations.cpp.
struct Operation {
  const char* name;
  Kind kind;
  unsigned weight;  ///< How often it comes among all.
  bool fault;       ///< Something goes wrong: it is counted by its name.
  void (*run)(Rig& rig, SeededRandom& random);
};

std::span<const Operation> operations();

}  // namespace toxasync::sim
