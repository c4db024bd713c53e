// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "base/metrics.hpp"
#include "manager/core/state_tables.hpp"
#include "manager/keys/friend.hpp"

// What is on our disk of an installation of a friend: its bundle, and in a record of its own, because that
// changes more often, how much of it was used.

namespace toxasync::manager {

/// Most one-time keys of an installation that we keep: what is left of older bundles and a new one.
inline constexpr std::size_t most_kept_keys = 2 * limits::one_time_keys;

[[nodiscard]] store::StateWrite bundle_write(const FriendKey& of, const Installation& installation);
[[nodiscard]] store::StateWrite use_write(const FriendKey& of, const Installation& installation);
void erase_installation(const FriendKey& of, crypto::Instance instance, store::StateBatch& batch);

/// Whose installation a record of either table is of. Nothing: the key is damaged.
[[nodiscard]] std::optional<FriendKey> friend_of_installation(const store::StateEntry& entry);
void load_installation(const Telemetry& telemetry, const store::StateEntry& entry, Friend& of);

}  // namespace toxasync::manager
