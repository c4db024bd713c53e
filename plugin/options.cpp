// SPDX-License-Identifier: GPL-3.0-or-later
#include "plugin/tox_async_options.hpp"

#include <new>

#include "plugin/c_boundary.hpp"

using toxasync::guarded;
using toxasync::set_error;

namespace {

bool set_string(std::string& to, const char* from) noexcept {
  return guarded(false, [&] {
    to = from != nullptr ? from : "";
    return true;
  });
}

}  // namespace

Tox_Async_Options* tox_async_options_new(Tox_Err_Async_Options_New* error) {
  auto* const options = new (std::nothrow) Tox_Async_Options;
  set_error(error, options != nullptr ? TOX_ERR_ASYNC_OPTIONS_NEW_OK : TOX_ERR_ASYNC_OPTIONS_NEW_MALLOC);
  return options;
}

void tox_async_options_free(Tox_Async_Options* options) {
  delete options;
}

void tox_async_options_default(Tox_Async_Options* options) {
  if (options != nullptr) {
    *options = Tox_Async_Options{};
  }
}

void tox_async_options_set_enabled(Tox_Async_Options* options, bool enabled) {
  options->enabled = enabled;
}
bool tox_async_options_get_enabled(const Tox_Async_Options* options) {
  return options->enabled;
}

bool tox_async_options_set_state_path(Tox_Async_Options* options, const char* path) {
  return set_string(options->state_path, path);
}
const char* tox_async_options_get_state_path(const Tox_Async_Options* options) {
  return options->state_path.c_str();
}

bool tox_async_options_set_data_directory(Tox_Async_Options* options, const char* path) {
  return set_string(options->data_directory, path);
}
const char* tox_async_options_get_data_directory(const Tox_Async_Options* options) {
  return options->data_directory.c_str();
}

void tox_async_options_set_transport(Tox_Async_Options* options, Tox_Async_Transport transport) {
  options->transport = transport;
}
Tox_Async_Transport tox_async_options_get_transport(const Tox_Async_Options* options) {
  return options->transport;
}

bool tox_async_options_set_tox_options(Tox_Async_Options* options, const Tox_Options* tox_options) {
  return guarded(false, [&] {
    options->courier =
        tox_options != nullptr ? std::optional(toxasync::CourierSettings::of(*tox_options)) : std::nullopt;
    return true;
  });
}

void tox_async_options_set_udp_port(Tox_Async_Options* options, uint16_t port) {
  options->udp_port = port;
}
uint16_t tox_async_options_get_udp_port(const Tox_Async_Options* options) {
  return options->udp_port;
}

void tox_async_options_set_allow_local_addresses(Tox_Async_Options* options, bool allow) {
  options->allow_local_addresses = allow;
}
bool tox_async_options_get_allow_local_addresses(const Tox_Async_Options* options) {
  return options->allow_local_addresses;
}

void tox_async_options_set_poll_interval(Tox_Async_Options* options, uint32_t interval_ms) {
  options->poll_interval = toxasync::milliseconds(interval_ms);
}
uint32_t tox_async_options_get_poll_interval(const Tox_Async_Options* options) {
  return toxasync::clamped_count<std::uint32_t, toxasync::milliseconds>(options->poll_interval);
}

void tox_async_options_set_push(Tox_Async_Options* options, bool push) {
  options->push = push;
}
bool tox_async_options_get_push(const Tox_Async_Options* options) {
  return options->push;
}

void tox_async_options_set_offline_requests(Tox_Async_Options* options, bool receive) {
  options->offline_requests = receive;
}
bool tox_async_options_get_offline_requests(const Tox_Async_Options* options) {
  return options->offline_requests;
}

void tox_async_options_set_receipt_delay(Tox_Async_Options* options, uint32_t delay_ms) {
  options->receipt_delay = toxasync::milliseconds(delay_ms);
}
uint32_t tox_async_options_get_receipt_delay(const Tox_Async_Options* options) {
  return toxasync::clamped_count<std::uint32_t, toxasync::milliseconds>(options->receipt_delay);
}

void tox_async_options_set_node_enabled(Tox_Async_Options* options, bool enabled) {
  options->node_enabled = enabled;
}
bool tox_async_options_get_node_enabled(const Tox_Async_Options* options) {
  return options->node_enabled;
}

void tox_async_options_set_time_to_live(Tox_Async_Options* options, uint32_t seconds) {
  options->time_to_live = toxasync::seconds(seconds);
}
uint32_t tox_async_options_get_time_to_live(const Tox_Async_Options* options) {
  return toxasync::clamped_count<std::uint32_t, toxasync::seconds>(options->time_to_live);
}

void tox_async_options_set_take_packet_callback(Tox_Async_Options* options, bool take) {
  options->take_packet_callback = take;
}
bool tox_async_options_get_take_packet_callback(const Tox_Async_Options* options) {
  return options->take_packet_callback;
}

void tox_async_options_set_log_callback(Tox_Async_Options* options, tox_async_log_cb* callback,
                                        Tox_Async_Log_Level level, void* user_data) {
  options->log_callback = callback;
  options->log_level = level;
  options->log_user_data = user_data;
}
