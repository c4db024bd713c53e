// SPDX-License-Identifier: GPL-3.0-or-later
#include "plugin/transport/open_transport.hpp"

#include <string>
#include <string_view>
#include <utility>

#include "plugin/transport/courier_client_transport.hpp"
#include "plugin/transport/dispatcher_client_transport.hpp"
#include "plugin/transport/udp_client_transport.hpp"

namespace toxasync {

namespace {

using Opened = Result<std::unique_ptr<ClientTransport>, Tox_Err_Async_New>;

Tox_Err_Async_New fail(Tox_Err_Async_New error, const Telemetry& telemetry, std::string_view reason) {
  telemetry.log(LogLevel::error, "transport", reason);
  return error;
}

Opened open_udp(const Tox_Async_Options& options, const Telemetry& telemetry) {
  auto opened = UdpClientTransport::open(options.udp_port, telemetry);
  if (!opened) {
    return fail(TOX_ERR_ASYNC_NEW_PORT, telemetry,
                "cannot bind UDP port " + std::to_string(options.udp_port) + ": " + opened.error().message());
  }
  telemetry.log(LogLevel::info, "transport", "using UDP port " + std::to_string((*opened)->udp_port()));
  return Opened(boost::system::in_place_value, std::move(*opened));
}

Opened open_courier(const Tox* tox, const Tox_Async_Options& options, const Telemetry& telemetry) {
  if (!options.courier && tox_self_get_udp_port(tox, nullptr) == 0) {
    return fail(
        TOX_ERR_ASYNC_NEW_TRANSPORT, telemetry,
        "this Tox instance has UDP switched off, possibly to use a proxy that the courier does not know: "
        "the client must call tox_async_options_set_tox_options");
  }
  const CourierSettings settings = options.courier.value_or(CourierSettings{});
  auto started = Courier::start(settings, telemetry);
  if (!started) {
    return fail(TOX_ERR_ASYNC_NEW_TRANSPORT, telemetry, describe_courier_error(started.error()));
  }
  telemetry.log(LogLevel::info, "transport",
                std::string("using a courier, a second Tox instance") +
                    (settings.proxy_type != TOX_PROXY_TYPE_NONE ? ", through the client's proxy"
                     : settings.udp                             ? ""
                                                                : ", over TCP relays only"));
  return Opened(boost::system::in_place_value, std::make_unique<CourierClientTransport>(std::move(*started)));
}

/// Without UDP in Tox's own options there may be a proxy, which a socket of our own would bypass: then it is
/// not opened unless the client asks for it.
bool may_bypass_tox(const Tox* tox, const Tox_Async_Options& options) {
  return tox_self_get_udp_port(tox, nullptr) != 0 &&
         (!options.courier || options.courier->proxy_type == TOX_PROXY_TYPE_NONE);
}

}  // namespace

Opened open_transport(Tox* tox, const Tox_Async_Options& options, Random& random,
                      const Telemetry& telemetry) {
  if (options.transport == TOX_ASYNC_TRANSPORT_UDP) {
    return open_udp(options, telemetry);
  }
  if (options.transport == TOX_ASYNC_TRANSPORT_COURIER) {
    return open_courier(tox, options, telemetry);
  }
  auto attached = ToxcoreDispatcher::attach(tox, telemetry);
  if (attached) {
    telemetry.log(LogLevel::info, "transport", "using toxcore's packet dispatcher");
    return Opened(boost::system::in_place_value,
                  std::make_unique<DispatcherClientTransport>(std::move(*attached), tox, random));
  }
  if (options.transport == TOX_ASYNC_TRANSPORT_DISPATCHER || attached.error() == DispatcherError::taken) {
    return fail(TOX_ERR_ASYNC_NEW_TRANSPORT, telemetry, describe(attached.error()));
  }
  if (!may_bypass_tox(tox, options)) {
    return open_courier(tox, options, telemetry);
  }
  telemetry.log(LogLevel::warning, "transport",
                "using a separate UDP socket, because libtoxcore is not patched (normal with the libtoxcore "
                "of a distribution)");
  return open_udp(options, telemetry);
}

}  // namespace toxasync
