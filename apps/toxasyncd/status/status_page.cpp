// SPDX-License-Identifier: GPL-3.0-or-later
#include "status/status_page.hpp"

#include <algorithm>
#include <utility>

#include "status/format.hpp"
#include "status/metric_help.hpp"
#include "status/page_parts.hpp"

namespace toxasync::daemon {

namespace {

/// A bar, of which `share` (0 to 1) is filled. Its value is also given as text beside it.
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
  const auto rate = [&recent](std::uint64_t NodeActivity::*count) {
    return Quantity{rounded(recent.per_second(count)), "/s"};
  };
  const auto total = [&metrics](Counter counter) {
    return "last 10 min; " + grouped(metrics.value(counter)) + " since start";
  };
  const bool timed = recent.store_p99_ms > 0;
  std::string text;
  text += tile("Envelopes kept", {grouped(kept.messages), ""},
               kept.messages == 0 ? "none waiting" : bytes_text(kept.bytes) + ", encrypted");
  text += tile("Space used", {share > 0 && share < 0.0001 ? "<0.01" : rounded(100 * share), "%"},
               bytes_text(used) + " of " + bytes_text(stats.capacity_bytes), bar(share, "", 6));
  text += tile("Stored", rate(&NodeActivity::stored), total(Counter::node_stored));
  text += tile("Fetched", rate(&NodeActivity::fetched), total(Counter::node_listed));
  text += tile("Time to store", timed ? time_taken(recent.store_median_ms) : Quantity{"–", ""},
               timed ? "99 % within " + time_taken(recent.store_p99_ms).number + " " +
                           std::string(time_taken(recent.store_p99_ms).unit)
                     : "no request in the last 10 min");
  text += tile("Sessions", {grouped(stats.load.sessions), ""}, "limit " + grouped(stats.sessions_limit));
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
    return "<p class=\"card empty\">Nothing refused since start.</p>";
  }
  std::ranges::sort(reasons, std::ranges::greater{}, &std::pair<std::uint64_t, Counter>::first);
  std::string text =
      "<div class=\"card\"><table><thead><tr><th>Reason</th><th class=\"count\">since "
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
      "<div class=\"card\"><table><thead><tr><th>Transport</th><th class=\"count\">packets "
      "received</th></tr></thead><tbody>\n";
  for (const TransportStats& transport : stats.transports) {
    text += "<tr><td>" + escaped(transport.detail) + "</td><td class=\"count\">" +
            grouped(transport.packets_in) + "</td></tr>\n";
  }
  return text + "</tbody></table></div>";
}

std::string peers(const NodeStats& stats) {
  if (stats.peers.empty()) {
    return "<p class=\"card empty\">None known. Add some with <code>--peer</code>, so that clients "
           "learn of more than one node.</p>";
  }
  std::string text =
      "<div class=\"card\"><table><thead><tr><th>Node</th><th>Last answer</th><th "
      "class=\"count\">version</th>"
      "<th class=\"count\">capacity</th></tr></thead><tbody>\n";
  for (const PeerStats& peer : stats.peers) {
    text += "<tr><td><code>" + escaped(peer.short_id) + "</code> " +
            (peer.named ? "configured" : "discovered") + "</td><td>";
    if (peer.answered) {
      text += duration(peer.answered_ago) + " ago</td><td class=\"count\">" + std::to_string(peer.version) +
              "</td><td class=\"count\">" + bytes_text(peer.capacity_bytes) + "</td></tr>\n";
    } else {
      text += "no answer</td><td class=\"count\">–</td><td class=\"count\">–</td></tr>\n";
    }
  }
  return text + "</tbody></table></div>";
}

using Parts = std::vector<std::pair<std::string_view, std::string>>;

/// The text with each {{name}} replaced; the replacements are not scanned again.
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
                                   {"up", duration(stats.up)},
                                   {"now", utc(stats.now)},
                                   {"state", good ? "✓ Serving" : "<span class=\"bad\">✗ Degraded</span>"},
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
