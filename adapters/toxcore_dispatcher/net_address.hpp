// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "adapters/toxcore_dispatcher/tox_net.hpp"
#include "base/transport.hpp"

namespace toxasync::tox_net {

/// Length 0 for an Endpoint that is no address. An IPv4-mapped address is packed as IPv4, as toxcore does.
Addr pack(const Endpoint& endpoint) noexcept;

/// Family 0 when `addr` is unknown or malformed.
Endpoint unpack(const Addr& addr) noexcept;

}  // namespace toxasync::tox_net
