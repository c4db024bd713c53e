// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>

namespace toxasync::daemon {

/// What a node holds at one moment.
struct NodeContents {
  std::uint64_t messages = 0;
  std::uint64_t bytes = 0;
  std::uint64_t sessions = 0;
};

}  // namespace toxasync::daemon
