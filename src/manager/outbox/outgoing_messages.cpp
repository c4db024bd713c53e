// SPDX-License-Identifier: GPL-3.0-or-later
#include "manager/outbox/outgoing_messages.hpp"

#include <algorithm>
#include <utility>

#include "manager/outbox/outgoing_rows.hpp"

namespace toxasync::manager {

bool OutgoingMessages::load(const store::StateEntry& entry) {
  switch (static_cast<Table>(entry.key[0])) {
    case Table::outbox:
      if (auto message = read_message(entry)) {
        message->reported = true;
        insert(std::move(*message));
      } else {
        telemetry_.refuse(Counter::state_record_damaged);
      }
      return true;
    case Table::target:
      if (!read_target_name(entry)) {
        return false;
      }
      load_target(entry);
      return true;
    case Table::progress:
      if (!read_target_name(entry)) {
        return false;
      }
      load_progress(entry);
      return true;
    case Table::sealed_before:
      if (entry.key.size() != 1 + sizeof(crypto::MessageId)) {
        return false;
      }
      load_past(entry);
      return true;
    default:
      return false;
  }
}

void OutgoingMessages::load_target(const store::StateEntry& entry) {
  auto target = read_target(entry);
  if (!target) {
    telemetry_.refuse(Counter::state_record_damaged);
    return;
  }
  const auto name = *read_target_name(entry);
  Target& loaded = loaded_target(name.message, name.instance);
  target->instance = name.instance;
  target->copies = std::move(loaded.copies);
  loaded = std::move(*target);
}

void OutgoingMessages::load_progress(const store::StateEntry& entry) {
  auto copies = read_progress(entry);
  if (!copies) {
    telemetry_.refuse(Counter::state_record_damaged);
    return;
  }
  const auto name = *read_target_name(entry);
  auto& known = loaded_target(name.message, name.instance).copies;
  known.insert(known.end(), copies->begin(), copies->end());
}

void OutgoingMessages::load_past(const store::StateEntry& entry) {
  OutgoingMessage read;
  if (!read_past(entry, read)) {
    telemetry_.refuse(Counter::state_record_damaged);
    read.beyond_recall = true;  // what it held is not known
  }
  loaded_past_.emplace(id_from<crypto::MessageId>(ByteView(entry.key).subspan(1)), std::move(read));
}

/// The two rows of a target come in any order.
OutgoingMessages::Target& OutgoingMessages::loaded_target(const crypto::MessageId& id,
                                                          crypto::Instance instance) {
  auto& targets = loaded_targets_[id];
  const auto found = std::ranges::find(targets, instance, &Target::instance);
  if (found != targets.end()) {
    return *found;
  }
  Target& target = targets.emplace_back();
  target.instance = instance;
  return target;
}

void OutgoingMessages::join_loaded(store::StateBatch& orphans) {
  for (auto& [id, targets] : std::exchange(loaded_targets_, {})) {
    OutgoingMessage* const message = find(id);
    for (Target& target : targets) {
      const bool whole = message != nullptr && (target.confirmed || !target.envelopes.empty());
      if (!whole) {
        erase_target(id, target.instance, orphans);
        continue;
      }
      set_unconfirmed(*message, target.instance, !target.confirmed);
      message->targets.push_back(std::move(target));
    }
  }
  for (auto& [id, read] : std::exchange(loaded_past_, {})) {
    if (OutgoingMessage* const message = find(id)) {
      message->past = std::move(read.past);
      message->beyond_recall = read.beyond_recall;
    } else {
      orphans.push_back(erase_past(id));
    }
  }
}

OutgoingMessage* OutgoingMessages::find(const crypto::MessageId& id) noexcept {
  const auto found = messages_.find(id);
  return found == messages_.end() ? nullptr : &found->second;
}

const OutgoingMessage* OutgoingMessages::find(const crypto::MessageId& id) const noexcept {
  const auto found = messages_.find(id);
  return found == messages_.end() ? nullptr : &found->second;
}

OutgoingMessage& OutgoingMessages::insert(OutgoingMessage message) {
  recipients_[message.to].messages.insert(message.place());
  if (message.is_service()) {
    services_.add(message.to);
  }
  const auto id = message.id;
  return messages_.insert_or_assign(id, std::move(message)).first->second;
}

void OutgoingMessages::erase(OutgoingMessage& message) {
  recipients_[message.to].messages.erase(message.place());
  if (message.is_service()) {
    services_.remove(message.to);
  }
  crypto::wipe(message.text);
  messages_.erase(crypto::MessageId{message.id});
}

std::vector<crypto::MessageId> OutgoingMessages::ids() const {
  std::vector<crypto::MessageId> all;
  all.reserve(messages_.size());
  for (const auto& [id, message] : messages_) {
    all.push_back(id);
  }
  return all;
}

std::vector<crypto::MessageId> OutgoingMessages::ids_to(const FriendKey& to) const {
  std::vector<crypto::MessageId> all;
  if (const auto found = recipients_.find(to); found != recipients_.end()) {
    for (const auto& [sequence, id] : found->second.messages) {
      all.push_back(id);
    }
  }
  return all;
}

std::vector<crypto::MessageId> OutgoingMessages::ids_by_friend() const {
  std::vector<crypto::MessageId> all;
  all.reserve(messages_.size());
  for (const auto& [key, recipient] : recipients_) {
    for (const auto& [sequence, id] : recipient.messages) {
      all.push_back(id);
    }
  }
  return all;
}

void OutgoingMessages::confirm(const OutgoingMessage& message, Target& target) {
  target.confirmed = true;
  target.envelopes.clear();
  target.sent_to.clear();
  target.copies.clear();
  set_unconfirmed(message, target.instance, false);
}

void OutgoingMessages::set_unconfirmed(const OutgoingMessage& message, crypto::Instance instance,
                                       bool unconfirmed) {
  if (message.is_service()) {
    return;
  }
  Places& places = recipients_[message.to].unconfirmed[instance];
  if (unconfirmed) {
    places.insert(message.place());
  } else {
    places.erase(message.place());
  }
}

std::uint64_t OutgoingMessages::floor_for(const OutgoingMessage& message, crypto::Instance instance) const {
  if (message.is_service()) {
    return 0;
  }
  const auto recipient = recipients_.find(message.to);
  if (recipient == recipients_.end()) {
    return message.sequence;
  }
  const auto places = recipient->second.unconfirmed.find(instance);
  return places == recipient->second.unconfirmed.end() || places->second.empty()
             ? message.sequence
             : std::min(places->second.begin()->first, message.sequence);
}

}  // namespace toxasync::manager
