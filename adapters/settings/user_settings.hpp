// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/log.hpp"
#include "base/result.hpp"
#include "client/types.hpp"
#include "wire/limits.hpp"

// What a person sets who uses toxasync in a client that knows nothing of it (docs/clients.md):
//
//     # a comment
//     node = toxasync:<node id>@192.0.2.7:33445
//     receipts = disk
//
// Each setting has a variable in the environment too, which is stronger than the file.

namespace toxasync {

struct UserSettings {
  /// What the client's "read" mark means.
  enum class Receipts : std::uint8_t {
    disk,       ///< The message is on our disk.
    node,       ///< It is on a storage node.
    recipient,  ///< It is on the friend's disk.
  };
  enum class TransportChoice : std::uint8_t { automatic, dispatcher, udp, courier };

  std::vector<client::KnownNode> nodes;  ///< limits::home_nodes at most.
  Receipts receipts = Receipts::disk;
  LogLevel log_level = LogLevel::info;
  TransportChoice transport = TransportChoice::automatic;
  std::uint16_t udp_port = 0;
  bool local_addresses = false;
  bool storage_node = true;  ///< On a patched libtoxcore only.
  std::uint32_t poll_interval_ms = 120000;
  bool push = true;  ///< Nodes are to tell of new mail.
  /// The longest one: whoever does not see a message expire should not have it expire soon.
  std::uint32_t time_to_live_s = limits::largest_time_to_live_s;
};

/// Why settings can't be used: "FILE:LINE: SETTING: what is wrong", or with a variable instead of file and
/// line.
struct SettingsError {
  std::string text;
};

/// Gives the value of a variable in the environment, or NULL.
using Environment = std::function<const char*(const char*)>;

/// `origin` is what errors call the text.
Result<UserSettings, SettingsError> parse_user_settings(std::string_view text, std::string_view origin);

/// Reads the file, which need not exist, and then the environment.
Result<UserSettings, SettingsError> load_user_settings(const std::filesystem::path& file,
                                                       const Environment& environment);

/// The file's text with a line for one more node, or for a node's new addresses. An error if the text is
/// faulty or names limits::home_nodes already.
Result<std::string, SettingsError> with_node(std::string_view text, std::string_view origin,
                                             const client::KnownNode& node);

}  // namespace toxasync
