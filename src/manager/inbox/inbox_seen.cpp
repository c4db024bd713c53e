// SPDX-License-Identifier: GPL-3.0-or-later
// What is remembered of messages, and when it is forgotten.
#include <algorithm>

#include "manager/inbox/inbox.hpp"

namespace toxasync::manager {

namespace {

struct SeenRecord {
  UnixTime until{};
  std::uint8_t receipted = 0;
  static void fields(auto& ar, auto& self) { wire::fields(ar, self.until, self.receipted); }
};

Bytes seen_name(const FriendKey& from, const crypto::MessageId& id) {
  return state_key(Table::seen, {from, id});
}

}  // namespace

std::size_t Inbox::SeenHash::operator()(const crypto::MessageId& id) const noexcept {
  return crypto::siphash(key, id);  // friends choose the ids
}

bool Inbox::load(const store::StateEntry& entry) {
  const ByteView name = ByteView(entry.key).subspan(1);
  switch (static_cast<Table>(entry.key[0])) {
    case Table::seen: {
      SeenRecord record;
      if (name.size() != sizeof(FriendKey) + sizeof(crypto::MessageId)) {
        return false;
      }
      if (read_record(services_.telemetry, entry, record)) {
        const auto from = id_from<FriendKey>(name);
        const auto id = id_from<crypto::MessageId>(name.subspan(sizeof(FriendKey)));
        seen_.try_emplace(from, 0, seen_hash_).first->second[id] = {record.until, record.receipted != 0};
        ids_.add(from);
      }
      return true;
    }
    case Table::part:
      return load_part(entry);
    case Table::padding:
      return true;
    default:
      return order_.load(entry);
  }
}

const Inbox::Seen* Inbox::find_seen(const MessageKey& key) const {
  const auto theirs = seen_.find(key.first);
  if (theirs == seen_.end()) {
    return nullptr;
  }
  const auto found = theirs->second.find(key.second);
  return found == theirs->second.end() ? nullptr : &found->second;
}

void Inbox::remember(const InboxMessage& message, bool receipted, Intake& intake) {
  const MessageKey key{message.from, message.id};
  const UnixTime until = services_.clock.stamp() + ids_kept;
  intake.batch.push_back(put_record(seen_name(message.from, message.id),
                                    SeenRecord{until, static_cast<std::uint8_t>(receipted)}));
  intake.seen.push_back({key, {until, receipted}});
  committing_.insert(key);
  ids_.add(message.from);
  ++intake.taken;
}

/// It was not shown, and may be sent again.
void Inbox::forget(const MessageKey& key, store::StateBatch& batch) {
  batch.push_back(erase_record(seen_name(key.first, key.second)));
  const auto theirs = seen_.find(key.first);
  if (theirs != seen_.end() && theirs->second.erase(key.second) != 0) {
    ids_.remove(key.first);
  }
}

/// What was on its way to the disk when its friend was removed.
void Inbox::drop_of_removed(Intake& intake) {
  store::StateBatch batch;
  std::erase_if(intake.messages, [&](const InboxMessage& message) {
    if (friends_.find(message.from) != nullptr) {
      return false;
    }
    services_.telemetry.count(Counter::messages_dropped);
    batch.push_back(erase_inbox_message(message));
    return true;
  });
  std::erase_if(intake.seen, [&](const auto& entry) {
    const auto& [from, id] = entry.first;
    if (friends_.find(from) != nullptr) {
      return false;
    }
    batch.push_back(erase_record(seen_name(from, id)));
    ids_.remove(from);
    return true;
  });
  if (!batch.empty()) {
    services_.state.keep(std::move(batch));
  }
}

/// Ids of what was shown are kept: whoever is removed and added again still has the same boxes, in which
/// another copy of it may lie.
void Inbox::on_removed(const FriendKey& who, store::StateBatch& batch) {
  for (const auto& id : order_.on_removed(who, batch)) {
    forget({who, id}, batch);
  }
  std::vector<Sealing> incomplete;
  for (const auto& [sealing, assembly] : assemblies_) {
    if (sealing.message.first == who) {
      incomplete.push_back(sealing);
    }
  }
  for (const auto& sealing : incomplete) {
    drop_assembly(sealing, batch);
  }
  assembly_bytes_.erase(who);
}

void Inbox::drop_expired(const CertainDate& date, store::StateBatch& batch) {
  for (auto& [from, theirs] : seen_) {
    for (auto& [id, seen] : theirs) {
      if (const UnixTime until = date.clamped(seen.until, ids_kept); until != seen.until) {
        seen.until = until;
        batch.push_back(
            put_record(seen_name(from, id), SeenRecord{until, static_cast<std::uint8_t>(seen.receipted)}));
      }
    }
    const auto dropped = std::erase_if(theirs, [&, &from = from](const auto& entry) {
      if (entry.second.until >= date.passed()) {
        return false;
      }
      batch.push_back(erase_record(seen_name(from, entry.first)));
      return true;
    });
    ids_.remove(from, dropped);
  }
  std::erase_if(seen_, [](const auto& entry) { return entry.second.empty(); });
  std::vector<Sealing> over;
  for (auto& [sealing, assembly] : assemblies_) {
    if (const UnixTime since = date.clamped(assembly.since); since != assembly.since) {
      assembly.since = since;
      save_parts(sealing, assembly, batch);
    }
    if (assembly.since + parts_kept < date.passed() && !committing_.contains(sealing.message)) {
      over.push_back(sealing);
    }
  }
  for (const auto& sealing : over) {
    services_.telemetry.refuse(Counter::refused_parts);
    drop_assembly(sealing, batch);
  }
}

bool Inbox::on_expired(const InboxMessage& message, store::StateBatch& batch) {
  if (!receipts_.withdraw(message.from, message.id, batch)) {
    return false;
  }
  if (const Seen* const seen = find_seen({message.from, message.id})) {
    // No further copy of it is confirmed, either.
    seen_.at(message.from)[message.id].receipted = false;
    batch.push_back(put_record(seen_name(message.from, message.id), SeenRecord{seen->until, 0}));
  }
  return true;
}

}  // namespace toxasync::manager
