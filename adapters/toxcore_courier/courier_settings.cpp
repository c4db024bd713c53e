// SPDX-License-Identifier: GPL-3.0-or-later
#include "adapters/toxcore_courier/courier_settings.hpp"

// Newer than the oldest libtoxcore that we run on: null there.
extern "C" {
__attribute__((weak)) bool tox_options_get_experimental_disable_dns(const Tox_Options* options);
__attribute__((weak)) void tox_options_set_experimental_disable_dns(Tox_Options* options, bool disable);
}

namespace toxasync {

CourierSettings CourierSettings::of(const Tox_Options& options) {
  CourierSettings settings;
  settings.udp = tox_options_get_udp_enabled(&options);
  settings.ipv6 = tox_options_get_ipv6_enabled(&options);
  settings.local_discovery = tox_options_get_local_discovery_enabled(&options);
  settings.hole_punching = tox_options_get_hole_punching_enabled(&options);
  settings.dht_announcements = tox_options_get_dht_announcements_enabled(&options);
  if (tox_options_get_experimental_disable_dns != nullptr) {
    settings.dns = !tox_options_get_experimental_disable_dns(&options);
  }
  settings.proxy_type = tox_options_get_proxy_type(&options);
  const char* const host = tox_options_get_proxy_host(&options);
  settings.proxy_host = host != nullptr ? host : "";
  settings.proxy_port = tox_options_get_proxy_port(&options);
  settings.udp = settings.udp && settings.proxy_type == TOX_PROXY_TYPE_NONE;  // UDP would go around it.
  return settings;
}

ToxOptionsPointer CourierSettings::tox_options() const {
  ToxOptionsPointer options(tox_options_new(nullptr));
  if (!options) {
    return options;
  }
  tox_options_set_udp_enabled(options.get(), udp);
  tox_options_set_ipv6_enabled(options.get(), ipv6);
  tox_options_set_local_discovery_enabled(options.get(), local_discovery);
  tox_options_set_hole_punching_enabled(options.get(), hole_punching);
  tox_options_set_dht_announcements_enabled(options.get(), dht_announcements);
  if (tox_options_set_experimental_disable_dns != nullptr) {
    tox_options_set_experimental_disable_dns(options.get(), !dns);
  }
  if (proxy_type != TOX_PROXY_TYPE_NONE) {
    tox_options_set_proxy_type(options.get(), proxy_type);
    tox_options_set_proxy_host(options.get(), proxy_host.c_str());
    tox_options_set_proxy_port(options.get(), proxy_port);
  }
  return options;
}

}  // namespace toxasync
