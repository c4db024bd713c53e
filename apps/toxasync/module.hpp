// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <filesystem>
#include <string>

namespace toxasync::tool {

/// The module for LD_PRELOAD: TOX_ASYNC_MODULE if set, else at its place relative to this program, installed
/// or in the build directory. Empty: not found.
std::filesystem::path find_module();

/// Why a shared library cannot be loaded; empty: it can.
std::string load_error(const std::filesystem::path& library);

/// The program that a shell would start by that name. Empty: not found.
std::filesystem::path find_program(const std::string& name);

/// Whether a program contains the name of the shared library libtoxcore. It may use it even if not: a script.
bool links_libtoxcore(const std::filesystem::path& program);

}  // namespace toxasync::tool
