// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "manager/outbox/outgoing_message.hpp"

namespace toxasync::manager {

/// What the application learns of a message of ours: its state, and on how many nodes it is stored. Service
/// messages are never reported.
class MessageReporter {
 public:
  MessageReporter(FriendBook& friends, Events& events, Telemetry telemetry)
      : friends_(friends), events_(events), telemetry_(telemetry) {}

  /// The nodes are those of the installation whose mail is stored on most of its home nodes.
  [[nodiscard]] MessageStatus status(const OutgoingMessage& message, MessageState state) const;
  /// Of a message that has not ended: queued or stored.
  [[nodiscard]] MessageStatus present_status(const OutgoingMessage& message) const;

  void report(const OutgoingMessage& message, MessageState state, FailReason reason = FailReason::none) const;
  /// A node has the whole of a target: reports it when more nodes have the message than were reported.
  void report_stored(OutgoingMessage& message) const;
  /// The record of how a message ended, until the application has taken the report.
  [[nodiscard]] store::StateWrite end_row(const OutgoingMessage& message, MessageState state,
                                          FailReason reason) const {
    return Events::ended_write(status(message, state), reason);
  }
  /// Reports the end of a message. What came of it stays on disk, by `batch`, until the application has taken
  /// the report.
  void report_end(const OutgoingMessage& message, MessageState state, FailReason reason,
                  store::StateBatch& batch) const;

 private:
  FriendBook& friends_;
  Events& events_;
  Telemetry telemetry_;
};

}  // namespace toxasync::manager
