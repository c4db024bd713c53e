// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>
#include <string_view>

#include "status/history.hpp"
#include "status/node_stats.hpp"

namespace toxasync::daemon {

/// The status page. `nonce` is new each time; the page's style and script carry it, and nothing else may run.
std::string to_page(const NodeStats& figures, const Metrics& metrics, const History& history,
                    std::string_view nonce);

/// The Content-Security-Policy of that page.
std::string page_policy(std::string_view nonce);

/// The same for programs, with the samples of the last ten minutes, or of the last day.
std::string to_json(const NodeStats& figures, const Metrics& metrics, const History& history, bool of_day);

}  // namespace toxasync::daemon
