// SPDX-License-Identifier: GPL-3.0-or-later
#include <algorithm>
#include <cstring>

#include "plugin/tox_async_impl.hpp"

using namespace toxasync;

namespace {

bool join_by(Tox_Async* async, const char* host, std::uint16_t port, const std::uint8_t* public_key,
             bool relay, Tox_Err_Async_Bootstrap* error) noexcept {
  auto failed = TOX_ERR_ASYNC_BOOTSTRAP_OK;
  if (async == nullptr || host == nullptr || public_key == nullptr) {
    failed = TOX_ERR_ASYNC_BOOTSTRAP_NULL;
  } else if (*host == '\0' || strnlen(host, Courier::longest_host + 1) > Courier::longest_host) {
    failed = TOX_ERR_ASYNC_BOOTSTRAP_BAD_HOST;
  } else if (port == 0) {
    failed = TOX_ERR_ASYNC_BOOTSTRAP_BAD_PORT;
  } else if (async->courier) {
    failed = guarded(TOX_ERR_ASYNC_BOOTSTRAP_MALLOC, [&] {
      async->courier->join_by(host, port, to_array<TOX_PUBLIC_KEY_SIZE>({public_key, TOX_PUBLIC_KEY_SIZE}),
                              relay);
      return TOX_ERR_ASYNC_BOOTSTRAP_OK;
    });
  }
  set_error(error, failed);
  return failed == TOX_ERR_ASYNC_BOOTSTRAP_OK;
}

}  // namespace

bool tox_async_bootstrap(Tox_Async* async, const char* host, uint16_t port, const uint8_t* public_key,
                         Tox_Err_Async_Bootstrap* error) {
  return join_by(async, host, port, public_key, false, error);
}

bool tox_async_add_tcp_relay(Tox_Async* async, const char* host, uint16_t port, const uint8_t* public_key,
                             Tox_Err_Async_Bootstrap* error) {
  return join_by(async, host, port, public_key, true, error);
}

uint32_t tox_async_get_courier_connections(const Tox_Async* async) {
  return guarded(std::uint32_t{0}, [&] {
    return async->courier ? static_cast<std::uint32_t>(async->courier->nodes_online()) : std::uint32_t{0};
  });
}

bool tox_async_get_courier_key(const Tox_Async* async, uint8_t* public_key) {
  if (async->courier && public_key != nullptr) {
    const auto& key = async->courier->tox_key();
    std::copy(key.begin(), key.end(), public_key);
  }
  return async->courier != nullptr;
}
