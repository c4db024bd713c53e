// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>
#include <string_view>

#include "status/history.hpp"
#include "status/node_stats.hpp"

namespace toxasync::daemon {

/// The status page. `nonce` must be new each time: only style and script with it are executed.
std::string to_page(const NodeStats& stats, const Metrics& metrics, const History& history,
                    std::string_view nonce);

/// The Content-Security-Policy of that page.
std::string page_policy(std::string_view nonce);

}  // namespace toxasync::daemon
