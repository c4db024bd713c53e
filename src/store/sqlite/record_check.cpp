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
  const Statement statement =
      db().prepare("SELECT exp, mailbox, box, id, value, sum, cancelled FROM rec", status);
  Query query(statement);
  while (query.next()) {
    const Kind kind = kind_of(!query.is_null(4), query.integer(6));
    const ByteView box = query.blob(2), value = query.blob(4);
    const auto sum = checksum(query.blob(1), box, query.blob(3), query.time(0), kind, value);
    result.damaged += std::ranges::equal(query.blob(5), sum) ? 0 : 1;
    BoxRow& row = counted[box_key(box)];
    if (kind != Kind::live) {
      ++result.tombstones;
      ++row.tombstones;
      continue;
    }
    ++result.messages;
    result.bytes += value.size();
    ++row.messages;
    row.bytes += static_cast<std::int64_t>(value.size());
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
  rows.clear();
  more = false;
  DbStatus status = DbStatus::ok;
  const Statement statement = db().prepare(
      "SELECT seq, mailbox, box, id, exp, value, cancelled, sum FROM rec WHERE seq>? ORDER BY seq LIMIT ?",
      status);
  if (status != DbStatus::ok) {
    return status;
  }
  Query query(statement);
  query.bind(after).bind(max_rows);
  while (query.next()) {
    more = true;
    after = query.integer(0);
    const ByteView mailbox = query.blob(1), box = query.blob(2), id = query.blob(3), value = query.blob(5);
    const Kind kind = kind_of(!query.is_null(5), query.integer(6));
    if (!std::ranges::equal(query.blob(7), checksum(mailbox, box, id, query.time(4), kind, value)) ||
        mailbox.size() != Mailbox::size() || box.size() != BoxKey::size() || id.size() != RecordId::size()) {
      count_damaged();
      continue;
    }
    BoxRow counts;
    if (status = read_box(box, counts); status != DbStatus::ok) {
      return status;
    }
    rows.push_back({after,
                    {id_from<Mailbox>(mailbox), id_from<BoxKey>(box)},
                    id_from<RecordId>(id),
                    query.time(4),
                    kind,
                    after <= std::max(counts.given, given_),
                    Bytes(value.begin(), value.end())});
  }
  return query.status();
}

}  // namespace toxasync::store
