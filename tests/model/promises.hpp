// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// Promises that the manager does not keep yet. Each `false` switches off a check; whoever mends it sets it to
// true.

namespace toxasync::model::promises {

/// Who removes a friend and adds him again is given his keys at their next meeting, and not only with his
/// next bundle.
constexpr bool keys_after_a_removal = true;
/// A sender whose state is an old copy stops using pre-keys that are used up (nack, seal again).
constexpr bool keys_after_a_senders_old_copy = true;
/// A recipient whose state is an old copy is given new keys to give away at the next meeting.
constexpr bool keys_after_a_recipients_old_copy = true;
/// The end of a message (delivered, expired, failed) is told even if the program crashes just before it would
/// be.
constexpr bool ends_are_told_after_a_crash = true;

}  // namespace toxasync::model::promises
