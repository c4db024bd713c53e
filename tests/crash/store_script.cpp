// SPDX-License-Identifier: GPL-3.0-or-later
#include "store_script.hpp"

#include <stdexcept>

namespace toxasync::crash {

namespace {

using store::test::commitment;
using store::test::mailbox;
using store::test::record;

/// Depends on the record only, as an envelope's id does on its content. Never 0xff, which proves nothing.
std::uint8_t mark_of(const Operation& operation) {
  return static_cast<std::uint8_t>(operation.record * 7 + operation.mailbox) & 0x7fU;
}

/// Of two writers; the box of the second one is not always listed.
store::Box box_of(const Operation& operation) {
  return store::test::box(operation.mailbox, operation.record % 2 == 0 ? 1 : 2);
}

const std::vector<store::BoxTag> both_boxes{store::test::tag(2), store::test::tag(1)};

std::size_t size_of(const Operation& operation) {
  return 17 + (operation.record * 263U + operation.mailbox * 97U) % 1400;
}

}  // namespace

StoreScript::StoreScript(std::uint64_t seed, std::size_t operations) {
  test::SeededRandom random(seed);
  UnixTime now{1000s};
  std::size_t group_left = 1;
  for (std::size_t i = 0; i < operations; ++i) {
    Operation next;
    now += random.below(20s);
    next.now = now;
    next.expires_at = now + 50s + random.below(1500s);
    next.mailbox = static_cast<std::uint8_t>(random.below(mailboxes));
    next.record = static_cast<std::uint16_t>(random.below(records));
    const auto dice = random.below(100);
    next.kind = dice < 60   ? Operation::Kind::put
                : dice < 75 ? Operation::Kind::remove
                : dice < 85 ? Operation::Kind::cancel
                : dice < 93 ? Operation::Kind::expire
                            : Operation::Kind::list;
    next.ends_group = --group_left == 0 || i + 1 == operations;
    if (next.ends_group) {
      group_left = 1 + random.below(random.chance(200) ? 40 : 5);
      next.reopens = random.chance(60);
    }
    operations_.push_back(next);
  }
  store::MemoryStore model(limits());
  after_.push_back(holdings_of(model));
  store::test::Results results;
  for (const Operation& operation : operations_) {
    apply(model, 0, operation);
    model.submit();
    model.poll(results);
    after_.push_back(holdings_of(model));
  }
}

store::StoreLimits StoreScript::limits() {
  store::StoreLimits limits;
  limits.box_messages = 10;
  limits.box_records = 12;
  limits.capacity_bytes = 45'000;
  return limits;
}

void StoreScript::apply(store::Store& store, store::Token token, const Operation& operation) {
  const store::Box box = box_of(operation);
  const auto id = record(operation.record);
  switch (operation.kind) {
    case Operation::Kind::put:
      store.put(token, box, id, Bytes(size_of(operation), mark_of(operation)), operation.expires_at,
                operation.now);
      break;
    case Operation::Kind::remove:
      store.remove(token, box.mailbox, std::vector<store::RecordId>{id});
      break;
    case Operation::Kind::cancel:
      store.cancel(token, box.mailbox, id, commitment(mark_of(operation)));
      break;
    case Operation::Kind::expire:
      store.expire(operation.now, 8);
      break;
    case Operation::Kind::list:
      store.list(token, box.mailbox, operation.record % 3 == 0 ? store::test::first_box : both_boxes, 0,
                 {7, 1U << 20}, operation.now);
      break;
  }
}

std::optional<Holdings> StoreScript::holdings_of(store::RecordTable& table) {
  Holdings found;
  found.slots.resize(std::size_t{mailboxes} * records);
  std::vector<store::RecordTable::Row> rows;
  std::int64_t after = 0;
  for (bool more = true; more;) {
    if (table.read(after, 64, rows, more) != store::DbStatus::ok) {
      return std::nullopt;
    }
    for (const auto& row : rows) {
      const Operation of{.mailbox = row.box.mailbox[0], .record = load_le<std::uint16_t>(row.id.data())};
      if (of.mailbox >= mailboxes || of.record >= records) {
        continue;  // Of use().
      }
      Holdings::Slot& slot = found.slots.at(StoreScript::slot(of.mailbox, of.record));
      if (row.kind != store::RecordKind::live) {
        slot.kind =
            row.kind == store::RecordKind::removed ? Holdings::Kind::removed : Holdings::Kind::cancelled;
        continue;
      }
      // What is not as it was stored has a size that is none.
      const bool whole = row.value == Bytes(size_of(of), mark_of(of)) && row.box == box_of(of);
      slot = {Holdings::Kind::live, row.expires_at, whole ? row.value.size() : 0, row.given};
    }
  }
  const store::StoreStats stats = table.stats();
  found.messages = stats.messages;
  found.bytes = stats.bytes;
  found.tombstones = stats.tombstones;
  return found;
}

// Looks at copies, because to list a record, or to cancel it, changes it.
Holdings StoreScript::holdings_of(const store::MemoryStore& model) {
  store::MemoryStore to_cancel(model), to_list(model);
  store::test::Results results;
  for (std::uint8_t number = 0; number < mailboxes; ++number) {
    to_list.list(number, mailbox(number), both_boxes, 0, {1000, 1U << 20}, {});
    for (std::uint16_t i = 0; i < records; ++i) {
      const Operation of{.mailbox = number, .record = i};
      to_cancel.cancel(slot(number, i), mailbox(number), record(i), commitment(mark_of(of)));
    }
  }
  for (store::MemoryStore* const copy : {&to_cancel, &to_list}) {
    copy->submit();
    copy->poll(results);
  }
  Holdings found;
  found.slots.resize(std::size_t{mailboxes} * records);
  for (const auto& [token, status] : results.cancels) {
    found.slots[token].kind = status == store::CancelStatus::removed     ? Holdings::Kind::removed
                              : status == store::CancelStatus::cancelled ? Holdings::Kind::cancelled
                                                                         : Holdings::Kind::none;
  }
  for (const auto& [token, list] : results.lists) {
    for (const auto& listed : list.records) {
      auto& at =
          found.slots.at(slot(static_cast<std::uint8_t>(token), load_le<std::uint16_t>(listed.id.data())));
      at = {Holdings::Kind::live, listed.expires_at, listed.value.size(), at.kind == Holdings::Kind::removed};
    }
  }
  const store::StoreStats stats = model.stats();
  found.messages = stats.messages;
  found.bytes = stats.bytes;
  found.tombstones = stats.tombstones;
  return found;
}

Verdict StoreScript::judge(const Holdings& found, std::size_t acknowledged, std::size_t begun) const {
  Verdict verdict;
  bool some_prefix = false;
  for (std::size_t i = acknowledged; i <= begun; ++i) {
    some_prefix = some_prefix || found == after_.at(i);
  }
  for (std::size_t at = 0; at < found.slots.size(); ++at) {
    const auto& sure = after_.at(acknowledged).slots[at];
    bool settled = true;
    for (std::size_t i = acknowledged; i <= begun; ++i) {
      settled = settled && after_.at(i).slots[at] == sure;
    }
    if (!settled || sure.kind == Holdings::Kind::none) {
      continue;
    }
    ++verdict.acknowledged;
    if (found.slots[at] != sure) {
      ++verdict.lost;
      if (sure.kind != Holdings::Kind::live && found.slots[at].kind == Holdings::Kind::live) {
        verdict.wrong = "what was removed came back";
      }
    }
  }
  if (!some_prefix && verdict.lost == 0) {
    verdict.wrong = "what is there was not made by the first so many operations";
  }
  return verdict;
}

}  // namespace toxasync::crash
