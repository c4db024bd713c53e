// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <tox/tox.h>

#include <cstdint>
#include <memory>
#include <string>

namespace toxasync {

struct FreeToxOptions {
  void operator()(Tox_Options* options) const noexcept { tox_options_free(options); }
};
using ToxOptionsPointer = std::unique_ptr<Tox_Options, FreeToxOptions>;

/// What a courier may use of the network: as the options of the client's own Tox instance say.
struct CourierSettings {
  bool udp = true;
  bool ipv6 = true;
  bool local_discovery = true;
  bool hole_punching = true;
  bool dht_announcements = true;
  bool dns = true;
  Tox_Proxy_Type proxy_type = TOX_PROXY_TYPE_NONE;
  std::string proxy_host;
  std::uint16_t proxy_port = 0;

  [[nodiscard]] static CourierSettings of(const Tox_Options& options);
  /// For an instance with a new key. Points to proxy_host. Null: no memory.
  [[nodiscard]] ToxOptionsPointer tox_options() const;
};

}  // namespace toxasync
