// SPDX-License-Identifier: GPL-3.0-or-later
#include <algorithm>
#include <utility>

#include "manager/outbox/outbox.hpp"

// Sealing: one target for each installation of the recipient, anew for a later epoch or root
// (docs/protocol.md, section 4).

namespace toxasync::manager {

namespace {

/// Most nodes whose progress is kept for a target: homes change.
constexpr std::size_t progress_nodes = 32;

struct TargetRecord {
  OutgoingMessage::Target& t;
  template <class Archive>
  void serialize(Archive& ar, unsigned /*version*/) {
    auto confirmed = static_cast<std::uint8_t>(t.confirmed);
    auto may_go_directly = static_cast<std::uint8_t>(t.may_go_directly);
    wire::fields(ar, confirmed, may_go_directly, t.nacks, t.pre_key, t.root, t.epoch,
                 wire::bounded<limits::parts>(t.envelopes),
                 wire::bounded<OutgoingMessage::Past::kept>(t.past));
    t.confirmed = confirmed != 0;
    t.may_go_directly = may_go_directly != 0;
  }
};

struct NodeProgress {
  protocol::NodeId node{};
  crypto::Epoch epoch = 0;
  std::uint64_t renew_at_s = 0;

  static constexpr std::size_t min_encoded_size = 32 + 4 + 8;

