// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "base/clock.hpp"
#include "base/metrics.hpp"
#include "base/random.hpp"
#include "client/client.hpp"
#include "manager/core/config.hpp"
#include "manager/core/events.hpp"
#include "manager/core/friend_channel.hpp"
#include "manager/core/journal.hpp"
#include "manager/core/listener.hpp"
#include "manager/core/state_tables.hpp"
#include "manager/core/trusted_clock.hpp"

namespace toxasync::manager {

/// What was handed in to the manager, for its parts.
struct Services {
  const crypto::KeyPair& self;  ///< Tox keys.
  client::Client& client;
  FriendChannel& channel;
  Journal& state;
  const TrustedClock& clock;
  Random& random;
  Telemetry telemetry;
  ManagerListener& listener;  ///< For messages; the rest goes by `events`.
  Events& events;
  const ManagerConfig& config;
};

}  // namespace toxasync::manager
