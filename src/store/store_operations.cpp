// SPDX-License-Identifier: GPL-3.0-or-later
#include "store/store_operations.hpp"

#include <algorithm>

namespace toxasync::store {
namespace {

OpStatus status_of(JobFailure why) noexcept {
  return why == JobFailure::overloaded ? OpStatus::overloaded : OpStatus::failed;
}

}  // namespace

std::vector<BoxTag> named_tags(std::span<const BoxTag> boxes) {
  const auto named = boxes.first(std::min(boxes.size(), Store::boxes_per_list));
  std::vector<BoxTag> tags(named.begin(), named.end());
  std::ranges::sort(tags);
  tags.erase(std::unique(tags.begin(), tags.end()), tags.end());
  return tags;
}

bool ListFiller::add(const Candidate& record) {
  auto& [status, records, more, cursor] = list_.result;
  const std::size_t most = std::max<std::size_t>(list_.limits.max_records, 1);
  if (records.size() >= most || (!records.empty() && bytes_ + record.value.size() > list_.limits.max_bytes)) {
    more = true;
    return false;
  }
  cursor = record.sequence;
  bytes_ += record.value.size();
  const auto box = id_from<BoxKey>(record.box);
  records.push_back({record.sequence, id_from<RecordId>(record.id), record.expires_at, box,
                     Bytes(record.value.begin(), record.value.end())});
  std::uint64_t& mark = list_.marks[box];
  mark = std::max(mark, record.sequence);
  return true;
}

bool ListFiller::skip(std::uint64_t sequence) noexcept {
  list_.result.cursor = sequence;
  list_.result.more = ++skipped_ >= Store::skipped_per_list;
  return !list_.result.more;
}

void PutOperation::fail(JobFailure why) noexcept {
  result = {why == JobFailure::full         ? PutStatus::store_full
            : why == JobFailure::overloaded ? PutStatus::overloaded
                                            : PutStatus::failed,
            {}};
}

void ListOperation::fail(JobFailure why) noexcept {
  result = {};
  result.status = status_of(why);
}

void RemoveOperation::fail(JobFailure why) noexcept {
  result = {status_of(why), 0};
}

void CancelOperation::fail(JobFailure why) noexcept {
  result = why == JobFailure::overloaded ? CancelStatus::overloaded : CancelStatus::failed;
}

}  // namespace toxasync::store
