// SPDX-License-Identifier: GPL-3.0-or-later
#include "client/retrieve_operation.hpp"

#include <algorithm>
#include <utility>

#include "client/node_directory.hpp"

namespace toxasync::client {

RetrieveOperation::RetrieveOperation(RetrieveJob job, std::uint8_t window) noexcept
    : job_(std::move(job)), window_(window), cursor_(job_.cursor(0)) {}

SessionName RetrieveOperation::session() const noexcept {
  return {job_.node, Purpose::retrieve, job_.p, {}};
}

bool RetrieveOperation::agree(crypto::Wiped<32>& shared, const crypto::Point& node_key) const noexcept {
  return job_.owner.apply(shared, node_key);
}

protocol::RetrieveRequest RetrieveOperation::request(std::uint64_t counter) const {
  protocol::RetrieveRequest request;
  request.counter = counter;
  request.op = job_.subscribe ? protocol::RetrieveOp::subscribe : protocol::RetrieveOp::list;
  request.window = window_;
  request.mailbox = job_.p;
  request.cursor = cursor_;
  request.boxes = list().tags;
  request.ids_to_delete = ids_to_delete_;
  return request;
}

Result<RetrieveOperation::Step, Counter> RetrieveOperation::on_page(protocol::Page page, bool late) {
  if (const auto reason = fault(page)) {
    return *reason;
  }
  result_.reachable = true;
  result_.node_time = unix_time(page.node_time_s);
  if ((page.flags & protocol::Page::flag_try_later) != 0) {
    result_.retry_after = seconds{page.retry_after_s};
    return Step::ended;
  }
  if (page.counter > collecting_) {
    pages_.clear();
    collecting_ = page.counter;
  }
  const std::uint8_t count = page.count;
  const std::uint8_t index = page.index;
  pages_.emplace(index, std::move(page));
  return pages_.size() == count ? close_window(late) : Step::wait;
}

RetrieveOperation::Step RetrieveOperation::on_timeout(bool late) {
  return pages_.contains(0) ? close_window(late) : Step::wait;
}

std::vector<FetchedEnvelope> RetrieveOperation::hand_over_envelopes() {
  handed_over_ = true;
  return std::exchange(envelopes_, {});
}

void RetrieveOperation::resume(std::span<const crypto::EnvelopeId> keep) {
  handed_over_ = false;
  left_.insert(keep.begin(), keep.end());
  result_.left = !left_.empty();
  std::erase_if(ids_to_delete_, [this](const auto& id) { return left_.contains(id); });
}

std::optional<Counter> RetrieveOperation::fault(const protocol::Page& page) const noexcept {
  if (!page.valid()) {
    return Counter::refused_message_malformed;
  }
  for (const auto& envelope : page.envelopes) {
    if (!limits::is_envelope_size(envelope.bytes.size())) {
      return Counter::refused_envelope_size;
    }
    if (!std::ranges::binary_search(list().tags, id_from<crypto::BoxTag>(envelope.box))) {
      return Counter::refused_message_malformed;
    }
  }
  if (page.counter < collecting_ || page.count > window_) {
    return Counter::refused_answer;
  }
  const bool same_window = page.counter == collecting_ && !pages_.empty();
  if (same_window && (page.count != pages_.begin()->second.count || pages_.contains(page.index))) {
    return Counter::refused_answer;
  }
  return cursor_rises(page) ? std::nullopt : std::optional(Counter::refused_answer);
}

/// Whether the page's cursor lies above that of the page before it and below that of the page after it, as
/// far as they are here: so a retrieve makes progress with every page. A page that says that the mailbox is
/// empty is exempt.
bool RetrieveOperation::cursor_rises(const protocol::Page& page) const noexcept {
  const bool says_nothing =
      page.count == 1 && page.envelopes.empty() && (page.flags & protocol::Page::flag_more) == 0;
  if (says_nothing) {
    return true;
  }
  if (page.cursor <= cursor_) {
    return false;
  }
  if (page.counter != collecting_) {
    return true;
  }
  const auto after = pages_.upper_bound(page.index);
  const bool below_next = after == pages_.end() || page.cursor < after->second.cursor;
  const bool above_last = after == pages_.begin() || page.cursor > std::prev(after)->second.cursor;
  return below_next && above_last;
}

RetrieveOperation::Step RetrieveOperation::close_window(bool late) {
  auto pages = std::exchange(pages_, {});
  collecting_ = 0;
  ids_to_delete_.clear();  // by this request: it was answered
  const std::uint8_t count = pages.begin()->second.count;
  const std::uint64_t begun_at = cursor_;
  std::uint8_t read = 0;
  bool more = true;
  for (auto& [index, page] : pages) {
    if (index != read) {
      break;  // a gap: what follows is sent again
    }
    ++read;
    more = read < count || (page.flags & protocol::Page::flag_more) != 0;
    add_page(page);
  }
  if (ids_to_delete_.empty() && !more) {
    result_.cursors.push_back(cursor_);
    if (++list_ < job_.lists->size()) {
      cursor_ = job_.cursor(list_);
      read_of_box_ = {};
      return Step::request;
    }
    result_.complete = true;
    return Step::ended;
  }
  if (late || read_ > most_envelopes || empty_pages_ > most_empty_pages ||
      std::ranges::max(read_of_box_) > most_envelopes_of_box) {
    end_early(begun_at);
    return Step::ended;
  }
  return envelopes_.empty() ? Step::request : Step::hand_over;
}

/// What is to be read next is what was not handed over.
void RetrieveOperation::end_early(std::uint64_t cursor) {
  result_.endless = true;
  result_.cursors.push_back(cursor);
  for (std::size_t list = list_ + 1; list < job_.lists->size(); ++list) {
    result_.cursors.push_back(job_.cursor(list));
  }
}

void RetrieveOperation::add_page(const protocol::Page& page) {
  cursor_ = std::max(cursor_, page.cursor);
  read_ += page.envelopes.size();
  empty_pages_ += page.envelopes.empty() ? 1 : 0;
  result_.read = read_ + empty_pages_;
  for (const auto& envelope : page.envelopes) {
    // Tags are short: other boxes have one of ours by chance, or because somebody has tried keys until then.
    const auto& boxes = list().boxes;
    const auto box = std::ranges::lower_bound(boxes, envelope.box, {}, &protocol::ListedBox::name);
    if (box == boxes.end() || box->name != envelope.box) {
      result_.skipped = true;
      continue;
    }
    ++read_of_box_.at(static_cast<std::size_t>(box - boxes.begin()));
    add_envelope(box->w, envelope.bytes);
  }
}

void RetrieveOperation::add_envelope(const crypto::Point& w, const Bytes& bytes) {
  const auto id = crypto::envelope_id({job_.p, w}, bytes);
  // What does not fit comes in the next retrieve again.
  if (!left_.contains(id) && ids_to_delete_.size() < limits::ids_per_request &&
      std::ranges::find(ids_to_delete_, id) == ids_to_delete_.end()) {
    ids_to_delete_.push_back(id);
  }
  if (seen_.insert(id).second) {
    envelopes_.push_back({w, bytes});
  }
}

}  // namespace toxasync::client
