// SPDX-License-Identifier: GPL-3.0-or-later
#include "status/status_page.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <ctime>
#include <utility>

#include "status/metric_help.hpp"
#include "status/page_parts.hpp"

namespace toxasync::daemon {

namespace {

std::string formatted(const char* format, double value) {
  std::array<char, 64> text{};
  std::snprintf(text.data(), text.size(), format, value);
  return text.data();
}

/// With commas: 1,234,567.
std::string grouped(std::uint64_t count) {
  std::string text = std::to_string(count);
  for (std::size_t at = text.size(); at > 3;) {
    at -= 3;
    text.insert(at, ",");
  }
  return text;
}

/// Three digits at most, as far as they tell something.
std::string rounded(double value) {
  return formatted(value == 0 || value >= 100 ? "%.0f" : value >= 10 ? "%.1f" : "%.2g", value);
}

struct Quantity {
  std::string number;
  std::string_view unit;
};

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

Quantity milliseconds(double ms) {
  // The clock that times it ticks in milliseconds.
  return ms >= 1000 ? Quantity{formatted("%.1f", ms / 1000), "s"}
                    : Quantity{ms < 1 ? "<1" : formatted("%.0f", ms), "ms"};
}

/// The two largest parts: "3 days 4 h", "12 min 5 s".
std::string duration(std::int64_t seconds) {
  struct Unit {
    std::int64_t seconds;
    std::string_view name;
  };
  static constexpr std::array<Unit, 4> units = {{{86400, "d"}, {3600, "h"}, {60, "min"}, {1, "s"}}};
  for (std::size_t i = 0; i < units.size(); ++i) {
    const std::int64_t whole = seconds / units.at(i).seconds;
    if (whole == 0 && i + 1 < units.size()) {
      continue;
    }
    std::string text = std::to_string(whole) + " " + std::string(units.at(i).name);
    if (i + 1 < units.size()) {
      const std::int64_t rest = seconds % units.at(i).seconds / units.at(i + 1).seconds;
      text += rest == 0 ? "" : " " + std::to_string(rest) + " " + std::string(units.at(i + 1).name);
    }
    return text;
  }
  return "0 s";
}

std::string utc(std::int64_t unix_s) {
  const auto time = static_cast<std::time_t>(unix_s);
  std::tm parts{};
  gmtime_r(&time, &parts);
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

/// A bar whose filled part is `share`, from 0 to 1. What it tells stands beside it as text.
std::string bar(double share, std::string_view more_class, int height) {
  return R"(<svg viewBox="0 0 100 1" preserveAspectRatio="none" height=")" + std::to_string(height) +
         R"(" aria-hidden="true"><rect class="bar-back" width="100" height="1"/><rect class="bar)" +
         std::string(more_class) + "\" height=\"1\" width=\"" +
         formatted("%.2f", 100 * std::clamp(share, 0.0, 1.0)) + "\"/></svg>";
}

std::string tile(std::string_view title, const Quantity& quantity, const std::string& more,
                 const std::string& drawing = "") {
  std::string text = "<div class=\"tile\"><h3>";
  text.append(title).append("</h3><p class=\"number\">").append(quantity.number);
  text.append(" <small>").append(quantity.unit).append("</small></p>").append(drawing);
  return text.append("<p class=\"more\">").append(more).append("</p></div>\n");
}

std::string tiles(const NodeStats& stats, const Metrics& metrics, const History& history) {
  const Sample recent = history.recent_as_one();
  const auto& kept = stats.store;
  const std::uint64_t used =
      kept.bytes + (kept.messages + kept.tombstones) * store::StoreLimits::record_overhead_bytes;
  const double share =
      stats.capacity_bytes == 0 ? 0 : static_cast<double>(used) / static_cast<double>(stats.capacity_bytes);
  const auto rate = [&recent](std::uint64_t count) {
    return Quantity{rounded(recent.per_second(count)), "/s"};
  };
  const auto in_all = [&metrics](Counter counter) {
    return "last 10 min; " + grouped(metrics.value(counter)) + " since the start";
  };
  const bool timed = recent.store_p99_ms > 0;
  std::string text;
  text += tile("Envelopes kept", {grouped(kept.messages), ""},
               kept.messages == 0 ? "none waits for its recipient" : bytes_text(kept.bytes) + ", sealed");
  text += tile("Space used", {share > 0 && share < 0.0001 ? "<0.01" : rounded(100 * share), "%"},
               bytes_text(used) + " of " + bytes_text(stats.capacity_bytes), bar(share, "", 6));
  text += tile("Stored", rate(recent.stored), in_all(Counter::node_stored));
  text += tile("Fetched", rate(recent.fetched), in_all(Counter::node_listed));
  text += tile("A store takes", timed ? milliseconds(recent.store_median_ms) : Quantity{"–", ""},
               timed ? "99 % within " + milliseconds(recent.store_p99_ms).number + " " +
                           std::string(milliseconds(recent.store_p99_ms).unit)
                     : "none came in the last 10 minutes");
  text += tile("Sessions", {grouped(stats.load.sessions), ""},
               "remembered, " + grouped(stats.sessions_limit) + " at most");
  return text;
}

std::string problems(const NodeStats& stats) {
  std::string text;
  for (const std::string& problem : stats.problems) {
    text += "<p class=\"problem\">" + escaped(problem) + "</p>\n";
  }
  return text;
}

std::string refused(const Metrics& metrics) {
  std::vector<std::pair<std::uint64_t, Counter>> reasons;
  for (std::size_t i = 0; i < counter_count; ++i) {
    const auto counter = static_cast<Counter>(i);
    if (is_refusal(counter) && metrics.value(counter) != 0) {
      reasons.emplace_back(metrics.value(counter), counter);
    }
  }
  if (reasons.empty()) {
    return "<p class=\"card empty\">Nothing has been refused since the start.</p>";
  }
  std::ranges::sort(reasons, std::ranges::greater{}, &std::pair<std::uint64_t, Counter>::first);
  std::string text =
      "<div class=\"card\"><table><thead><tr><th>What, and why</th><th class=\"count\">since the "
      "start</th></tr>"
      "</thead><tbody>\n";
  const auto most = static_cast<double>(reasons.front().first);
  for (const auto& [count, counter] : reasons) {
    text += "<tr><td>" + escaped(help_of(counter)) + bar(static_cast<double>(count) / most, " refusal", 4) +
            "</td><td class=\"count\">" + grouped(count) + "</td></tr>\n";
  }
  return text + "</tbody></table></div>";
}

std::string transports(const NodeStats& stats) {
  std::string text =
      "<div class=\"card\"><table><thead><tr><th>Way</th><th class=\"count\">packets "
      "in</th></tr></thead><tbody>\n";
  for (const TransportStats& transport : stats.transports) {
    text += "<tr><td>" + escaped(transport.detail) + "</td><td class=\"count\">" +
            grouped(transport.packets_in) + "</td></tr>\n";
  }
  return text + "</tbody></table></div>";
}

std::string peers(const NodeStats& stats) {
  if (stats.peers.empty()) {
    return "<p class=\"card empty\">None is known. Name some by <code>--peer</code>, so that clients are "
           "told of "
           "more than one node.</p>";
  }
  std::string text =
      "<div class=\"card\"><table><thead><tr><th>Node</th><th>Answered</th><th class=\"count\">version</th>"
      "<th class=\"count\">offers</th></tr></thead><tbody>\n";
  for (const PeerStats& peer : stats.peers) {
    text += "<tr><td><code>" + escaped(peer.short_id) + "</code> " + (peer.named ? "named" : "found") +
            "</td><td>";
    if (peer.answered) {
      text += duration(peer.answered_s_ago) + " ago</td><td class=\"count\">" + std::to_string(peer.version) +
              "</td><td class=\"count\">" + bytes_text(peer.capacity_bytes) + "</td></tr>\n";
    } else {
      text += "not lately</td><td class=\"count\">–</td><td class=\"count\">–</td></tr>\n";
    }
  }
  return text + "</tbody></table></div>";
}

using Parts = std::vector<std::pair<std::string_view, std::string>>;

/// The text with each {{name}} replaced; what is put in is not looked at again.
std::string filled(std::string_view text, const Parts& parts) {
  std::string result;
  for (;;) {
    const auto open = text.find("{{");
    result.append(text.substr(0, open));
    if (open == std::string_view::npos) {
      return result;
    }
    const auto close = text.find("}}", open);
    const std::string_view name = text.substr(open + 2, close - open - 2);
    if (const auto part = std::ranges::find(parts, name, &Parts::value_type::first); part != parts.end()) {
      result.append(part->second);
    }
    text.remove_prefix(close + 2);
  }
}

std::string short_id(std::string_view node_address) {
  constexpr std::size_t digits = 12;
  return std::string(node_address.substr(node_address.find(':') + 1, digits));
}

}  // namespace

std::string to_page(const NodeStats& stats, const Metrics& metrics, const History& history,
                    std::string_view nonce) {
  const bool good = stats.problems.empty();
  const std::string id = escaped(short_id(stats.node_address));
  return filled(page_parts::html, {{"title", (good ? "" : "(!) ") + ("Storage node " + id)},
                                   {"nonce", std::string(nonce)},
                                   {"css", std::string(page_parts::css)},
                                   {"script", std::string(page_parts::script)},
                                   {"short_id", id},
                                   {"version", escaped(stats.version)},
                                   {"up", duration(stats.up_s)},
                                   {"now", utc(stats.now_unix_s)},
                                   {"state", good ? "✓ Serving" : "<span class=\"bad\">✗ In trouble</span>"},
                                   {"problems", problems(stats)},
                                   {"tiles", tiles(stats, metrics, history)},
                                   {"refused", refused(metrics)},
                                   {"transports", transports(stats)},
                                   {"peers", peers(stats)},
                                   {"node_address", escaped(stats.node_address)}});
}

std::string page_policy(std::string_view nonce) {
  const std::string source = " 'nonce-" + std::string(nonce) + "'";
  return "default-src 'none'; style-src" + source + "; script-src" + source +
         "; connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
}

}  // namespace toxasync::daemon
