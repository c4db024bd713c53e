// SPDX-License-Identifier: GPL-3.0-or-later
#include "client/event_queue.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

namespace toxasync::client {

namespace {

/// Makes the call of one event.
class Delivery {
 public:
  Delivery(OperationId id, Now now) : id_(id), now_(now) {}

  void operator()(EventQueue::Stored& event) const { event.listener->on_stored(id_, event.what, now_); }
  void operator()(EventQueue::Fetched& event) const {
    event.listener->on_envelopes(id_, std::move(event.what), now_);
  }
  void operator()(EventQueue::Retrieved& event) const { event.listener->on_retrieved(id_, event.what, now_); }
  void operator()(EventQueue::Announced& event) const { event.listener->on_announced(id_, now_); }
  void operator()(EventQueue::PeersNamed& event) const { event.listener->on_peers(id_, event.what, now_); }
  void operator()(EventQueue::Discovered& event) const {
    event.listener->on_discovered(id_, event.what, now_);
  }
  void operator()(EventQueue::News& event) const { event.listener->on_node_news(event.what, now_); }

 private:
  OperationId id_;
  Now now_;
};

}  // namespace

void EventQueue::push_for_tick(OperationId id, Event event, Now now) {
  if (for_tick_.empty()) {
    for_tick_since_ = now.steady;
  }
  for_tick_.push_back({id, std::move(event)});
}

void EventQueue::drop(OperationId id) {
  const auto is_of_it = [id](const Entry& entry) { return entry.id == id; };
  std::erase_if(due_, is_of_it);
  std::erase_if(for_tick_, is_of_it);
}

void EventQueue::on_tick() {
  std::ranges::move(for_tick_, std::back_inserter(due_));
  for_tick_.clear();
}

void EventQueue::deliver(Now now) {
  if (delivering_) {
    return;  // a listener called tick: the loop below delivers what came of it
  }
  delivering_ = true;
  while (!due_.empty()) {
    Entry entry = std::move(due_.front());
    due_.pop_front();
    std::visit(Delivery(entry.id, now), entry.event);
  }
  delivering_ = false;
}

}  // namespace toxasync::client
