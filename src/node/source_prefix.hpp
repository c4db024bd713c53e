// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <array>

#include "base/transport.hpp"

namespace toxasync::node {

/// A network that sources are counted by: family, bits of the address, and those bits.
using SourcePrefix = ByteArray<9>;

/// The networks that a source lies in, the smallest first (docs/admission.md): IPv4 /32, /24, /16; IPv6 /56,
/// /48, /32. Peers that their transport identifies by a key: the key, and twice all of them together, because
/// keys cost nothing. An IPv4 address in an IPv6 one (RFC 4291) is an IPv4 address.
std::array<SourcePrefix, 3> networks_of(const Endpoint& source) noexcept;

}  // namespace toxasync::node
