// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <optional>
#include <string>

namespace toxasync {

// Where the user's files are, by the XDG base directory specification. Empty if neither the XDG variable nor
// HOME is an absolute path. Nothing is created.

/// TOX_ASYNC_CONFIG if it is set, else toxasync/toxasync.conf in $XDG_CONFIG_HOME or ~/.config.
std::filesystem::path user_settings_file();

/// For the log and the status files: toxasync in $XDG_STATE_HOME or ~/.local/state.
std::filesystem::path user_state_directory();

/// The running process of a status file of that name, `status.PROCESS.NUMBER`. Nothing: not a status file. 0:
/// the process has ended without removing it.
std::optional<pid_t> status_file_process(const std::string& name);

/// For messages and keys: toxasync in $XDG_DATA_HOME or ~/.local/share.
std::filesystem::path user_data_directory();

}  // namespace toxasync
