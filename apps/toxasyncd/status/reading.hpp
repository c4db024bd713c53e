// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>

#include "base/metrics.hpp"
#include "base/time.hpp"
#include "status/node_activity.hpp"
#include "status/node_contents.hpp"

namespace toxasync::daemon {

/// Everything that is plotted, as of one moment; counts are since the start.
struct Reading {
  UnixTime unix_time{};
  SteadyTime steady{};
  NodeContents contents;
  NodeActivity activity;
  Histogram::Counts store_time;
  Histogram::Counts retrieve_time;
};

}  // namespace toxasync::daemon
