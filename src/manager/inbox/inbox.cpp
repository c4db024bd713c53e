// SPDX-License-Identifier: GPL-3.0-or-later
#include "manager/inbox/inbox.hpp"

#include <algorithm>
#include <memory>

#include "manager/core/utf8.hpp"
#include "protocol/bundle.hpp"

namespace toxasync::manager {

namespace {

struct PartRecord {
  InboxMessage& m;  ///< Without its text.
  std::uint8_t part = 0;
  std::uint8_t parts = 0;
  crypto::PreKeyId pre_key{};
  UnixTime since{};
  Bytes text;
  static void fields(auto& ar, auto& self) {
    wire::fields(ar, self.m.id, self.m.from, self.m.instance, self.m.sequence, self.m.floor, self.m.kind,
                 self.m.sent_at, self.part, self.parts, self.pre_key, self.since,
                 wire::bounded<limits::large_text>(self.text));
  }
};

struct SeenRecord {
  UnixTime until{};
  std::uint8_t receipted = 0;
  static void fields(auto& ar, auto& self) { wire::fields(ar, self.until, self.receipted); }
};

Bytes part_key(const crypto::MessageId& id, std::uint8_t part) {
  return state_key(Table::part, {id, ByteView(&part, 1)});
}

/// Bytes charged for a part: one without text takes memory too.
std::size_t part_cost(const Bytes& text) noexcept {
  return text.size() + Inbox::part_overhead_bytes;
}

Counter reason(crypto::EnvelopeError error) noexcept {
  switch (error) {
    case crypto::EnvelopeError::size:
    case crypto::EnvelopeError::version:
      return Counter::refused_envelope_version;
    case crypto::EnvelopeError::body:
    case crypto::EnvelopeError::fields:
      return Counter::refused_envelope_body;
    default:
      return Counter::refused_envelope_header;
  }
}

}  // namespace

std::size_t Inbox::SeenHash::operator()(const crypto::MessageId& id) const noexcept {
  return crypto::siphash(key, id);  // friends choose the ids
}

Inbox::Inbox(const Services& services, FriendBook& friends, KeyRing& keys, Receipts& receipts,
             InboxListener& listener, MailSource& source)
    : services_(services),
      friends_(friends),
      keys_(keys),
      receipts_(receipts),
      listener_(listener),
      order_({.application = services.listener,
              .state = services.state,
              .clock = services.clock,
              .telemetry = services.telemetry,
              .friends = friends},
             source),
      seen_(64, SeenHash{services.random.array<16>()}) {}

bool Inbox::load(const store::StateEntry& entry) {
  const ByteView name = ByteView(entry.key).subspan(1);
  switch (static_cast<Table>(entry.key[0])) {
    case Table::seen: {
      SeenRecord record;
      if (name.size() == sizeof(crypto::MessageId) && read_record(services_.telemetry, entry, record)) {
        seen_[id_from<crypto::MessageId>(name)] = {record.until, record.receipted != 0};
      }
      return true;
    }
    case Table::part: {
      InboxMessage message;
      PartRecord record{message, 0, 0, {}, {}, {}};
      if (read_record(services_.telemetry, entry, record)) {
        Assembly& assembly = assemblies_[message.id];
        assembly.bytes += part_cost(record.text);
        assembly_bytes_[message.from] += part_cost(record.text);
        assembly.parts = record.parts;
        assembly.pre_key = record.pre_key;
        assembly.since = record.since;
        assembly.texts[record.part] = std::move(record.text);
        assembly.message = std::move(message);
      }
      return true;
    }
    default:
      return order_.load(entry);
  }
}

void Inbox::resume() {
  std::vector<crypto::MessageId> done;
  for (const auto& [id, assembly] : assemblies_) {
    if (seen_.contains(id)) {
      done.push_back(id);  // its message was dropped once, and then came whole
    }
  }
  store::StateBatch batch;
  for (const auto& id : done) {
    drop_assembly(id, batch);
  }
  if (!batch.empty()) {
    services_.state.keep(std::move(batch));
  }
  resumed_ = true;
  order_.resume();
}

void Inbox::receive(const crypto::OwnedMailbox& mailbox, const std::vector<Bytes>& envelopes,
                    const FriendKey* live_from, std::function<void(bool)> done) {
  if (full()) {
    for (std::size_t i = 0; i < envelopes.size(); ++i) {
      services_.telemetry.refuse(Counter::refused_inbox_full);
    }
    services_.state.commit({}, [done = std::move(done)](bool /*durable*/) {
      if (done) {
        done(false);
      }
    });
    return;
  }
  auto intake = std::make_shared<Intake>();
  for (const auto& envelope : envelopes) {
    receive_one(mailbox, envelope, live_from, *intake);
  }
  // Also when there is nothing to write: a copy of a message that is still being written must wait for it.
  services_.state.commit(std::move(intake->batch), [this, intake, done = std::move(done)](bool durable) {
    apply(*intake, durable);
    if (done) {
      done(durable);
    }
  });
}

void Inbox::receive_one(const crypto::OwnedMailbox& mailbox, ByteView envelope, const FriendKey* live_from,
                        Intake& intake) {
  const auto& telemetry = services_.telemetry;
  const auto header = crypto::open_header(mailbox, envelope);
  if (!header) {
    telemetry.refuse(reason(header.error()));
    return;
  }
  Friend* const sender = friends_.find(header->sender);
  if (sender == nullptr || (live_from != nullptr && *live_from != header->sender)) {
    telemetry.refuse(Counter::refused_sender_unknown);
    return;
  }
  const auto seen = seen_.find(header->message_id);
  if (seen != seen_.end() || committing_.contains(header->message_id)) {
    telemetry.count(Counter::duplicates_dropped);
    if (seen != seen_.end() && seen->second.receipted) {  // the receipt may have been lost
      owe({header->sender, header->instance, header->message_id}, intake);
    }
    spend_copys_key(mailbox, *header, envelope, intake);
    return;
  }
  const PreKey* const pre_key = keys_.find(header->pre_key);
  if (pre_key == nullptr || spending_.contains(header->pre_key)) {
    telemetry.refuse(Counter::refused_pre_key_unknown);
    answer_unknown_pre_key(*header, intake);
    return;
  }
  if (pre_key->one_time && pre_key->given_to != header->sender) {
    telemetry.refuse(Counter::refused_pre_key_unknown);
    return;
  }
  auto body = crypto::open_body(mailbox, services_.self, pre_key->pair, *header, envelope);
  if (!body) {
    telemetry.refuse(reason(body.error()));
    return;
  }
  if (seen_.size() + committing_.size() >= ids_remembered) {
    telemetry.refuse(Counter::refused_inbox_full);
    return;
  }
  friends_.heard_of(*sender, header->instance);
  receive_part(*header, std::move(*body), *pre_key, intake);
}

/// A copy of a message may be sealed with another one-time key than the one that was opened: whoever kept it
/// must not be able to open it later, either.
void Inbox::spend_copys_key(const crypto::OwnedMailbox& mailbox, const crypto::EnvelopeHeader& header,
                            ByteView envelope, Intake& intake) {
  const PreKey* const pre_key = keys_.find(header.pre_key);
  if (pre_key != nullptr && pre_key->one_time && pre_key->given_to == header.sender &&
      !spending_.contains(header.pre_key) &&
      crypto::open_body(mailbox, services_.self, pre_key->pair, header, envelope)) {
    intake.batch.push_back(KeyRing::erasure(header.pre_key));
    intake.used.push_back(header.pre_key);
    spending_.insert(header.pre_key);
  }
}

/// A receipt or nack, in the transaction of the message.
void Inbox::owe(const ReceiptDue& due, Intake& intake) const {
  if (!receipts_.is_due(due.to, due.id)) {
    intake.batch.push_back(receipts_.row(due));
    intake.receipts_due.push_back(due);
  }
}

/// The keys of ours that the friend has, or our own, are those of an old copy of a state: the friend is asked
/// to seal again, and given new keys. Nothing of the header is authentic yet, so both are limited.
void Inbox::answer_unknown_pre_key(const crypto::EnvelopeHeader& header, Intake& intake) {
  if (!receipts_.is_due(header.sender, header.message_id) && receipts_.nack_permitted(header.sender)) {
    owe({header.sender, header.instance, header.message_id, crypto::MessageKind::nack}, intake);
    intake.renew.insert(header.sender);
  }
}

void Inbox::receive_part(const crypto::EnvelopeHeader& header, crypto::EnvelopeBody body,
                         const PreKey& pre_key, Intake& intake) {
  InboxMessage message{header.message_id,
                       header.sender,
                       header.instance,
                       body.sequence,
                       body.floor,
                       body.kind,
                       unix_time_ms(body.sent_at_ms),
                       {}};
  if (body.parts == 1) {
    message.text = std::move(body.text);
    complete(std::move(message), header.pre_key, pre_key, intake);
    return;
  }
  const auto found = assemblies_.find(header.message_id);
  if (found != assemblies_.end()) {
    const Assembly& old = found->second;
    if (old.parts != body.parts || old.message.from != message.from ||
        old.message.sequence != message.sequence || old.message.kind != message.kind ||
        old.pre_key != header.pre_key) {
      services_.telemetry.refuse(Counter::refused_parts);
      return;
    }
    if (old.texts.contains(body.part)) {
      services_.telemetry.count(Counter::duplicates_dropped);
      return;
    }
  }
  if (!make_room(message.from, message.id, part_cost(body.text), intake.batch)) {
    services_.telemetry.refuse(Counter::refused_parts);
    return;
  }
  Assembly& assembly = assemblies_[message.id];
  if (assembly.parts == 0) {
    assembly.parts = body.parts;
    assembly.pre_key = header.pre_key;
    assembly.since = services_.clock.stamp();
    assembly.message = message;
  }
  intake.batch.push_back(
      put_record(part_key(message.id, body.part),
                 PartRecord{message, body.part, body.parts, header.pre_key, assembly.since, body.text}));
  intake.parts.emplace_back(message.id, body.part);
  assembly.bytes += part_cost(body.text);
  assembly_bytes_[message.from] += part_cost(body.text);
  assembly.texts[body.part] = std::move(body.text);
  if (assembly.texts.size() < assembly.parts) {
    return;
  }
  for (const auto& [part, text] : assembly.texts) {
    message.text.insert(message.text.end(), text.begin(), text.end());
    intake.batch.push_back(erase_record(part_key(message.id, part)));
  }
  complete(std::move(message), header.pre_key, pre_key, intake);
}

/// All parts are here: one transaction holds the text, the message id, the receipt and the end of the
/// pre-key.
void Inbox::complete(InboxMessage message, const crypto::PreKeyId& pre_key_id, const PreKey& pre_key,
                     Intake& intake) {
  const bool good = handle_content(message, intake);
  // A refused message uses up its key and is remembered like any other.
  const UnixTime until = pre_key.use_until + KeyRing::kept_longer;
  const bool receipted =
      good && (crypto::is_ordered(message.kind) || message.kind == crypto::MessageKind::bundle);
  intake.batch.push_back(put_record(state_key(Table::seen, {message.id}),
                                    SeenRecord{until, static_cast<std::uint8_t>(receipted)}));
  intake.seen.push_back({message.id, {until, receipted}});
  committing_.insert(message.id);
  if (pre_key.one_time) {
    intake.batch.push_back(KeyRing::erasure(pre_key_id));
    intake.used.push_back(pre_key_id);
    spending_.insert(pre_key_id);
  } else if (crypto::is_ordered(message.kind)) {
    intake.refill.insert(message.from);
  }
  if (good && crypto::is_ordered(message.kind)) {
    intake.messages.push_back(std::move(message));
  }
}

bool Inbox::handle_content(const InboxMessage& message, Intake& intake) {
  const auto refuse = [this](Counter reason) {
    services_.telemetry.refuse(reason);
    return false;
  };
  switch (message.kind) {
    case crypto::MessageKind::normal:
    case crypto::MessageKind::action:
      if (message.text.empty() || message.text.size() > limits::message_text || !is_utf8(message.text)) {
        return refuse(Counter::refused_message_text);
      }
      intake.batch.push_back(put_inbox_message(message));
      owe({message.from, message.instance, message.id}, intake);
      return true;
    case crypto::MessageKind::receipt:
    case crypto::MessageKind::nack:
      if (message.text.size() % limits::id != 0) {
        return refuse(Counter::refused_operation);
      }
      for (std::size_t at = 0; at < message.text.size(); at += limits::id) {
        intake.receipts_for_us.push_back({message.from, message.instance,
                                          id_from<crypto::MessageId>(ByteView(message.text).subspan(at)),
                                          message.kind});
      }
      return true;
    case crypto::MessageKind::bundle: {
      // Its own transaction comes before this one: what this one says of it is true when it is durable.
      protocol::WholeBundle bundle;
      Friend* const from = friends_.find(message.from);
      if (from == nullptr || wire::decode(message.text, bundle) != wire::Error::none) {
        return refuse(Counter::refused_bundle);
      }
      if (!friends_.on_whole_bundle(*from, bundle, BundleSource::friends_mailbox)) {
        return false;  // counted
      }
      owe({message.from, message.instance, message.id}, intake);
      return true;
    }
    case crypto::MessageKind::friend_request:
      break;  // the envelope does not open in this root
  }
  return refuse(Counter::refused_operation);
}

/// Keeps a friend's incomplete messages within limits::incomplete_parts_bytes: drops the oldest ones.
bool Inbox::make_room(const FriendKey& from, const crypto::MessageId& keep, std::size_t bytes,
                      store::StateBatch& batch) {
  while (assembly_bytes_[from] + bytes > limits::incomplete_parts_bytes) {
    auto oldest = assemblies_.end();
    for (auto it = assemblies_.begin(); it != assemblies_.end(); ++it) {
      if (it->second.message.from == from && it->first != keep && !committing_.contains(it->first) &&
          (oldest == assemblies_.end() || it->second.since < oldest->second.since)) {
        oldest = it;
      }
    }
    if (oldest == assemblies_.end()) {
      return false;
    }
    services_.telemetry.refuse(Counter::refused_parts);
    drop_assembly(oldest->first, batch);
  }
  return true;
}

void Inbox::drop_assembly(const crypto::MessageId& id, store::StateBatch& batch) {
  const auto found = assemblies_.find(id);
  if (found == assemblies_.end()) {
    return;
  }
  for (const auto& [part, text] : found->second.texts) {
    batch.push_back(erase_record(part_key(id, part)));
  }
  assembly_bytes_[found->second.message.from] -= found->second.bytes;
  assemblies_.erase(found);
}

/// The transaction's outcome is known: what it wrote takes effect, or nothing does.
void Inbox::apply(Intake& intake, bool durable) {
  for (const auto& [id, seen] : intake.seen) {
    committing_.erase(id);
  }
  for (const auto& id : intake.used) {
    spending_.erase(id);
  }
  if (!durable) {
    for (const auto& [id, part] : intake.parts) {
      undo_part(id, part);
    }
    return;
  }
  for (const auto& [id, seen] : intake.seen) {
    seen_[id] = seen;
    store::StateBatch ignored;  // the parts' rows are erased already
    drop_assembly(id, ignored);
  }
  std::set<FriendKey> used_by;
  for (const auto& id : intake.used) {
    if (const PreKey* const key = keys_.find(id)) {
      used_by.insert(key->given_to);
    }
    keys_.drop(id);
  }
  for (const auto& key : used_by) {
    friends_.top_up(key);
  }
  for (const auto& key : intake.refill) {
    friends_.refill(key);
  }
  for (const auto& due : intake.receipts_due) {
    receipts_.add(due, services_.clock.now());
  }
  for (const auto& [from, instance, id, kind] : intake.receipts_for_us) {
    if (kind == crypto::MessageKind::receipt) {
      services_.telemetry.count(Counter::receipts_received);
    }
    listener_.on_receipt(kind, from, instance, id);
  }
  for (const auto& key : intake.renew) {
    if (Friend* const from = friends_.find(key)) {
      friends_.renew_keys(*from);
    }
  }
  store::StateBatch removed;
  std::erase_if(intake.messages, [&](const InboxMessage& message) {
    if (friends_.find(message.from) != nullptr) {
      return false;
    }
    services_.telemetry.count(Counter::messages_dropped);
    removed.push_back(erase_inbox_message(message.id));
    return true;
  });
  if (!removed.empty()) {
    services_.state.keep(std::move(removed));
  }
  order_.add(std::move(intake.messages));
}

/// Removes a part that could not be written to the disk.
void Inbox::undo_part(const crypto::MessageId& id, std::uint8_t part) {
  const auto found = assemblies_.find(id);
  if (found == assemblies_.end() || !found->second.texts.contains(part)) {
    return;
  }
  Assembly& assembly = found->second;
  const std::size_t cost = part_cost(assembly.texts[part]);
  assembly.texts.erase(part);
  assembly.bytes -= cost;
  assembly_bytes_[assembly.message.from] -= cost;
  if (assembly.texts.empty()) {
    assemblies_.erase(found);
  }
}

void Inbox::on_removed(const FriendKey& who, store::StateBatch& batch) {
  order_.on_removed(who, batch);
  std::vector<crypto::MessageId> incomplete;
  for (const auto& [id, assembly] : assemblies_) {
    if (assembly.message.from == who) {
      incomplete.push_back(id);
    }
  }
  for (const auto& id : incomplete) {
    drop_assembly(id, batch);
  }
  assembly_bytes_.erase(who);
}

void Inbox::drop_expired(const CertainDate& date, store::StateBatch& batch) {
  for (auto& [id, seen] : seen_) {
    seen.until = date.clamped(seen.until, KeyRing::use_for + KeyRing::kept_longer);
  }
  std::erase_if(seen_, [&](const auto& entry) {
    if (entry.second.until >= date.passed()) {
      return false;
    }
    batch.push_back(erase_record(state_key(Table::seen, {entry.first})));
    return true;
  });
  std::vector<crypto::MessageId> over;
  for (auto& [id, assembly] : assemblies_) {
    assembly.since = date.clamped(assembly.since);
    if (assembly.since + parts_kept < date.passed() && !committing_.contains(id)) {
      over.push_back(id);
    }
  }
  for (const auto& id : over) {
    services_.telemetry.refuse(Counter::refused_parts);
    drop_assembly(id, batch);
  }
}

}  // namespace toxasync::manager
