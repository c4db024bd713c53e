// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "manager/outbox/mailbox_cache.hpp"
#include "manager/outbox/outgoing_message.hpp"

namespace toxasync::manager {

/// Sends the envelopes of messages by the friend channel, to friends who are online. What they do not confirm
/// in time goes to their home nodes too.
class LiveSender {
 public:
  /// How long the receipt of a message sent live is waited for: toxcore notices a dead friend after 32 s.
  static constexpr milliseconds live_receipt = 15s;

  LiveSender(FriendBook& friends, MailboxCache& mailboxes, Telemetry telemetry)
      : friends_(friends), mailboxes_(mailboxes), telemetry_(telemetry) {}

  /// Once for each connection of the friend, until reset().
  void offer(const OutgoingMessage& message, OutgoingMessage::Target& target, Friend& recipient, Now now);
  /// The friend has come or gone, or the target was sealed again.
  static void reset(OutgoingMessage::Target& target) noexcept;

 private:
  FriendBook& friends_;
  MailboxCache& mailboxes_;
  Telemetry telemetry_;
};

}  // namespace toxasync::manager
