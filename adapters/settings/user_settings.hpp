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
#include "base/time.hpp"
#include "client/types.hpp"
#include "wire/limits.hpp"

// The settings of toxasync for clients without support of their own (docs/clients.md):
//
//     # a comment
//     node = toxasync:<node id>@192.0.2.7:33445
//     receipts = disk
//
// Each setting can also be set in the environment, which takes precedence over the file.

namespace toxasync {

struct UserSettings {
  /// When the client shows a message as delivered.
  enum class Receipts : std::uint8_t {
    disk,       ///< When it is on our disk.
    node,       ///< When a storage node has it.
    recipient,  ///< When it is on the friend's disk.
  };
  enum class TransportChoice : std::uint8_t { automatic, dispatcher, udp, courier };

  std::vector<client::KnownNode> nodes;  ///< At most limits::home_nodes.
  Receipts receipts = Receipts::disk;
  LogLevel log_level = LogLevel::info;
  TransportChoice transport = TransportChoice::automatic;
  std::uint16_t udp_port = 0;
  bool local_addresses = false;
  bool storage_node = true;  ///< Be one for others; on a patched libtoxcore only.
  milliseconds poll_interval = 2min;
  bool push = true;              ///< Ask nodes to announce new mail.
  bool offline_requests = true;  ///< Look for friend requests that were left for us.
  /// The longest: these clients cannot show that a message has expired.
  seconds time_to_live = limits::largest_time_to_live;
};

/// Why settings cannot be used: "FILE:LINE: SETTING: what is wrong", or "VARIABLE: what is wrong".
struct SettingsError {
  std::string text;
};

/// Returns the value of an environment variable, or NULL.
using Environment = std::function<const char*(const char*)>;

/// `origin` is the name of the text in errors.
Result<UserSettings, SettingsError> parse_user_settings(std::string_view text, std::string_view origin);

/// Reads the file, if it exists, and then the environment.
Result<UserSettings, SettingsError> load_user_settings(const std::filesystem::path& file,
                                                       const Environment& environment);

/// The text of the file with a node added, or with new addresses of a node. An error if the text has errors
/// or already contains limits::home_nodes.
Result<std::string, SettingsError> with_node(std::string_view text, std::string_view origin,
                                             const client::KnownNode& node);

}  // namespace toxasync
