// SPDX-License-Identifier: GPL-3.0-or-later
#include "manager/contact/first_contact.hpp"

#include <algorithm>

namespace toxasync::manager {

FirstContact::FirstContact(const Services& services, const ContactNodes& nodes, BundleExchange& bundles,
                           ContactListener& listener)
    : pairs_(services, nodes, bundles, health_),
      requests_out_(services, nodes, bundles, health_, listener),
      requests_in_(services, nodes, pairs_, requests_out_, listener) {}

bool FirstContact::load(const store::StateEntry& entry) {
  return pairs_.load(entry) || requests_out_.load(entry) || requests_in_.load(entry);
}

void FirstContact::on_friend_added(const FriendKey& key, Now now) {
  pairs_.add(key, now);
}

void FirstContact::on_friend_removed(const FriendKey& key, store::StateBatch& batch, Now now) {
  pairs_.remove(key, batch);
  requests_in_.on_removed(key, batch);
  requests_out_.cancel(key, now);
}

void FirstContact::nodes_changed(Now now) {
  pairs_.look_again_at_all(now);
  requests_out_.look_again_at_all(now);
}

void FirstContact::tick(Now now) {
  pairs_.tick(now);
  requests_out_.tick(now);
  requests_in_.tick(now);
}

void FirstContact::drop_expired(const CertainDate& date, store::StateBatch& batch) {
  pairs_.drop_expired(date, batch);
  requests_in_.drop_expired(date, batch);
}

SteadyTime FirstContact::next_deadline() const noexcept {
  return std::min({pairs_.next_deadline(), requests_out_.next_deadline(), requests_in_.next_deadline()});
}

}  // namespace toxasync::manager
