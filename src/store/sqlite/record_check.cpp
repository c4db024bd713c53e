// SPDX-License-Identifier: GPL-3.0-or-later
// What reads a whole store: its check, and the import into another engine.
#include "store/sqlite/record_check.hpp"

#include <algorithm>
#include <map>
#include <utility>
#include <vector>

#include "store/sqlite/record_table.hpp"

namespace toxasync::store {

RecordCheck RecordTable::check() {
  RecordCheck result;
  DbStatus status = DbStatus::ok;
  check_pages(result, status);
  std::map<std::int64_t, BoxRow> counted;
  check_records(result, counted, status);
  check_tombstones(result, counted, status);
  check_boxes(result, counted, status);
  result.wrong_totals =
      status == DbStatus::ok && (static_cast<std::uint64_t>(totals_.messages) != result.messages ||
                                 static_cast<std::uint64_t>(totals_.bytes) != result.bytes ||
                                 static_cast<std::uint64_t>(totals_.tombstones) != result.tombstones);
  result.unreadable = status != DbStatus::ok;
  return result;
}

void RecordTable::check_pages(RecordCheck& result, DbStatus& status) {
  const Statement statement = db().prepare(
      ("PRAGMA integrity_check(" + std::to_string(RecordCheck::most_pages_told) + ")").c_str(), status);
  Query query(statement);
  while (query.next()) {
    const ByteView text = query.blob(0);
    std::string line(text.begin(), text.end());
    if (line != "ok") {
      result.pages.push_back(std::move(line));
    }
  }
  status = query.status();
}

void RecordTable::check_records(RecordCheck& result, std::map<std::int64_t, BoxRow>& counted,
                                DbStatus& status) {
  if (status != DbStatus::ok) {
    return;
  }
  const Statement statement = db().prepare("SELECT exp, mailbox, box, id, value, sum FROM rec", status);
  Query query(statement);
  while (query.next()) {
    const ByteView box = query.blob(2), value = query.blob(4);
    const auto sum = checksum(query.blob(1), box, query.blob(3), query.time(0), Kind::live, value);
    result.damaged += std::ranges::equal(query.blob(5), sum) ? 0 : 1;
    BoxRow& row = counted[box_key(box)];
    ++result.messages;
    result.bytes += value.size();
    ++row.messages;
    row.bytes += static_cast<std::int64_t>(value.size());
  }
  status = query.status();
}

void RecordTable::check_tombstones(RecordCheck& result, std::map<std::int64_t, BoxRow>& counted,
                                   DbStatus& status) {
  if (status != DbStatus::ok) {
    return;
  }
  const Statement statement =
      db().prepare("SELECT exp, mailbox, box, id, sum, cancelled FROM tombstone", status);
  Query query(statement);
  while (query.next()) {
    const ByteView box = query.blob(2);
    const auto sum =
        checksum(query.blob(1), box, query.blob(3), query.time(0), kind_of_tombstone(query.integer(5)), {});
    result.damaged += std::ranges::equal(query.blob(4), sum) ? 0 : 1;
    ++result.tombstones;
    ++counted[box_key(box)].tombstones;
  }
  status = query.status();
}

void RecordTable::check_boxes(RecordCheck& result, std::map<std::int64_t, BoxRow>& counted,
                              DbStatus& status) {
  if (status != DbStatus::ok) {
    return;
  }
  const Statement statement = db().prepare("SELECT bk, n, bytes, tombstones FROM box", status);
  Query query(statement);
  while (query.next()) {
    const auto found = counted.find(query.integer(0));
    const bool right = found != counted.end() && found->second.messages == query.integer(1) &&
                       found->second.bytes == query.integer(2) &&
                       found->second.tombstones == query.integer(3);
    result.wrong_quotas += right ? 0 : 1;
    if (found != counted.end()) {
      counted.erase(found);
    }
  }
  result.wrong_quotas += counted.size();  // Records without a quota.
  status = query.status();
}

DbStatus RecordTable::read(std::int64_t& after, std::size_t max_rows, std::vector<Row>& rows, bool& more) {
  // Tombstones have no sequence. Here they are behind all records, whose sequences never get that far.
  constexpr std::int64_t tombstones_from = std::int64_t{1} << 62U;
  rows.clear();
  more = false;
  const bool live = after < tombstones_from;
  DbStatus status = DbStatus::ok;
  const Statement statement = db().prepare(
      live ? "SELECT seq, mailbox, box, id, exp, sum, value FROM rec WHERE seq>? ORDER BY seq LIMIT ?"
           : "SELECT n, mailbox, box, id, exp, sum, NULL, cancelled FROM tombstone WHERE n>? ORDER BY n "
             "LIMIT ?",
      status);
  if (status != DbStatus::ok) {
    return status;
  }
  Query query(statement);
  query.bind(live ? after : after - tombstones_from).bind(max_rows);
  while (query.next()) {
    more = true;
    const std::int64_t number = query.integer(0);
    after = live ? number : tombstones_from + number;
    const ByteView mailbox = query.blob(1), box = query.blob(2), id = query.blob(3), value = query.blob(6);
    const Kind kind = live ? Kind::live : kind_of_tombstone(query.integer(7));
    if (!std::ranges::equal(query.blob(5), checksum(mailbox, box, id, query.time(4), kind, value)) ||
        mailbox.size() != Mailbox::size() || box.size() != BoxKey::size() || id.size() != RecordId::size()) {
      count_damaged();
      continue;
    }
    BoxRow counts;
    if (status = read_box(box, counts); status != DbStatus::ok) {
      return status;
    }
    rows.push_back({{id_from<Mailbox>(mailbox), id_from<BoxKey>(box)},
                    id_from<RecordId>(id),
                    query.time(4),
                    kind,
                    live && number <= std::max(counts.given, given_),
                    Bytes(value.begin(), value.end())});
  }
  if (live && !more) {
    after = tombstones_from;
    more = true;
  }
  return query.status();
}

}  // namespace toxasync::store
