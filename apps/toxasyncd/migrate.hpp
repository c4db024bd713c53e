// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

namespace toxasync::daemon {

/// `toxasyncd migrate`: moves the mail of a data directory into PostgreSQL. `arguments` begins with the
/// command's name. Throws StartupError.
void migrate(int count, const char* const* arguments);

}  // namespace toxasync::daemon
