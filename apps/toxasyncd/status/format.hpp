// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/time.hpp"

// How the status page writes numbers and text.

namespace toxasync::daemon {

struct Quantity {
  std::string number;
  std::string_view unit;
};

/// By a format of printf() for one double.
std::string formatted(const char* format, double value);

/// With commas: 1,234,567.
std::string grouped(std::uint64_t count);

/// At most three significant digits.
std::string rounded(double value);

Quantity bytes(std::uint64_t count);
std::string bytes_text(std::uint64_t count);

Quantity time_taken(double ms);

/// The two largest units: "3 d 4 h", "12 min 5 s".
std::string duration(seconds time);

/// "2026-01-31 23:59:59 UTC"
std::string utc(UnixTime time);

/// Safe as text and attribute values of HTML.
std::string escaped(std::string_view text);

}  // namespace toxasync::daemon
