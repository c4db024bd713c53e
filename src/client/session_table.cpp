// SPDX-License-Identifier: GPL-3.0-or-later
#include "client/session_table.hpp"

namespace toxasync::client {

Session& SessionTable::find_or_create(const SessionName& name, Random& random) {
  const auto known = by_name_.find(name);
  if (known != by_name_.end()) {
    sessions_.splice(sessions_.begin(), sessions_, known->second);
    return *known->second;
  }
  make_room(name.purpose);
  sessions_.emplace_front(name, random);
  try {
    by_name_.emplace(name, sessions_.begin());
    by_x_.emplace(sessions_.front().x(), sessions_.begin());
  } catch (...) {
    by_name_.erase(name);
    sessions_.pop_front();
    throw;
  }
  stores_ += name.purpose == Purpose::store ? 1 : 0;
  return sessions_.front();
}

Session* SessionTable::find(const crypto::Point& x) noexcept {
  const auto at = by_x_.find(x);
  return at == by_x_.end() ? nullptr : &*at->second;
}

void SessionTable::forget_node(const protocol::NodeId& node) {
  for (auto session = sessions_.begin(); session != sessions_.end();) {
    const auto next = std::next(session);
    if (session->name().node == node) {
      erase(session);
    }
    session = next;
  }
}

void SessionTable::unsubscribe(OperationId operation) noexcept {
  for (Session& session : sessions_) {
    if (session.subscription && session.subscription->operation == operation) {
      session.subscription.reset();
    }
  }
}

void SessionTable::make_room(Purpose wanted) {
  if (sessions_.size() < capacity_) {
    return;
  }
  const std::size_t share = capacity_ - capacity_ / 4;  // of stores
  const bool drops_store = stores_ != share ? stores_ > share : wanted == Purpose::store;
  if (!drop_oldest(drops_store)) {
    (void)drop_oldest(!drops_store);
  }
}

bool SessionTable::drop_oldest(bool of_stores) {
  for (auto oldest = sessions_.end(); oldest != sessions_.begin();) {
    --oldest;
    if (oldest->users.empty() && (oldest->name().purpose == Purpose::store) == of_stores) {
      erase(oldest);
      return true;
    }
  }
  return false;
}

void SessionTable::erase(List::iterator session) {
  stores_ -= session->name().purpose == Purpose::store ? 1 : 0;
  by_name_.erase(session->name());
  by_x_.erase(session->x());
  sessions_.erase(session);
}

}  // namespace toxasync::client
