// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

namespace toxasync::crash {

/// Gives SQLite the mounted disk, under the name Disk::vfs; it does there what SQLite's own file system does
/// on Linux. Once, before any database is opened.
void register_sqlite_files();

}  // namespace toxasync::crash
