// SPDX-License-Identifier: GPL-3.0-or-later
#include <algorithm>
#include <cstring>

#include "plugin/tox_async_impl.hpp"

using namespace toxasync;

namespace {

bool add_bootstrap_node(Tox_Async* async, const char* host, std::uint16_t port,
                        const std::uint8_t* public_key, bool tcp_relay,
                        Tox_Err_Async_Bootstrap* error) noexcept {
  auto failed = TOX_ERR_ASYNC_BOOTSTRAP_OK;
  if (async == nullptr || host == nullptr || public_key == nullptr) {
    failed = TOX_ERR_ASYNC_BOOTSTRAP_NULL;
  } else if (*host == '\0' ||
             strnlen(host, BootstrapNode::max_host_length + 1) > BootstrapNode::max_host_length) {
    failed = TOX_ERR_ASYNC_BOOTSTRAP_BAD_HOST;
  } else if (port == 0) {
    failed = TOX_ERR_ASYNC_BOOTSTRAP_BAD_PORT;
  } else {
    failed = guarded(TOX_ERR_ASYNC_BOOTSTRAP_MALLOC, [&] {
      async->transport->add_bootstrap_node(
          {host, port, id_from<crypto::Point>({public_key, TOX_PUBLIC_KEY_SIZE}), tcp_relay});
      return TOX_ERR_ASYNC_BOOTSTRAP_OK;
    });
  }
  set_error(error, failed);
  return failed == TOX_ERR_ASYNC_BOOTSTRAP_OK;
}

}  // namespace

Tox_Async_Transport tox_async_get_transport(const Tox_Async* async) {
  return async->transport->type();
}

uint16_t tox_async_get_udp_port(const Tox_Async* async) {
  return async->transport->udp_port();
}

bool tox_async_bootstrap(Tox_Async* async, const char* host, uint16_t port, const uint8_t* public_key,
                         Tox_Err_Async_Bootstrap* error) {
  return add_bootstrap_node(async, host, port, public_key, false, error);
}

bool tox_async_add_tcp_relay(Tox_Async* async, const char* host, uint16_t port, const uint8_t* public_key,
                             Tox_Err_Async_Bootstrap* error) {
  return add_bootstrap_node(async, host, port, public_key, true, error);
}

uint32_t tox_async_get_courier_connections(const Tox_Async* async) {
  return guarded(std::uint32_t{0},
                 [&] { return static_cast<std::uint32_t>(async->transport->nodes_online()); });
}

bool tox_async_get_courier_key(const Tox_Async* async, uint8_t* public_key) {
  const auto key = async->transport->tox_key();
  if (key && public_key != nullptr) {
    std::copy(key->begin(), key->end(), public_key);
  }
  return key.has_value();
}
