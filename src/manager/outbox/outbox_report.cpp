// SPDX-License-Identifier: GPL-3.0-or-later
#include <algorithm>
#include <array>

#include "manager/outbox/outbox.hpp"

// What is said of a message of ours, and its end.

namespace toxasync::manager {

MessageStatus Outbox::status_of(const Message& message, MessageState state) const {
  MessageStatus status{message.id, message.to, state, 0, 0, FailReason::none};
  const Friend* const whom = friends_.find(message.to);
  for (const Target& target : message.targets) {
    const auto stored = static_cast<std::uint8_t>(std::ranges::count_if(target.copies, &Copy::complete));
    std::size_t homes = 0;
    if (whom != nullptr) {
      const auto to = std::ranges::find(whom->theirs, target.instance, &Installation::instance);
      homes = to != whom->theirs.end() ? to->home_nodes.size() : 0;
    }
    if (stored >= status.stored) {
      status.stored = stored;
      status.wanted = static_cast<std::uint8_t>(std::max<std::size_t>({homes, stored, status.wanted}));
    }
  }
  return status;
}

std::optional<MessageStatus> Outbox::status(const crypto::MessageId& id) const {
  const auto found = messages_.find(id);
  if (found == messages_.end() || found->second.is_service() || found->second.delivered) {
    return std::nullopt;
  }
  auto status = status_of(found->second, MessageState::queued);
  status.state = status.stored > 0 ? MessageState::stored : MessageState::queued;
  return status;
}

std::vector<MessageStatus> Outbox::all() const {
  std::vector<MessageStatus> statuses;
  for (const auto& [key, recipient] : recipients_) {
    for (const auto& [sequence, id] : recipient.by_sequence) {
      if (const auto one = status(id)) {
        statuses.push_back(*one);
      }
    }
  }
  return statuses;
}

void Outbox::report(const Message& message, MessageState state, FailReason reason) const {
  static constexpr std::array counters = {Counter::messages_queued,    Counter::messages_stored,
                                          Counter::messages_confirmed, Counter::messages_expired,
                                          Counter::messages_cancelled, Counter::messages_failed};
  if (message.is_service()) {
    return;
  }
  services_.telemetry.count(counters.at(static_cast<std::size_t>(state)));
  auto status = status_of(message, state);
  status.reason = reason;
  services_.events.state(status);
}

/// The end of a message: what came of it stays on disk until the application was told.
void Outbox::finish(Message& message, MessageState state, FailReason reason) {
  store::StateBatch batch;
  if (!message.is_service() && !message.delivered) {  // which was told
    batch.push_back(services_.events.ended_write(status_of(message, state), reason));
    report(message, state, reason);
  }
  if (message.bundle_version != 0 && state == MessageState::expired) {
    Friend* const whom = friends_.find(message.to);
    if (Installation* const to = whom != nullptr ? whom->installation(message.only) : nullptr) {
      to->mailed_version = 0;  // it is mailed anew
    }
  }
  remove(message, batch);
  services_.state.keep(std::move(batch));
}

}  // namespace toxasync::manager
