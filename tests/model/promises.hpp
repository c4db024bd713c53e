// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// Promises that src/manager does not keep yet; tests/unit/manager_found_test.cpp has a test of each. A
// `false` switches a check off: whoever mends it sets it to true.

namespace toxasync::model::promises {

/// A message that came twice, sealed with two one-time keys, leaves the private half of neither.
constexpr bool copies_use_up_their_keys = false;
/// Who begins anew (a lost state, a friend added again) is given one-time keys, whatever the last bundle
/// brought.
constexpr bool one_time_keys_for_who_begins_anew = false;
/// Two installations that have not met before give each other their bundles when they do.
constexpr bool installations_find_each_other = false;
/// That a message was delivered is told once, though an installation goes that has not confirmed it.
constexpr bool delivery_is_told_once = false;
/// A message that went directly in an earlier run of the program is not reported cancelled.
constexpr bool what_went_directly_is_not_cancelled = false;

}  // namespace toxasync::model::promises
