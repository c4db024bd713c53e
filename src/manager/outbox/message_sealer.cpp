// SPDX-License-Identifier: GPL-3.0-or-later
#include "manager/outbox/message_sealer.hpp"

#include <algorithm>
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

void MessageSealer::remember_past(const FriendKey& to, OutgoingMessage::Target& target) {
  const auto* const mailbox = mailboxes_.get(to, target.root, target.epoch);
  OutgoingMessage::Past past{target.root, target.epoch, {}};
  for (const auto& envelope : target.envelopes) {
    past.ids.push_back(mailbox != nullptr ? crypto::envelope_id(mailbox->address, envelope.bytes)
                                          : crypto::EnvelopeId{});
  }
  target.past.push_back(std::move(past));
  if (target.past.size() > OutgoingMessage::Past::kept) {
    target.past.erase(target.past.begin());
  }
}

bool MessageSealer::seal(OutgoingMessage& message, OutgoingMessage::Target& target, const Friend& recipient,
                         const Installation& to, crypto::Epoch epoch) {
  const auto* const mailbox = mailboxes_.get(message.to, to.root, epoch);
  if (mailbox == nullptr) {
    return false;
  }
  auto envelopes = make_envelopes(message, target, recipient, *mailbox);
  if (!envelopes) {
    return false;
  }
  seals_left_ -= std::min(seals_left_, envelopes->size());
  if (!target.envelopes.empty() && !target.copies.empty()) {
    remember_past(message.to, target);
  }
  target.envelopes = std::move(*envelopes);
  target.root = to.root;
  target.epoch = epoch;
  for (auto& copy : target.copies) {
    copy.done.reset();
  }
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
  target.pre_key =
      message.is_service() ? to.last_resort : friends_.take_pre_key(recipient, to, batch);
  messages_.set_unconfirmed(message, target.instance, true);
  if (seal(message, target, recipient, to, crypto::epoch_at(now.unix_time()).value_or(0))) {
    batch.push_back(put_target(message, target));
  } else {
    messages_.set_unconfirmed(message, target.instance, false);
    target.refused = true;
  }
  message.targets.push_back(std::move(target));
  return true;
}

void MessageSealer::drop_target(OutgoingMessage& message, crypto::Instance instance,
                                store::StateBatch& batch) {
  messages_.set_unconfirmed(message, instance, false);
  erase_target(message.id, instance, batch);
  std::erase_if(message.targets, [instance](const auto& target) { return target.instance == instance; });
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
  target.pre_key = first && !message.is_service()
                       ? friends_.take_pre_key(recipient, to, batch)
                       : to.last_resort;
  const auto epoch = crypto::epoch_at(now.unix_time());
  if (!epoch || !seal(message, target, recipient, to, *epoch)) {
    return false;
  }
  target.copies.clear();
  batch.push_back(put_target(message, target));
  batch.push_back(put_progress(message, target));
  return true;
}

}  // namespace toxasync::manager
