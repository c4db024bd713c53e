// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <filesystem>
#include <string>

namespace toxasync::tool {

/// The module for LD_PRELOAD: TOX_ASYNC_MODULE if that is set, else where it lies beside this program,
/// installed or just built. Empty: it is nowhere.
std::filesystem::path find_module();

/// Why the module can't be loaded on this machine; empty: it can.
std::string why_not_loadable(const std::filesystem::path& module);

/// The program that a shell would start by that name. Empty: there is none.
std::filesystem::path find_program(const std::string& name);

/// Whether a program says that it uses libtoxcore as a shared library. False is no proof: it may be a script.
bool names_libtoxcore(const std::filesystem::path& program);

}  // namespace toxasync::tool