  template <class Archive>
  void serialize(Archive& ar, unsigned /*version*/) {
    wire::fields(ar, node, epoch, renew_at_s);
  }
};

/// The nodes that have the whole message.
struct ProgressRecord {
  std::vector<NodeProgress> complete;
  template <class Archive>
  void serialize(Archive& ar, unsigned /*version*/) {
    wire::fields(ar, wire::bounded<progress_nodes>(complete));
  }
};

/// Table, message id, instance.
Bytes row_name(Table table, const crypto::MessageId& id, std::uint64_t instance) {
  return state_key(table, {id, bytes_of(instance)});
}

}  // namespace

void Outbox::load_target(const store::StateEntry& entry) {
  const ByteView name = ByteView(entry.key).subspan(1);
  Target target;
  TargetRecord record{target};
  if (read_record(services_, entry, record)) {
    target.instance = load_le<std::uint64_t>(name.data() + sizeof(crypto::MessageId));
    auto& targets = loaded_targets_[to_array<16>(name)];
    const auto same = std::ranges::find(targets, target.instance, &Target::instance);
    if (same == targets.end()) {
      targets.push_back(std::move(target));
    } else {
      target.copies = std::move(same->copies);
      *same = std::move(target);
    }
  }
}

void Outbox::load_progress(const store::StateEntry& entry) {
  const ByteView name = ByteView(entry.key).subspan(1);
  ProgressRecord record;
  if (!read_record(services_, entry, record)) {
    return;
  }
  const auto instance = load_le<std::uint64_t>(name.data() + sizeof(crypto::MessageId));
  auto& targets = loaded_targets_[to_array<16>(name)];
  auto target = std::ranges::find(targets, instance, &Target::instance);
  if (target == targets.end()) {
    targets.emplace_back().instance = instance;  // its row may come later
    target = std::prev(targets.end());
  }
  for (const auto& progress : record.complete) {
    Copy& copy = target->copies.emplace_back(progress.node);
    copy.complete = true;
    copy.epoch = progress.epoch;
    copy.renew_at_s = static_cast<std::int64_t>(progress.renew_at_s);
  }
}

/// Puts the loaded targets to their messages. What belongs to none is dropped.
void Outbox::join_loaded() {
  store::StateBatch orphans;
  for (auto& [id, targets] : std::exchange(loaded_targets_, {})) {
    Message* const message = find(id);
    for (Target& target : targets) {
      const bool whole = message != nullptr && (target.confirmed || !target.envelopes.empty());
      if (!whole) {
        orphans.push_back(erase_record(row_name(Table::target, id, target.instance)));
        orphans.push_back(erase_record(row_name(Table::progress, id, target.instance)));
        continue;
      }
      set_unconfirmed(*message, target.instance, !target.confirmed);
      message->targets.push_back(std::move(target));
    }
  }
  if (!orphans.empty()) {
    services_.state.keep(std::move(orphans));
  }
}

store::StateWrite Outbox::target_write(const Message& message, const Target& target) {
  return put_record(row_name(Table::target, message.id, target.instance),
                    TargetRecord{const_cast<Target&>(target)});
}

store::StateWrite Outbox::progress_write(const Message& message, const Target& target) {
  ProgressRecord record;
  for (const Copy& copy : target.copies) {
    if (copy.complete && record.complete.size() < progress_nodes) {
      record.complete.push_back({copy.node, copy.epoch, static_cast<std::uint64_t>(copy.renew_at_s)});
    }
  }
  return put_record(row_name(Table::progress, message.id, target.instance), record);
}

const crypto::WritableMailbox* Outbox::mailbox(Recipient& recipient, const crypto::Point& root,
                                               crypto::Epoch epoch) {
  const auto found = recipient.mailboxes.find(root);
  if (found != recipient.mailboxes.end() && found->second.epoch == epoch) {
    return &found->second;
  }
  if (found == recipient.mailboxes.end() && recipient.mailboxes.size() > 2 * limits::instances_per_friend) {
    recipient.mailboxes.clear();  // roots come and go
  }
  auto made = crypto::friends_mailbox(root, epoch);
  return made ? &recipient.mailboxes.insert_or_assign(root, std::move(*made)).first->second : nullptr;
}

void Outbox::set_unconfirmed(const Message& message, std::uint64_t instance, bool unconfirmed) {
  if (message.is_service()) {
    return;
  }
  auto& places = recipients_[message.to].unconfirmed[instance];
  if (unconfirmed) {
    places.emplace(message.sequence, message.id);
  } else {
    places.erase({message.sequence, message.id});
  }
}

/// The lowest place of which something may still come to that installation.
std::uint64_t Outbox::floor_for(const Message& message, std::uint64_t instance) {
  if (message.is_service()) {
    return 0;
  }
  const auto& places = recipients_[message.to].unconfirmed[instance];
  return places.empty() ? message.sequence : std::min(places.begin()->first, message.sequence);
}

/// Seals all parts for the installation's mailbox of `epoch`. Fails only for keys that no honest client
/// gives.
bool Outbox::seal(Message& message, Target& target, const Friend& whom, const Installation& to,
                  crypto::Epoch epoch) {
  const auto* const where = mailbox(recipients_[message.to], to.root, epoch);
  if (where == nullptr) {
    return false;
  }
  const std::size_t parts = limits::parts_needed(message.text.size());
  const crypto::EnvelopeHeader header{services_.self.public_key, whom.instance,
                                      crypto::pre_key_id(target.pre_key), message.id};
  std::vector<protocol::PagedEnvelope> envelopes;
  for (std::size_t part = 0; part < parts; ++part) {
    const auto text = ByteView(message.text).subspan(part * limits::large_text);
    const auto piece = text.first(std::min(text.size(), limits::large_text));
    const crypto::EnvelopeBody body{message.sequence,
                                    floor_for(message, target.instance),
                                    static_cast<std::uint64_t>(message.sent_at_ms),
                                    message.ttl_s,
                                    message.kind,
                                    static_cast<std::uint8_t>(part),
                                    static_cast<std::uint8_t>(parts),
                                    {piece.begin(), piece.end()}};
    auto sealed = crypto::seal_envelope(services_.self, message.to, target.pre_key, *where, header, body,
                                        message.cancel_secret, services_.random);
    if (!sealed) {
      return false;
    }
    envelopes.push_back({std::move(*sealed)});
  }
  seals_left_ -= std::min(seals_left_, parts);
  if (!target.envelopes.empty() && !target.copies.empty()) {  // they may lie on nodes
    const auto* const before = mailbox(recipients_[message.to], target.root, target.epoch);
    Message::Past past{target.root, target.epoch, {}};
    for (const auto& envelope : target.envelopes) {
      past.ids.push_back(before != nullptr ? crypto::envelope_id(before->address, envelope.bytes)
                                           : crypto::EnvelopeId{});
    }
    target.past.push_back(std::move(past));
    if (target.past.size() > Message::Past::kept) {
      target.past.erase(target.past.begin());
    }
  }
  target.envelopes = std::move(envelopes);
  target.root = to.root;
  target.epoch = epoch;
  for (Copy& copy : target.copies) {
    copy.done.reset();
  }
  return true;
}

/// A target for an installation, with a pre-key of its own: `batch` takes both to the disk. False, and
/// nothing is sent there: its keys are bad.
bool Outbox::add_target(Message& message, Friend& whom, Installation& to, Now now, store::StateBatch& batch) {
  if (!to.usable(now.unix_s())) {
    return false;
  }
  Target target;
  target.instance = to.instance();
  target.may_go_directly = whom.online && !message.is_service();
  target.pre_key =
      message.is_service() ? to.last_resort : friends_.take_pre_key(whom, to, now.unix_s(), batch);
  set_unconfirmed(message, target.instance, true);
  if (seal(message, target, whom, to, crypto::epoch_at(now.unix_s()).value_or(0))) {
    batch.push_back(target_write(message, target));
  } else {
    set_unconfirmed(message, target.instance, false);
    target.refused = true;
  }
  message.targets.push_back(std::move(target));
  return true;
}

void Outbox::drop_target(Message& message, std::uint64_t instance, store::StateBatch& batch) {
  set_unconfirmed(message, instance, false);
  batch.push_back(erase_record(row_name(Table::target, message.id, instance)));
  batch.push_back(erase_record(row_name(Table::progress, message.id, instance)));
  std::erase_if(message.targets, [instance](const Target& target) { return target.instance == instance; });
}

Outbox::Sync Outbox::sync_targets(Message& message, Friend& whom, Now now) {
  const auto wanted = [&](std::uint64_t instance) {
    return message.only == 0 || message.only == instance || whom.installation(message.only) == nullptr;
  };
  store::StateBatch batch;
  bool dropped = false;
  for (std::size_t i = 0; i < message.targets.size();) {
    const auto instance = message.targets[i].instance;
    if (whom.installation(instance) != nullptr) {
      ++i;
      continue;
    }
    if (!dropped) {
      abandon_operations(message);  // those for the others are begun again
      dropped = true;
    }
    drop_target(message, instance, batch);
  }
  bool later = false;
  for (Installation& to : whom.theirs) {
    if (message.delivered || message.target(to.instance()) != nullptr || !wanted(to.instance())) {
      continue;
    }
    if (seals_left_ == 0) {
      later = true;
      break;
    }
    add_target(message, whom, to, now, batch);
  }
  if (batch.empty()) {
    return later ? Sync::later : Sync::current;
  }
  write(message, std::move(batch));
  return Sync::writing;
}

void Outbox::on_nack(const FriendKey& from, std::uint64_t instance, const crypto::MessageId& id) {
  Message* const message = find(id);
  Friend* const whom = friends_.find(from);
  if (message == nullptr || whom == nullptr || message->to != from) {
    return;
  }
  Target* const target = message->target(instance);
  Installation* const to = whom->installation(instance);
  if (target == nullptr || to == nullptr || target->confirmed || target->nacks >= nacks_answered ||
      message->stage != Message::Stage::under_way || message->writes_under_way > 0) {
    return;
  }
  services_.telemetry.count(Counter::nacks_received);
  const Now now = services_.clock.now();
  store::StateBatch batch;
  // Another device of ours, or an old copy of our state, has used the key; or he has lost it. New keys are on
  // their way: he makes them when he nacks.
  const bool first = target->nacks++ == 0;
  target->pre_key = first && !message->is_service() ? friends_.take_pre_key(*whom, *to, now.unix_s(), batch)
                                                    : to->last_resort;
  abandon_operations(*message);
  const auto epoch = crypto::epoch_at(now.unix_s());
  if (!epoch || !seal(*message, *target, *whom, *to, *epoch)) {
    return;
  }
  target->copies.clear();
  target->offered_live = false;
  target->live_until_ms = 0;
  batch.push_back(target_write(*message, *target));
  batch.push_back(progress_write(*message, *target));
  write(*message, std::move(batch));
}

}  // namespace toxasync::manager
