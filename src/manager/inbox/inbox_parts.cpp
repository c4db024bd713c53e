// SPDX-License-Identifier: GPL-3.0-or-later
#include "manager/inbox/inbox.hpp"

// Inbox, messages in parts. The parts of one sealing belong together: a message that is sealed again with
// another pre-key starts anew, and whichever sealing is complete first is the message.

namespace toxasync::manager {

namespace {

struct PartRecord {
  InboxMessage& m;  ///< Without its text; the row's name says whose it is, its id, pre-key and part.
  std::uint8_t parts = 0;
  UnixTime since{};
  Bytes text;
  static void fields(auto& ar, auto& self) {
    wire::fields(ar, self.m.instance, self.m.sequence, self.m.floor, self.m.kind, self.m.sent_at,
                 self.m.show_until, self.parts, self.since, wire::bounded<limits::large_text>(self.text));
  }
};

/// Bytes charged for a part: one without text takes memory too.
std::size_t part_cost(const Bytes& text) noexcept {
  return text.size() + Inbox::part_overhead_bytes;
}

}  // namespace

Bytes Inbox::part_name(const Sealing& sealing, std::uint8_t part) {
  const auto& [message, pre_key] = sealing;
  return state_key(Table::part, {message.first, message.second, pre_key, ByteView(&part, 1)});
}

bool Inbox::load_part(const store::StateEntry& entry) {
  const ByteView name = ByteView(entry.key).subspan(1);
  constexpr std::size_t id_at = sizeof(FriendKey);
  constexpr std::size_t pre_key_at = id_at + sizeof(crypto::MessageId);
  if (name.size() != pre_key_at + sizeof(crypto::PreKeyId) + 1) {
    return false;
  }
  InboxMessage message;
  message.from = id_from<FriendKey>(name);
  message.id = id_from<crypto::MessageId>(name.subspan(id_at));
  PartRecord record{message, 0, {}, {}};
  if (!read_record(services_.telemetry, entry, record)) {
    return true;
  }
  Assembly& assembly =
      assemblies_[{{message.from, message.id}, id_from<crypto::PreKeyId>(name.subspan(pre_key_at))}];
  assembly.bytes += part_cost(record.text);
  assembly_bytes_[message.from] += part_cost(record.text);
  assembly.parts = record.parts;
  assembly.since = record.since;
  assembly.texts[name.back()] = std::move(record.text);
  assembly.message = std::move(message);
  return true;
}

void Inbox::save_parts(const Sealing& sealing, Assembly& assembly, store::StateBatch& batch) {
  for (const auto& [part, text] : assembly.texts) {
    batch.push_back(put_record(part_name(sealing, part),
                               PartRecord{assembly.message, assembly.parts, assembly.since, text}));
  }
}

bool Inbox::receive_part(InboxMessage message, const crypto::EnvelopeHeader& header,
                         crypto::EnvelopeBody body, const PreKey& pre_key, Intake& intake) {
  const Sealing sealing{{message.from, message.id}, header.pre_key};
  const auto found = assemblies_.find(sealing);
  const std::size_t bytes = body.text.size() + (found != assemblies_.end() ? found->second.bytes : 0);
  if (!admits(message.from, message.kind, std::min(bytes, limits::message_text))) {
    return false;
  }
  if (body.parts == 1) {
    message.text = std::move(body.text);
    complete(std::move(message), header.pre_key, pre_key, intake);
    return true;
  }
  if (found != assemblies_.end()) {
    const Assembly& old = found->second;
    if (old.parts != body.parts || old.message.sequence != message.sequence ||
        old.message.kind != message.kind) {
      services_.telemetry.refuse(Counter::refused_parts);
      return true;
    }
    if (old.texts.contains(body.part)) {
      services_.telemetry.count(Counter::duplicates_dropped);
      return true;
    }
  }
  if (!make_room(sealing, part_cost(body.text), intake.batch)) {
    services_.telemetry.refuse(Counter::refused_parts);
    return false;
  }
  Assembly& assembly = assemblies_[sealing];
  if (assembly.parts == 0) {
    assembly.parts = body.parts;
    assembly.since = services_.clock.stamp();
    assembly.message = message;
  }
  intake.batch.push_back(
      put_record(part_name(sealing, body.part), PartRecord{message, body.parts, assembly.since, body.text}));
  intake.parts.emplace_back(sealing, body.part);
  ++intake.taken;
  assembly.bytes += part_cost(body.text);
  assembly_bytes_[message.from] += part_cost(body.text);
  assembly.texts[body.part] = std::move(body.text);
  if (assembly.texts.size() < assembly.parts) {
    return true;
  }
  for (const auto& [part, text] : assembly.texts) {
    message.text.insert(message.text.end(), text.begin(), text.end());
  }
  complete(std::move(message), header.pre_key, pre_key, intake);
  return true;
}

/// Keeps a friend's incomplete messages within limits::incomplete_parts_bytes: drops the oldest ones.
bool Inbox::make_room(const Sealing& keep, std::size_t bytes, store::StateBatch& batch) {
  const FriendKey& from = keep.message.first;
  while (assembly_bytes_[from] + bytes > limits::incomplete_parts_bytes) {
    auto oldest = assemblies_.end();
    for (auto it = assemblies_.begin(); it != assemblies_.end(); ++it) {
      if (it->first.message.first == from && it->first != keep && !committing_.contains(it->first.message) &&
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

std::vector<Inbox::Sealing> Inbox::sealings_of(const MessageKey& message) const {
  std::vector<Sealing> all;
  for (auto it = assemblies_.lower_bound({message, {}}); it != assemblies_.end(); ++it) {
    if (it->first.message != message) {
      break;
    }
    all.push_back(it->first);
  }
  return all;
}

void Inbox::drop_assemblies(const MessageKey& message, store::StateBatch& batch) {
  for (const Sealing& sealing : sealings_of(message)) {
    drop_assembly(sealing, batch);
  }
}

void Inbox::erase_parts(const Sealing& sealing, store::StateBatch& batch) const {
  for (const auto& [part, text] : assemblies_.at(sealing).texts) {
    batch.push_back(erase_record(part_name(sealing, part)));
  }
}

void Inbox::drop_assembly(const Sealing& sealing, store::StateBatch& batch) {
  const auto found = assemblies_.find(sealing);
  if (found == assemblies_.end()) {
    return;
  }
  erase_parts(sealing, batch);
  assembly_bytes_[sealing.message.first] -= found->second.bytes;
  assemblies_.erase(found);
}

/// Removes a part that could not be written to the disk.
void Inbox::undo_part(const Sealing& sealing, std::uint8_t part) {
  const auto found = assemblies_.find(sealing);
  if (found == assemblies_.end() || !found->second.texts.contains(part)) {
    return;
  }
  Assembly& assembly = found->second;
  const std::size_t cost = part_cost(assembly.texts[part]);
  assembly.texts.erase(part);
  assembly.bytes -= cost;
  assembly_bytes_[sealing.message.first] -= cost;
  if (assembly.texts.empty()) {
    assemblies_.erase(found);
  }
}

}  // namespace toxasync::manager
