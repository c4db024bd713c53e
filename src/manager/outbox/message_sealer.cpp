// SPDX-License-Identifier: GPL-3.0-or-later
#include "manager/outbox/message_sealer.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

#include "manager/outbox/outgoing_rows.hpp"

namespace toxasync::manager {

std::optional<MessageSealer::Envelopes> MessageSealer::make_envelopes(
    const OutgoingMessage& message, const OutgoingMessage::Target& target, const Friend& recipient,
    const crypto::WritableMailbox& mailbox) {
  const std::size_t parts = limits::parts_needed(message.text.size());
  const crypto::EnvelopeHeader header{self_.friend_key(), recipient.instance,
                                      crypto::pre_key_id(target.pre_key), message.id};
  Envelopes envelopes;
  for (std::size_t part = 0; part < parts; ++part) {
    const auto text = ByteView(message.text).subspan(part * limits::large_text);
    const auto piece = text.first(std::min(text.size(), limits::large_text));
    const crypto::EnvelopeBody body{message.sequence,
                                    messages_.floor_for(message, target.instance),
                                    since_1970_ms(message.sent_at),
                                    clamped_count<std::uint32_t, seconds>(message.ttl),
                                    message.kind,
                                    static_cast<std::uint8_t>(part),
                                    static_cast<std::uint8_t>(parts),
                                    {piece.begin(), piece.end()}};
    auto sealed = crypto::seal_envelope(self_, message.to, target.pre_key, mailbox, header, body,
                                        message.cancel_secret, random_);
    if (!sealed) {
      return std::nullopt;
    }
    envelopes.push_back({std::move(*sealed)});
  }
  return envelopes;
}

void MessageSealer::remember_past(OutgoingMessage& message, const OutgoingMessage::Target& target,
                                  store::StateBatch& batch) {
  const auto* const mailbox = mailboxes_.get(message.to, target.root, target.epoch);
  if (message.is_service() || message.beyond_recall || mailbox == nullptr) {
    return;
  }
  OutgoingMessage::Past past{target.root, target.epoch, {}, {}};
  std::ranges::copy_if(target.sent_to, std::back_inserter(past.sent_to), &OutgoingMessage::Destination::sent);
  if (past.sent_to.empty()) {
    return;
  }
  if (message.past.size() >= OutgoingMessage::Past::kept) {
    put_beyond_recall(message, batch);
    return;
  }
  for (const auto& envelope : target.envelopes) {
    past.ids.push_back(crypto::envelope_id(mailbox->address, envelope.bytes));
  }
  message.past.push_back(std::move(past));
  batch.push_back(put_past(message));
}

/// More was sent of it than is remembered, or to a friend directly.
void MessageSealer::put_beyond_recall(OutgoingMessage& message, store::StateBatch& batch) const {
  telemetry_.count(Counter::messages_beyond_recall);
  message.beyond_recall = true;
  message.past.clear();
  batch.push_back(put_past(message));
}

bool MessageSealer::seal(OutgoingMessage& message, OutgoingMessage::Target& target, const Friend& recipient,
                         const Installation& to, crypto::Epoch epoch, store::StateBatch& batch) {
  const auto* mailbox = mailboxes_.get(message.to, to.root, epoch);
  if (mailbox == nullptr) {
    return false;
  }
  auto envelopes = make_envelopes(message, target, recipient, *mailbox);
  if (!envelopes) {
    return false;
  }
  seals_left_ -= std::min(seals_left_, envelopes->size());
  remember_past(message, target, batch);
  target.envelopes = std::move(*envelopes);
  target.root = to.root;
  target.epoch = epoch;
  target.sent_to.clear();
  for (const auto& node : to.home_nodes) {
    target.sent_to.push_back({node.id, false});
  }
  for (auto& copy : target.copies) {
    copy.done.reset();
  }
  batch.push_back(put_target(message, target));
  return true;
}

bool MessageSealer::add_destinations(const OutgoingMessage& message, OutgoingMessage::Target& target,
                                     const Installation& to, store::StateBatch& batch) {
  auto& known = target.sent_to;
  const auto before = known.size();
  for (const auto& node : to.home_nodes) {
    if (std::ranges::find(known, node.id, &OutgoingMessage::Destination::node) == known.end() &&
        known.size() < OutgoingMessage::Destination::kept) {
      known.push_back({node.id, false});
    }
  }
  if (known.size() == before) {
    return false;
  }
  batch.push_back(put_target(message, target));
  return true;
}

bool MessageSealer::add_target(OutgoingMessage& message, Friend& recipient, Installation& to, Now now,
                               store::StateBatch& batch) {
  if (!friends_.usable(to)) {
    return false;
  }
  OutgoingMessage::Target target;
  target.instance = to.instance();
  target.may_go_directly = recipient.online && !message.is_service();
  target.pre_key = message.is_service() ? to.last_resort : friends_.take_pre_key(recipient, to, batch);
  messages_.set_unconfirmed(message, target.instance, true);
  if (!seal(message, target, recipient, to, crypto::epoch_at(now.unix_time()).value_or(0), batch)) {
    messages_.set_unconfirmed(message, target.instance, false);
    target.refused = true;
  }
  message.targets.push_back(std::move(target));
  return true;
}

void MessageSealer::drop_target(OutgoingMessage& message, crypto::Instance instance,
                                store::StateBatch& batch) {
  if (const auto* const target = message.target(instance)) {
    remember_past(message, *target, batch);
    if (target->may_go_directly && !target->confirmed && !message.beyond_recall) {
      put_beyond_recall(message, batch);
    }
  }
  messages_.set_unconfirmed(message, instance, false);
  erase_target(message.id, instance, batch);
  std::erase_if(message.targets, [instance](const auto& target) { return target.instance == instance; });
}

void MessageSealer::forget_targets(OutgoingMessage& message, store::StateBatch& batch) {
  for (const auto& target : message.targets) {
    messages_.set_unconfirmed(message, target.instance, false);
    erase_target(message.id, target.instance, batch);
  }
  message.targets.clear();
  if (!message.past.empty() || message.beyond_recall) {
    batch.push_back(erase_past(message.id));
  }
}

MessageSealer::Sync MessageSealer::sync(OutgoingMessage& message, Friend& recipient, Now now,
                                        store::StateBatch& batch) {
  for (std::size_t i = 0; i < message.targets.size();) {
    const auto instance = message.targets[i].instance;
    if (recipient.installation(instance) != nullptr) {
      ++i;
    } else {
      drop_target(message, instance, batch);
    }
  }
  const auto wanted = [&](crypto::Instance instance) {
    return message.only == crypto::Instance{} || message.only == instance ||
           recipient.installation(message.only) == nullptr;
  };
  bool later = false;
  for (Installation& to : recipient.theirs) {
    if (message.delivered || message.target(to.instance()) != nullptr || !wanted(to.instance())) {
      continue;
    }
    if (!may_seal()) {
      later = true;
      break;
    }
    add_target(message, recipient, to, now, batch);
  }
  if (!batch.empty()) {
    return Sync::changed;
  }
  return later ? Sync::later : Sync::current;
}

bool MessageSealer::seal_with_other_key(OutgoingMessage& message, OutgoingMessage::Target& target,
                                        Friend& recipient, Installation& to, Now now,
                                        store::StateBatch& batch) {
  // Another device of ours, or an old copy of our state, has used the key; or the friend has lost it. New
  // keys are on their way: a client makes them when it sends a nack.
  const bool first = target.nacks++ == 0;
  target.pre_key =
      first && !message.is_service() ? friends_.take_pre_key(recipient, to, batch) : to.last_resort;
  const auto epoch = crypto::epoch_at(now.unix_time());
  target.key_refused = false;
  if (!epoch || !seal(message, target, recipient, to, *epoch, batch)) {
    return false;
  }
  target.copies.clear();
  batch.push_back(put_progress(message, target));
  return true;
}

}  // namespace toxasync::manager
