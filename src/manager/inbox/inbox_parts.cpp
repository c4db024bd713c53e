// SPDX-License-Identifier: GPL-3.0-or-later
#include "manager/inbox/inbox.hpp"

// Inbox, messages in parts. The parts of one sealing belong together: a message that is sealed again with
// another pre-key starts anew, and whichever sealing is complete first is the message.

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
                 self.m.sent_at, self.m.show_until, self.part, self.parts, self.pre_key, self.since,
                 wire::bounded<limits::large_text>(self.text));
  }
};

Bytes part_key(const crypto::MessageId& id, const crypto::PreKeyId& pre_key, std::uint8_t part) {
  return state_key(Table::part, {id, pre_key, ByteView(&part, 1)});
}

/// Bytes charged for a part: one without text takes memory too.
std::size_t part_cost(const Bytes& text) noexcept {
  return text.size() + Inbox::part_overhead_bytes;
}

}  // namespace

void Inbox::load_part(const store::StateEntry& entry) {
  InboxMessage message;
  PartRecord record{message, 0, 0, {}, {}, {}};
  if (!read_record(services_.telemetry, entry, record)) {
    return;
  }
  Assembly& assembly = assemblies_[{message.id, record.pre_key, message.from}];
  assembly.bytes += part_cost(record.text);
  assembly_bytes_[message.from] += part_cost(record.text);
  assembly.parts = record.parts;
  assembly.since = record.since;
  assembly.texts[record.part] = std::move(record.text);
  assembly.message = std::move(message);
}

void Inbox::receive_part(InboxMessage message, const crypto::EnvelopeHeader& header,
                         crypto::EnvelopeBody body, const PreKey& pre_key, Intake& intake) {
  if (body.parts == 1) {
    message.text = std::move(body.text);
    complete(std::move(message), header.pre_key, pre_key, intake);
    return;
  }
  const Sealing sealing{message.id, header.pre_key, message.from};
  const auto found = assemblies_.find(sealing);
  if (found != assemblies_.end()) {
    const Assembly& old = found->second;
    if (old.parts != body.parts || old.message.sequence != message.sequence ||
        old.message.kind != message.kind) {
      services_.telemetry.refuse(Counter::refused_parts);
      return;
    }
    if (old.texts.contains(body.part)) {
      services_.telemetry.count(Counter::duplicates_dropped);
      return;
    }
  }
  if (!make_room(sealing, part_cost(body.text), intake.batch)) {
    services_.telemetry.refuse(Counter::refused_parts);
    return;
  }
  Assembly& assembly = assemblies_[sealing];
  if (assembly.parts == 0) {
    assembly.parts = body.parts;
    assembly.since = services_.clock.now().unix_time();
    assembly.message = message;
  }
  intake.batch.push_back(
      put_record(part_key(message.id, header.pre_key, body.part),
                 PartRecord{message, body.part, body.parts, header.pre_key, assembly.since, body.text}));
  intake.parts.emplace_back(sealing, body.part);
  assembly.bytes += part_cost(body.text);
  assembly_bytes_[message.from] += part_cost(body.text);
  assembly.texts[body.part] = std::move(body.text);
  if (assembly.texts.size() < assembly.parts) {
    return;
  }
  for (const auto& [part, text] : assembly.texts) {
    message.text.insert(message.text.end(), text.begin(), text.end());
  }
  complete(std::move(message), header.pre_key, pre_key, intake);
}

/// Keeps a friend's incomplete messages within limits::incomplete_parts_bytes: drops the oldest ones.
bool Inbox::make_room(const Sealing& keep, std::size_t bytes, store::StateBatch& batch) {
  while (assembly_bytes_[keep.from] + bytes > limits::incomplete_parts_bytes) {
    auto oldest = assemblies_.end();
    for (auto it = assemblies_.begin(); it != assemblies_.end(); ++it) {
      if (it->first.from == keep.from && it->first != keep && !committing_.contains(it->first.id) &&
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

std::vector<Inbox::Sealing> Inbox::sealings_of(const crypto::MessageId& id) const {
  std::vector<Sealing> all;
  for (auto it = assemblies_.lower_bound({id, {}, {}}); it != assemblies_.end() && it->first.id == id; ++it) {
    all.push_back(it->first);
  }
  return all;
}

void Inbox::drop_assemblies(const crypto::MessageId& id, store::StateBatch& batch) {
  for (const Sealing& sealing : sealings_of(id)) {
    drop_assembly(sealing, batch);
  }
}

void Inbox::erase_parts(const Sealing& sealing, store::StateBatch& batch) const {
  for (const auto& [part, text] : assemblies_.at(sealing).texts) {
    batch.push_back(erase_record(part_key(sealing.id, sealing.pre_key, part)));
  }
}

void Inbox::drop_assembly(const Sealing& sealing, store::StateBatch& batch) {
  const auto found = assemblies_.find(sealing);
  if (found == assemblies_.end()) {
    return;
  }
  erase_parts(sealing, batch);
  assembly_bytes_[sealing.from] -= found->second.bytes;
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
  assembly_bytes_[assembly.message.from] -= cost;
  if (assembly.texts.empty()) {
    assemblies_.erase(found);
  }
}

}  // namespace toxasync::manager
