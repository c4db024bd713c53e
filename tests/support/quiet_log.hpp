// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string_view>

#include "base/log.hpp"

namespace toxasync::test {

/// Takes nothing.
struct QuietLog final : Log {
  [[nodiscard]] bool enabled(LogLevel /*level*/) const noexcept override { return false; }
  void write(LogLevel /*level*/, std::string_view /*area*/, std::string_view /*text*/) noexcept override {}
};

}  // namespace toxasync::test
