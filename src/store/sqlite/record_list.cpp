// SPDX-License-Identifier: GPL-3.0-or-later
// Lists: docs/state.md, "A node's files".
#include <algorithm>

#include "crypto/symmetric.hpp"
#include "store/sqlite/record_table.hpp"

namespace toxasync::store {

std::int64_t RecordTable::list_key(const Mailbox& mailbox, ByteView tag) const noexcept {
  constexpr std::uint64_t tag_bits = 0xffffff;
  static_assert(BoxTag::size() == 3);
  const std::uint64_t number = std::uint64_t{tag[0]} << 16U | std::uint64_t{tag[1]} << 8U | tag[2];
  return static_cast<std::int64_t>((crypto::siphash(hash_key_, mailbox) & ~tag_bits) | number);
}

// Merges the boxes by sequence, and reads no more of each than is listed.
DbStatus RecordTable::apply(ListOperation& list) {
  ListFiller filler(list);
  Heads heads;
  DbStatus status = find_heads(list, heads);
  for (bool room = true; status == DbStatus::ok && room && !heads.empty();) {
    const Head head = heads.top();
    heads.pop();
    status = add_listed(list, head, filler, room);
    if (status == DbStatus::ok && room) {
      status = push_head(heads, head, head.sequence);
    }
  }
  for (auto mark = list.marks.begin(); status == DbStatus::ok && mark != list.marks.end(); ++mark) {
    status = Query(statements_.mark_given).bind(mark->second).bind(box_key(mark->first)).run();
  }
  return status;
}

// Goes from box to box as they are named or are there, whichever is further: so what is not there costs
// nothing, nor what is not named.
DbStatus RecordTable::find_heads(const ListOperation& list, Heads& heads) {
  const auto after = static_cast<std::int64_t>(std::min<std::uint64_t>(list.after, INT64_MAX));
  const std::vector<BoxTag> named = named_tags(list.boxes);
  for (auto tag = named.begin(); tag != named.end();) {
    Query query(statements_.next_box);
    query.bind(list_key(list.mailbox, *tag));
    if (!query.next()) {
      return query.status();
    }
    const std::int64_t there = query.integer(0);
    tag = std::find_if(tag, named.end(),
                       [&](const BoxTag& next) { return list_key(list.mailbox, next) >= there; });
    if (tag != named.end() && list_key(list.mailbox, *tag) == there) {
      if (const DbStatus status = push_head(heads, {0, there, *tag}, after); status != DbStatus::ok) {
        return status;
      }
      ++tag;
    }
  }
  return DbStatus::ok;
}

DbStatus RecordTable::push_head(Heads& heads, Head head, std::int64_t after) {
  Query query(statements_.next_in_box);
  query.bind(head.list_key).bind(after);
  if (query.next()) {
    head.sequence = query.integer(0);
    heads.push(head);
  }
  return query.status();
}

DbStatus RecordTable::add_listed(const ListOperation& list, const Head& head, ListFiller& filler,
                                 bool& room) {
  const auto sequence = static_cast<std::uint64_t>(head.sequence);
  Query row(statements_.record);
  row.bind(head.sequence);
  if (!row.next()) {
    room = filler.skip(sequence);
    return row.status();  // If ok, an entry of the index without a row.
  }
  const UnixTime expires_at = row.time(0);
  if (expires_at <= list.now) {
    room = filler.skip(sequence);
    return DbStatus::ok;
  }
  const ByteView mailbox = row.blob(1), box = row.blob(2), id = row.blob(3), value = row.blob(4);
  if (!std::ranges::equal(row.blob(5), checksum(mailbox, box, id, expires_at, Kind::live, value))) {
    count_damaged();
    room = filler.skip(sequence);
  } else if (!std::ranges::equal(mailbox, list.mailbox) || !has_tag(box, head.tag)) {
    room = filler.skip(sequence);
  } else {
    room = filler.add({sequence, box, id, expires_at, value});
  }
  return DbStatus::ok;
}

}  // namespace toxasync::store
