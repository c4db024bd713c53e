// SPDX-License-Identifier: GPL-3.0-or-later
#include "status/format.hpp"

#include <array>
#include <cmath>
#include <cstdio>
#include <ctime>

namespace toxasync::daemon {

std::string formatted(const char* format, double value) {
  std::array<char, 64> text{};
  std::snprintf(text.data(), text.size(), format, value);
  return text.data();
}

std::string grouped(std::uint64_t count) {
  std::string text = std::to_string(count);
  for (std::size_t at = text.size(); at > 3;) {
    at -= 3;
    text.insert(at, ",");
  }
  return text;
}

std::string rounded(double value) {
  return formatted(value == 0 || value >= 100 ? "%.0f" : value >= 10 ? "%.1f" : "%.2g", value);
}

Quantity bytes(std::uint64_t count) {
  static constexpr std::array<std::string_view, 5> units = {"B", "KiB", "MiB", "GiB", "TiB"};
  auto value = static_cast<double>(count);
  std::size_t unit = 0;
  for (; value >= 1024 && unit + 1 < units.size(); ++unit) {
    value /= 1024;
  }
  return {unit == 0 || value == std::floor(value) ? formatted("%.0f", value) : formatted("%.1f", value),
          units.at(unit)};
}

std::string bytes_text(std::uint64_t count) {
  const Quantity quantity = bytes(count);
  return quantity.number + " " + std::string(quantity.unit);
}

Quantity time_taken(double ms) {
  // The clock has a resolution of 1 ms.
  return ms >= 1000 ? Quantity{formatted("%.1f", ms / 1000), "s"}
                    : Quantity{ms < 1 ? "<1" : formatted("%.0f", ms), "ms"};
}

std::string duration(seconds time) {
  struct Unit {
    seconds length;
    std::string_view name;
  };
  static constexpr std::array<Unit, 4> units = {{{days(1), "d"}, {1h, "h"}, {1min, "min"}, {1s, "s"}}};
  for (std::size_t i = 0; i < units.size(); ++i) {
    const std::int64_t whole = time / units.at(i).length;
    if (whole == 0 && i + 1 < units.size()) {
      continue;
    }
    std::string text = std::to_string(whole) + " " + std::string(units.at(i).name);
    if (i + 1 < units.size()) {
      const std::int64_t rest = time % units.at(i).length / units.at(i + 1).length;
      text += rest == 0 ? "" : " " + std::to_string(rest) + " " + std::string(units.at(i + 1).name);
    }
    return text;
  }
  return "0 s";
}

std::string utc(UnixTime time) {
  const std::time_t since_1970 = time.time_since_epoch().count();
  std::tm parts{};
  gmtime_r(&since_1970, &parts);
  std::array<char, 32> text{};
  std::strftime(text.data(), text.size(), "%Y-%m-%d %H:%M:%S UTC", &parts);
  return text.data();
}

std::string escaped(std::string_view text) {
  std::string safe;
  for (const char c : text) {
    switch (c) {
      case '&':
        safe += "&amp;";
        break;
      case '<':
        safe += "&lt;";
        break;
      case '>':
        safe += "&gt;";
        break;
      case '"':
        safe += "&quot;";
        break;
      default:
        safe += c;
    }
  }
  return safe;
}

}  // namespace toxasync::daemon
