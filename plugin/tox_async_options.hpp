// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "adapters/toxcore_courier/courier_settings.hpp"
#include "base/time.hpp"
#include "plugin/tox_async.h"
#include "wire/limits.hpp"

struct Tox_Async_Options {
  bool enabled = false;
  std::string state_path;
  std::string data_directory;
  Tox_Async_Transport transport = TOX_ASYNC_TRANSPORT_AUTO;
  std::optional<toxasync::CourierSettings> courier;  ///< From the client's Tox_Options; nothing: unknown.
  std::uint16_t udp_port = 0;
  bool allow_local_addresses = false;
  toxasync::milliseconds poll_interval = std::chrono::minutes(2);
  bool push = true;
  bool offline_requests = true;
  toxasync::milliseconds receipt_delay = std::chrono::minutes(5);
  bool node_enabled = true;
  toxasync::seconds time_to_live = toxasync::limits::default_time_to_live;
  bool take_packet_callback = true;
  tox_async_log_cb* log_callback = nullptr;
  Tox_Async_Log_Level log_level = TOX_ASYNC_LOG_LEVEL_INFO;
  void* log_user_data = nullptr;
};
