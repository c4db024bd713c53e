// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <string>

#include "status/history.hpp"
#include "status/node_stats.hpp"

namespace toxasync::daemon {

enum class HistoryRange : std::uint8_t { ten_minutes, day };

/// /status.json: the data of the status page for programs, with the samples of that range.
std::string to_json(const NodeStats& stats, const Metrics& metrics, const History& history,
                    HistoryRange range);

}  // namespace toxasync::daemon
