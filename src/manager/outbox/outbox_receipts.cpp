// SPDX-License-Identifier: GPL-3.0-or-later
#include <algorithm>
#include <utility>

#include "manager/outbox/outbox.hpp"
#include "manager/outbox/outgoing_rows.hpp"

// Outbox, what friends say of our messages. A receipt from a mailbox changes our rows in the transaction that
// remembers it: a crash never leaves the one without the other (docs/state.md, "Order of effects").

namespace toxasync::manager {

namespace {

/// Whether the message ends with the receipt of this installation.
bool ends_with(const OutgoingMessage& message, crypto::Instance instance) {
  return std::ranges::all_of(message.targets, [instance](const OutgoingMessage::Target& target) {
    return !target.open() || target.instance == instance;
  });
}

}  // namespace

Outbox::Message* Outbox::find(const ReceiptFrom& from) {
  Message* const message = messages_.find(from.id);
  if (message == nullptr || message->to != from.from || !message->reported) {
    return nullptr;
  }
  if (from.kind == crypto::MessageKind::nack) {
    const Target* const target = message->target(from.instance);
    const bool wanted = target != nullptr && target->open() && target->nacks < nacks_answered &&
                        message->stage == Message::Stage::under_way;
    return wanted ? message : nullptr;
  }
  return message;
}

void Outbox::prepare(const ReceiptFrom& from, store::StateBatch& batch) {
  Message* const message = find(from);
  if (message == nullptr) {
    return;
  }
  Target* const target = message->target(from.instance);
  if (from.kind == crypto::MessageKind::nack) {
    if (!message->end_under_way && !target->receipt_under_way && !target->nack_under_way) {
      target->key_refused = true;
      batch.push_back(put_target(*message, *target));
      target->key_refused = false;
      target->nack_under_way = true;
      ++message->receipts_under_way;
    }
    return;
  }
  ++message->receipts_under_way;
  if (target != nullptr) {
    target->receipt_under_way = true;
  }
  const bool ends = message->end_under_way || ends_with(*message, from.instance);
  if (message->kind != crypto::MessageKind::bundle && !ends) {
    // Other installations of the friend do not have it yet.
    if (target != nullptr && !target->confirmed) {
      Target confirmed;
      confirmed.instance = target->instance;
      confirmed.confirmed = true;
      batch.push_back(put_target(*message, confirmed));
    }
    const bool delivered = std::exchange(message->delivered, true);
    const auto stage = std::exchange(message->stage, Message::Stage::under_way);
    batch.push_back(put_message(*message));
    message->delivered = delivered;
    message->stage = stage;
  } else {
    message->end_under_way = true;
    for (const Target& one : message->targets) {
      erase_target(message->id, one.instance, batch);
    }
    batch.push_back(erase_past(message->id));
    batch.push_back(erase_message(message->id));
  }
  if (!message->delivered && !message->is_service()) {
    batch.push_back(reporter_.end_row(*message, MessageState::delivered, FailReason::none));
  }
}

void Outbox::settle(const ReceiptFrom& from, bool durable) {
  if (from.kind == crypto::MessageKind::nack) {
    return settle_nack(from, durable);
  }
  Message* const message = find(from);
  if (message == nullptr) {
    return;
  }
  const Now now = services_.clock.now();
  message->receipts_under_way -= message->receipts_under_way > 0 ? 1 : 0;
  if (Target* const target = message->target(from.instance)) {
    target->receipt_under_way = false;
  }
  if (!durable) {
    message->end_under_way = false;
    message->unsaved = true;
    deadlines_.set(message->id, now.steady + services_.config.retry_first);
  } else if (message->kind == crypto::MessageKind::bundle) {
    const auto version = message->bundle_version;
    finish(*message, MessageState::delivered);
    listener_.on_bundle_confirmed(from.from, version, from.instance);
  } else {
    confirm(*message, from.instance);
  }
}

void Outbox::settle_nack(const ReceiptFrom& from, bool durable) {
  Message* const message = messages_.find(from.id);
  Target* const target =
      message != nullptr && message->to == from.from ? message->target(from.instance) : nullptr;
  if (target == nullptr || !std::exchange(target->nack_under_way, false)) {
    return;
  }
  message->receipts_under_way -= message->receipts_under_way > 0 ? 1 : 0;
  if (durable && target->open()) {
    services_.telemetry.count(Counter::nacks_received);
    target->key_refused = true;
  }
  deadlines_.set(message->id, services_.clock.now().steady);
}

/// All of it is on disk already, but not the end of the message when its last two receipts came together.
void Outbox::confirm(Message& message, crypto::Instance instance) {
  if (Target* const target = message.target(instance); target != nullptr && !target->confirmed) {
    messages_.confirm(message, *target);
  }
  if (!std::exchange(message.delivered, true) && !message.is_service()) {
    reporter_.report(message, MessageState::delivered);
  }
  if (message.is_done()) {
    store::StateBatch batch;
    const bool written = message.end_under_way;
    remove(message, batch);
    if (!written) {
      services_.state.keep(std::move(batch));
    }
    return;
  }
  message.stage = Message::Stage::under_way;
  message.cancel_jobs.clear();
  deadlines_.set(message.id, services_.clock.now().steady);
}

void Outbox::answer_nack(Message& message, Target& target, Friend& recipient, Now now) {
  Installation* const to = recipient.installation(target.instance);
  if (to == nullptr) {
    return;
  }
  if (!sealer_.may_seal()) {
    deadlines_.set(message.id, now.steady + 1ms);
    return;
  }
  abandon(message);
  store::StateBatch batch;
  if (sealer_.seal_with_other_key(message, target, recipient, *to, now, batch)) {
    LiveSender::reset(target);
    write(message, std::move(batch));
  }
}

}  // namespace toxasync::manager
