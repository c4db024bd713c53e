// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <memory>

#include "base/metrics.hpp"
#include "base/random.hpp"
#include "base/result.hpp"
#include "plugin/tox_async_options.hpp"
#include "plugin/transport/client_transport.hpp"

namespace toxasync {

/// Opens the transport that the options name, or the best one available (TOX_ASYNC_TRANSPORT_AUTO). The error
/// is TOX_ERR_ASYNC_NEW_TRANSPORT or TOX_ERR_ASYNC_NEW_PORT; the log says why. `tox` and `random` must
/// outlive the transport.
Result<std::unique_ptr<ClientTransport>, Tox_Err_Async_New> open_transport(Tox* tox,
                                                                           const Tox_Async_Options& options,
                                                                           Random& random,
                                                                           const Telemetry& telemetry);

}  // namespace toxasync
