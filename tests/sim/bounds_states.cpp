// SPDX-License-Identifier: GPL-3.0-or-later
#include <algorithm>
#include <utility>

#include "bounds.hpp"
#include "manager/contact/pair_mail.hpp"
#include "manager/contact/request_inbox.hpp"
#include "manager/contact/request_outbox.hpp"
#include "manager/core/state_tables.hpp"
#include "manager/inbox/delivery_order.hpp"
#include "manager/inbox/inbox.hpp"
#include "manager/inbox/receipts.hpp"
#include "manager/keys/friend_book.hpp"
#include "manager/keys/key_ring.hpp"
#include "manager/nodes/address_budget.hpp"
#include "manager/nodes/home_nodes.hpp"
#include "manager/nodes/node_book.hpp"
#include "manager/outbox/message_sealer.hpp"
#include "manager/outbox/outgoing_messages.hpp"

// What is kept, on disks and in memory, and what one packet costs.

namespace toxasync::sim {

namespace {

/// For one packet or tick: a window of envelopes, each opened with the keys that it may be for, and messages
/// that are sealed; and a bundle for each friend.
constexpr std::size_t agreements_a_call =
    limits::window * limits::envelopes_per_page * (manager::KeyRing::roots_held + 2) +
    manager::MessageSealer::seals_per_tick * 4;
/// On the disk, in bytes: keys, nodes; for each hostile friend parts, ids, keys, mail that waits.
constexpr std::size_t state_bytes = 1'000'000;
constexpr std::size_t state_bytes_a_friend = 4'000'000;
constexpr std::size_t state_bytes_a_message = 100'000;
/// In memory, of each user and node, beside what is on their disks, which are in memory here.
constexpr std::size_t memory_of_one = 4'000'000;
constexpr std::size_t padding_rows = 256;

/// Of one friend.
const std::map<manager::Table, std::size_t> most_of_one{
    {manager::Table::friend_keys, limits::instances_per_friend},
    {manager::Table::friend_use, limits::instances_per_friend},
    {manager::Table::inbox, manager::DeliveryOrder::messages_waiting.each},
    {manager::Table::part, limits::incomplete_parts_bytes / manager::Inbox::part_overhead_bytes},
    {manager::Table::seen, manager::Inbox::ids_remembered.each},
    {manager::Table::receipt_due, manager::Receipts::due_per_friend},
    {manager::Table::order, manager::DeliveryOrder::orders_per_friend},
};

std::size_t bytes_of(const test::User& user) {
  std::size_t bytes = 0;
  for (const auto& [key, value] : user.state->durable()) {
    bytes += key.size() + value.size();
  }
  return bytes;
}

}  // namespace

std::uint64_t Bounds::bytes_on_nodes() const {
  std::uint64_t bytes = 0;
  for (const auto* const some : {&world_.nodes, &world_.other_nodes}) {
    for (const auto& node : *some) {
      bytes += node->store.stats().bytes;
    }
  }
  return bytes;
}

void Bounds::on_event() {
  most_agreements_ = std::max(most_agreements_, test::most_key_agreements());
  most_on_nodes_ = std::max(most_on_nodes_, bytes_on_nodes());
}

void Bounds::check_now(const Company& company) {
  on_event();
  must(Bound::agreements, most_agreements_,
       company.friends * manager::FriendBook::bundle_keys + agreements_a_call,
       "key agreements for one packet or tick");
  std::size_t on_disks = 0;
  for (const auto& user : world_.users) {
    check_state(*user, company);
    check_rows(*user, company);
    check_endless(*user);
    on_disks += bytes_of(*user);
  }
  on_disks += std::exchange(most_on_nodes_, bytes_on_nodes());
  const std::size_t ones = world_.users.size() + world_.nodes.size() + world_.other_nodes.size();
  must(Bound::memory, test::most_product_bytes(), 8 * on_disks + ones * memory_of_one, "bytes in memory");
}

void Bounds::check_services(const Company& company) {
  static const Bytes first{static_cast<std::uint8_t>(manager::Table::outbox)};
  static const Bytes behind{static_cast<std::uint8_t>(manager::Table::outbox) + 1};
  // Of receipts and of nacks one for each installation of a friend, and one for all others; a bundle for
  // each; and more where there are many ids.
  constexpr std::uint64_t for_a_friend =
      2 * (limits::instances_per_friend + 1) + limits::instances_per_friend;
  waiting_.resize(world_.users.size());
  for (std::size_t i = 0; i < waiting_.size(); ++i) {
    const auto& user = *world_.users[i];
    const auto& rows = user.state->durable();
    Waiting now = waiting_[i];
    now.rows = static_cast<std::uint64_t>(std::distance(rows.lower_bound(first), rows.lower_bound(behind)));
    now.is_known = user.running() && user.state->waiting() == 0;
    if (now.rows > waiting_[i].rows) {
      const auto sent = messages_.find(name_of(user.endpoint));
      now.asked_for = sent == messages_.end() ? 0 : sent->second;
      now.ids = user[Counter::receipts_sent] + user[Counter::nacks_sent];
    }
    const Waiting before = std::exchange(waiting_[i], now);
    if (before.is_known && now.rows > before.rows) {
      must(Bound::rows, now.rows - before.rows,
           now.asked_for - before.asked_for + company.friends * for_a_friend +
               (now.ids - before.ids) / manager::Receipts::ids_per_message,
           "messages that a user makes at once for receipts");
    }
  }
}

void Bounds::check_state(const test::User& user, const Company& company) const {
  const auto sent = messages_.find(name_of(user.endpoint));
  must(Bound::state, bytes_of(user),
       state_bytes + company.hostile_friends * state_bytes_a_friend +
           (sent == messages_.end() ? 0 : sent->second) * state_bytes_a_message,
       "bytes of the state of a user");
}

void Bounds::check_rows(const test::User& user, const Company& company) const {
  using manager::Table;
  const auto sent = messages_.find(name_of(user.endpoint));
  const std::size_t friends = company.friends;
  const std::size_t outgoing =
      (sent == messages_.end() ? 0 : sent->second) + friends * manager::OutgoingMessages::most_services.each;
  constexpr std::size_t homes = limits::home_nodes + manager::HomeNodes::most_retired;
  constexpr auto last_resorts =
      static_cast<std::size_t>((manager::KeyRing::use_for + manager::KeyRing::kept_longer) /
                                   manager::KeyRing::last_resort_replaced_after +
                               2);
  const std::map<Table, std::size_t> most{
      {Table::root, std::min<std::size_t>(manager::KeyRing::roots_held,
                                          manager::KeyRing::roots_replaced_soon + 1 + days_passed())},
      {Table::last_resort, last_resorts},
      {Table::one_time, friends * manager::FriendBook::keys_held},
      {Table::friend_record, friends},
      {Table::outbox, outgoing},
      {Table::target, outgoing * limits::instances_per_friend},
      {Table::progress, outgoing * limits::instances_per_friend},
      {Table::sealed_before, outgoing},
      {Table::ended, outgoing},
      {Table::home_node, homes},
      {Table::watermark, homes * manager::KeyRing::roots_held},
      {Table::request_out, manager::RequestOutbox::most_requests + friends},
      {Table::request_in, 1 + manager::RequestInbox::most_pending + manager::RequestInbox::most_remembered +
                              friends * manager::PairMail::parts},
      {Table::node, manager::NodeBook::most_unused + homes + friends * limits::home_nodes},
      {Table::host, manager::AddressBudget::most_remembered},
      {Table::padding, padding_rows},
      {Table::date, 1},
  };
  std::map<std::pair<Table, FriendKey>, std::size_t> rows;  // {}: of all friends
  for (const auto& [key, value] : user.state->durable()) {
    const auto table = static_cast<Table>(key[0]);
    const bool of_one = most_of_one.contains(table) && key.size() > sizeof(FriendKey);
    ++rows[{table, of_one ? id_from<FriendKey>(ByteView(key).subspan(1)) : FriendKey{}}];
  }
  for (const auto& [of, count] : rows) {
    const auto [table, who] = of;
    const auto& limits = who == FriendKey{} ? most : most_of_one;
    const auto limit = limits.find(table);
    std::string what = "rows of a user's table ";
    what += static_cast<char>(table);
    must(Bound::rows, count, limit == limits.end() ? 0 : limit->second, what);
  }
}

}  // namespace toxasync::sim
