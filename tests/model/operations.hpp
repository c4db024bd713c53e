// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <array>
#include <span>

#include "rig.hpp"

namespace toxasync::model {

enum class Suite : std::size_t { outbox, inbox, pre_keys };
constexpr std::array suite_names = {"outbox", "inbox", "pre-keys"};

/// Something that happens in a sequence. New ones are lines in the table of operations.cpp.
struct Operation {
  const char* name;
  std::array<unsigned, suite_names.size()> weights;  ///< How often it comes, by suite.
  void (*run)(Rig& rig, SeededRandom& random);
};

std::span<const Operation> operations();

}  // namespace toxasync::model
