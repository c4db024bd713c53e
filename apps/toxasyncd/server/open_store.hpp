// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <memory>
#include <string>

#include "base/metrics.hpp"
#include "base/random.hpp"
#include "process/data_directory.hpp"
#include "store/store.hpp"

namespace toxasync::daemon {

/// Opens the store that --store names, or the one in the data directory if `url` is empty. In both cases the
/// directory is locked against other processes. Throws StartupError.
std::unique_ptr<store::Store> open_store(const std::string& url, DataDirectory& directory,
                                         const store::StoreLimits& limits, const Telemetry& telemetry,
                                         Random& random);

}  // namespace toxasync::daemon
