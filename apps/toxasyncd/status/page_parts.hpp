// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string_view>

/// The files of page/, as they are; made by CMake from page_parts.cpp.in.
namespace toxasync::daemon::page_parts {

extern const std::string_view html;
extern const std::string_view css;
extern const std::string_view script;

}  // namespace toxasync::daemon::page_parts
