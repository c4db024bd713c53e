// SPDX-License-Identifier: GPL-3.0-or-later
#include "manager/outbox/message_reporter.hpp"

#include <algorithm>
#include <array>

namespace toxasync::manager {

MessageStatus MessageReporter::status(const OutgoingMessage& message, MessageState state) const {
  MessageStatus status{message.id, message.to, state, 0, 0, FailReason::none};
  const Friend* const recipient = friends_.find(message.to);
  for (const auto& target : message.targets) {
    const auto stored =
        static_cast<std::uint8_t>(std::ranges::count_if(target.copies, &OutgoingMessage::Copy::complete));
    std::size_t homes = 0;
    if (recipient != nullptr) {
      const auto to = std::ranges::find(recipient->theirs, target.instance, &Installation::instance);
      homes = to != recipient->theirs.end() ? to->home_nodes.size() : 0;
    }
    if (stored >= status.stored) {
      status.stored = stored;
      status.wanted = static_cast<std::uint8_t>(std::max<std::size_t>({homes, stored, status.wanted}));
    }
  }
  return status;
}

MessageStatus MessageReporter::present_status(const OutgoingMessage& message) const {
  auto present = status(message, MessageState::queued);
  present.state = present.stored > 0 ? MessageState::stored : MessageState::queued;
  return present;
}

void MessageReporter::report(const OutgoingMessage& message, MessageState state, FailReason reason) const {
  static constexpr std::array counters = {Counter::messages_queued,    Counter::messages_stored,
                                          Counter::messages_confirmed, Counter::messages_expired,
                                          Counter::messages_cancelled, Counter::messages_failed};
  if (message.is_service()) {
    return;
  }
  telemetry_.count(counters.at(static_cast<std::size_t>(state)));
  auto reported = status(message, state);
  reported.reason = reason;
  events_.state(reported);
}

void MessageReporter::report_stored(OutgoingMessage& message) const {
  const auto stored = status(message, MessageState::stored).stored;
  if (stored > message.stored_reported && !message.delivered) {
    message.stored_reported = stored;
    report(message, MessageState::stored);
  }
}

void MessageReporter::report_end(const OutgoingMessage& message, MessageState state, FailReason reason,
                                 store::StateBatch& batch) const {
  batch.push_back(end_row(message, state, reason));
  report(message, state, reason);
}

}  // namespace toxasync::manager
