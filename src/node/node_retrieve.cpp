// SPDX-License-Identifier: GPL-3.0-or-later
#include <algorithm>
#include <utility>

#include "node/node.hpp"
#include "node/page_packer.hpp"

// Retrieve requests: docs/protocol.md, section 6, "Retrieve".

namespace toxasync::node {

using protocol::Page;

void Node::on_retrieve(const Request& request, const protocol::RetrieveRequest& message) {
  // Whoever has no right to the mailbox learns nothing, not even that their tag was wrong.
  const auto refuse = [&](Counter reason) {
    telemetry_.refuse(reason);
    answer_empty_page(request.path, request.now, message.cursor);
  };
  if (message.op == protocol::RetrieveOp::peers) {
    return answer_peers(request.path, request.now);
  }
  if (message.op != protocol::RetrieveOp::list && message.op != protocol::RetrieveOp::subscribe) {
    return refuse(Counter::refused_operation);
  }
  if (!crypto::is_canonical(message.mailbox)) {
    return refuse(Counter::refused_point);
  }
  switch (check_tag(request, crypto::TagKind::owner, message.mailbox, message.owner_tag,
                    protocol::RetrieveRequest::tag_offset)) {
    case TagCheck::no_tokens:
      return answer_not_served(request.path, request.now, message.cursor, key_agreement_retry_);
    case TagCheck::bad_point:
      return refuse(Counter::refused_point);
    case TagCheck::wrong:
      return refuse(Counter::refused_owner_tag);
    case TagCheck::good:
      break;
  }
  if (pending_.full()) {
    telemetry_.refuse(Counter::refused_overloaded);
    return answer_not_served(request.path, request.now, message.cursor, overloaded_retry);
  }
  submit_retrieve(request, message);
}

/// Starts the deletion and the listing in the store at once: it keeps their order, and the answer waits for
/// both.
void Node::submit_retrieve(const Request& request, const protocol::RetrieveRequest& message) {
  const auto window = std::clamp<std::uint8_t>(message.window, 1, limits::window);
  const bool deletes = !message.ids_to_delete.empty();
  Pending pending{.path = request.path,
                  .received = request.now.steady,
                  .box = {message.mailbox, {}},
                  .deletes = message.ids_to_delete,
                  .cursor = message.cursor,
                  .window = window};
  pending.awaited = deletes ? 2 : 1;
  pending.subscribes = message.op == protocol::RetrieveOp::subscribe;
  if (pending.subscribes) {
    pending.boxes.assign(message.boxes.begin(), message.boxes.end());
  }
  const store::Token token = pending_.add(std::move(pending));
  try {
    if (deletes) {
      store_.remove(token, message.mailbox, message.ids_to_delete);
    }
    store_.list(token, message.mailbox, message.boxes, message.cursor, window_limits(window),
                clock_.earliest());
  } catch (...) {
    pending_.remove(token);
    throw;
  }
  group_open_ = true;
}

void Node::on_remove(store::Token token, const store::RemoveResult& result) noexcept {
  guarded(token, [&] {
    if (Pending* pending = pending_.find(token)) {
      if (pending->status == store::OpStatus::ok) {
        pending->status = result.status;
      }
      if (result.status == store::OpStatus::ok) {
        telemetry_.count(Counter::node_deleted, result.removed);
        quota_.fetched(pending->box.mailbox, pending->deletes, clock_.believed());
      }
      --pending->awaited;
      finish_retrieve(token);
    }
  });
}

void Node::on_list(store::Token token, store::ListResult&& result) noexcept {
  guarded(token, [&] {
    if (Pending* pending = pending_.find(token)) {
      if (pending->status == store::OpStatus::ok) {
        pending->status = result.status;
      }
      pending->records = std::move(result.records);
      pending->more = result.more;
      pending->reached = result.cursor;
      --pending->awaited;
      finish_retrieve(token);
    }
  });
}

void Node::finish_retrieve(store::Token token) {
  Pending& pending = *pending_.find(token);
  if (pending.awaited != 0) {
    return;
  }
  if (pending.status == store::OpStatus::ok) {
    auto pages =
        pack_pages(std::move(pending.records), pending.more, pending.cursor, pending.window, pending.reached);
    for (const Page& page : pages) {
      telemetry_.count(Counter::node_listed, page.envelopes.size());
    }
    const bool nothing_left = pages.back().envelopes.empty() && pages.back().flags == 0;
    answer_pages(pending.path, now_, std::move(pages));
    // Mail that was put before the listing is in it; what was put after it completes after it, and so finds
    // the subscription.
    if (pending.subscribes && nothing_left) {
      const bool evicted =
          subscriptions_.add(pending.box.mailbox, pending.path, std::move(pending.boxes), now_.steady);
      telemetry_.count(Counter::subscriptions_evicted, evicted ? 1 : 0);
      telemetry_.count(Counter::node_subscribed);
    }
  } else {
    const bool overloaded = pending.status == store::OpStatus::overloaded;
    telemetry_.count(overloaded ? Counter::refused_overloaded : Counter::store_failed);
    answer_not_served(pending.path, now_, pending.cursor, overloaded ? overloaded_retry : failed_retry);
  }
  telemetry_.observe(Timing::retrieve, now_.steady - pending.received);
  pending_.remove(token);
}

void Node::announce(const store::Box& box) noexcept {
  const auto path = subscriptions_.spend(box, now_.steady);
  const Session* session = path ? session_of(*path) : nullptr;
  if (session == nullptr) {
    return;  // nobody has subscribed, or their session is gone
  }
  const auto page = Page::announcement(path->counter, since_1970_s(clock_.believed()));
  telemetry_.count(Counter::node_announced);
  send_answer(*path, *session, cookies_.bake(path->route, path->session, now_.steady), page);
}

void Node::answer_empty_page(const ReplyPath& path, Now now, std::uint64_t cursor) {
  answer_pages(path, now, pack_pages({}, false, cursor, 1));  // as an empty mailbox does
}

void Node::answer_not_served(const ReplyPath& path, Now now, std::uint64_t cursor, seconds retry_after) {
  auto pages = pack_pages({}, false, cursor, 1);
  pages.front().flags = Page::flag_try_later;
  pages.front().retry_after_s = clamped_count<std::uint16_t, seconds>(retry_after);
  answer_pages(path, now, std::move(pages));
}

/// A few of those that are still valid, at random: a partial shuffle.
void Node::answer_peers(const ReplyPath& path, Now now) {
  const Session* session = answerable(path);
  if (session == nullptr) {
    return;
  }
  std::erase_if(peers_, [&](const Peer& peer) { return peer.valid_until <= clock_.earliest(); });
  protocol::Peers answer{path.counter, since_1970_s(clock_.believed()), {}};
  const std::size_t count = std::min(peers_.size(), limits::peers_per_answer);
  for (std::size_t i = 0; i < count; ++i) {
    std::swap(peers_[i], peers_[i + random_.below(peers_.size() - i)]);
    answer.descriptors.push_back({peers_[i].descriptor});
  }
  telemetry_.count(Counter::node_peers_told, count);
  send_answer(path, *session, cookies_.bake(path.route, path.session, now.steady), answer);
}

void Node::answer_pages(const ReplyPath& path, Now now, std::vector<Page>&& pages) noexcept {
  const Session* session = answerable(path);
  if (session == nullptr) {
    return;
  }
  const auto cookie = cookies_.bake(path.route, path.session, now.steady);
  for (Page& page : pages) {
    page.counter = path.counter;
    page.node_time_s = since_1970_s(clock_.believed());
    send_answer(path, *session, cookie, page);
    telemetry_.count(Counter::node_pages);
  }
}

}  // namespace toxasync::node
