// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>

#include "status/node_stats.hpp"

namespace toxasync::daemon {

/// The media type of the text below.
inline constexpr const char* prometheus_type = "text/plain; version=0.0.4; charset=utf-8";

/// All statistics in the text format of Prometheus (docs/operations.md).
std::string to_prometheus(const NodeStats& stats, const Metrics& metrics);

}  // namespace toxasync::daemon
