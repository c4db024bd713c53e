// SPDX-License-Identifier: GPL-3.0-or-later
#include "adapters/settings/user_settings.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>
#include <optional>
#include <sstream>
#include <utility>

#include "adapters/addresses/node_address.hpp"
#include "adapters/settings/settings_text.hpp"
#include "wire/limits.hpp"

namespace toxasync {

namespace {

constexpr std::uint32_t min_poll_ms = 100;

/// What is wrong with a value; empty: nothing.
using ValueError = std::string;

template <class Value>
struct Word {
  std::string_view word;
  Value value;
};

template <class Value, std::size_t count>
ValueError read_word(const std::array<Word<Value>, count>& words, std::string_view text, Value& to) {
  std::string all;
  for (const auto& [word, value] : words) {
    if (text == word) {
      to = value;
      return {};
    }
    all.append(all.empty() ? "" : ", ").append(word);
  }
  return "must be one of: " + all;
}

template <class Value>
ValueError read_number(std::string_view text, Value least, Value& to) {
  Value value = 0;
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (failed != std::errc() || end != text.data() + text.size() || value < least) {
    return "must be a number from " + std::to_string(least) + " to " +
           std::to_string(std::numeric_limits<Value>::max());
  }
  to = value;
  return {};
}

ValueError read_node(std::string_view text, UserSettings& to) {
  const auto node = parse_node_address(text);
  if (!node) {
    return std::string(describe(node.error()));
  }
  const auto same = std::ranges::find(to.nodes, node->id, &client::KnownNode::id);
  if (same != to.nodes.end()) {
    return "this node is already listed: remove one of the two";
  }
  if (to.nodes.size() >= limits::home_nodes) {
    return "at most " + std::to_string(limits::home_nodes) + " nodes are allowed";
  }
  to.nodes.push_back(*node);
  return {};
}

ValueError read_receipts(std::string_view text, UserSettings& to) {
  using Receipts = UserSettings::Receipts;
  constexpr std::array<Word<Receipts>, 3> words = {
      {{"disk", Receipts::disk}, {"node", Receipts::node}, {"friend", Receipts::recipient}}};
  return read_word(words, text, to.receipts);
}

ValueError read_log_level(std::string_view text, UserSettings& to) {
  constexpr std::array<Word<LogLevel>, 4> words = {{{"debug", LogLevel::debug},
                                                    {"info", LogLevel::info},
                                                    {"warning", LogLevel::warning},
                                                    {"error", LogLevel::error}}};
  return read_word(words, text, to.log_level);
}

ValueError read_transport(std::string_view text, UserSettings& to) {
  using TransportChoice = UserSettings::TransportChoice;
  constexpr std::array<Word<TransportChoice>, 4> words = {{{"auto", TransportChoice::automatic},
                                                           {"dispatcher", TransportChoice::dispatcher},
                                                           {"udp", TransportChoice::udp},
                                                           {"courier", TransportChoice::courier}}};
  return read_word(words, text, to.transport);
}

ValueError read_switch(std::string_view text, bool& to) {
  constexpr std::array<Word<bool>, 2> words = {{{"yes", true}, {"no", false}}};
  return read_word(words, text, to);
}

ValueError read_poll_interval(std::string_view text, UserSettings& to) {
  std::uint32_t ms = 0;
  ValueError error = read_number<std::uint32_t>(text, min_poll_ms, ms);
  if (error.empty()) {
    to.poll_interval = milliseconds(ms);
  }
  return error;
}

ValueError read_days(std::string_view text, UserSettings& to) {
  std::uint16_t number = 0;
  const ValueError error = read_number<std::uint16_t>(text, 1, number);
  if (!error.empty() || !limits::is_time_to_live(days(number))) {
    return "must be 1, 3, 7 or 14";
  }
  to.time_to_live = days(number);
  return {};
}

struct Setting {
  std::string_view name;
  const char* variable;
  ValueError (*read)(std::string_view text, UserSettings& to);
};

constexpr std::array<Setting, 11> all_settings = {{
    {"node", "TOX_ASYNC_NODES", read_node},  // The variable may contain several, separated by blanks.
    {"receipts", "TOX_ASYNC_RECEIPTS", read_receipts},
    {"log-level", "TOX_ASYNC_LOG_LEVEL", read_log_level},
    {"transport", "TOX_ASYNC_TRANSPORT", read_transport},
    {"udp-port", "TOX_ASYNC_UDP_PORT",
     [](std::string_view text, UserSettings& to) {
       return read_number<std::uint16_t>(text, 0, to.udp_port);
     }},
    {"local-addresses", "TOX_ASYNC_LOCAL_ADDRESSES",
     [](std::string_view text, UserSettings& to) { return read_switch(text, to.local_addresses); }},
    {"storage-node", "TOX_ASYNC_STORAGE_NODE",
     [](std::string_view text, UserSettings& to) { return read_switch(text, to.storage_node); }},
    {"poll-interval-ms", "TOX_ASYNC_POLL_INTERVAL_MS", read_poll_interval},
    {"push", "TOX_ASYNC_PUSH",
     [](std::string_view text, UserSettings& to) { return read_switch(text, to.push); }},
    {"offline-requests", "TOX_ASYNC_OFFLINE_REQUESTS",
     [](std::string_view text, UserSettings& to) { return read_switch(text, to.offline_requests); }},
    {"keep-days", "TOX_ASYNC_KEEP_DAYS", read_days},
}};

ValueError read_line(std::string_view line, UserSettings& to, std::vector<std::string_view>& seen) {
  const auto equals = line.find('=');
  const std::string_view name = trimmed(line.substr(0, equals));
  const auto* const setting = std::ranges::find(all_settings, name, &Setting::name);
  if (setting == all_settings.end()) {
    return std::string(name) + ": unknown setting";
  }
  if (equals == std::string_view::npos) {
    return std::string(name) + ": missing '=' and value";
  }
  if (setting->read != read_node) {
    if (std::ranges::find(seen, name) != seen.end()) {
      return std::string(name) + ": duplicate setting";
    }
    seen.push_back(setting->name);
  }
  const ValueError error = setting->read(trimmed(line.substr(equals + 1)), to);
  return error.empty() ? error : std::string(name) + ": " + error;
}

std::optional<SettingsError> read_variables(const Environment& environment, UserSettings& to) {
  for (const Setting& setting : all_settings) {
    const char* const value = environment(setting.variable);
    if (value == nullptr) {
      continue;
    }
    ValueError error;
    if (setting.read == read_node) {
      to.nodes.clear();
      std::istringstream words{value};
      for (std::string word; error.empty() && words >> word;) {
        error = setting.read(word, to);
      }
    } else {
      error = setting.read(trimmed(value), to);
    }
    if (!error.empty()) {
      return SettingsError{std::string(setting.variable) + ": " + error};
    }
  }
  return std::nullopt;
}

}  // namespace

Result<UserSettings, SettingsError> parse_user_settings(std::string_view text, std::string_view origin) {
  UserSettings settings;
  std::vector<std::string_view> seen;
  ValueError error;
  for_each_setting_line(text, [&](std::string_view line, std::size_t number) {
    error = read_line(line, settings, seen);
    if (!error.empty()) {
      error.insert(0, std::string(origin) + ":" + std::to_string(number) + ": ");
    }
    return error.empty();
  });
  if (!error.empty()) {
    return SettingsError{std::move(error)};
  }
  return settings;
}

Result<UserSettings, SettingsError> load_user_settings(const std::filesystem::path& file,
                                                       const Environment& environment) {
  std::string text;
  std::error_code unknown;
  if (!file.empty() && std::filesystem::exists(file, unknown)) {
    auto read = read_settings_text(file);
    if (!read) {
      return SettingsError{std::move(read).error()};
    }
    text = std::move(*read);
  }
  auto settings = parse_user_settings(text, file.string());
  if (settings) {
    if (auto failed = read_variables(environment, *settings)) {
      return std::move(*failed);
    }
  }
  return settings;
}

Result<std::string, SettingsError> with_node(std::string_view text, std::string_view origin,
                                             const client::KnownNode& node) {
  const auto settings = parse_user_settings(text, origin);
  if (!settings) {
    return settings.error();
  }
  const std::string line = "node = " + format_node_address(node);
  std::string result;
  bool replaced = false;
  std::string_view rest = text;
  while (!rest.empty()) {
    const auto end = std::min(rest.find('\n'), rest.size());
    const std::string_view old = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    const auto equals = old.find('=');
    const bool is_node = equals != std::string_view::npos && trimmed(old.substr(0, equals)) == "node";
    const auto named = parse_node_address(is_node ? old.substr(equals + 1) : std::string_view{});
    const bool same = named && named->id == node.id;
    replaced = replaced || same;
    result.append(same ? line : old).push_back('\n');
  }
  if (!replaced) {
    if (settings->nodes.size() >= limits::home_nodes) {
      return SettingsError{std::string(origin) + ": there are already " + std::to_string(limits::home_nodes) +
                           " nodes, the maximum: remove one first"};
    }
    result.append(line).push_back('\n');
  }
  return {boost::system::in_place_value, std::move(result)};
}

}  // namespace toxasync
