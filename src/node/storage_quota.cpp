// SPDX-License-Identifier: GPL-3.0-or-later
#include "node/storage_quota.hpp"

#include <algorithm>
#include <numeric>

namespace toxasync::node {

namespace {

constexpr std::uint64_t day_s = 86400;
constexpr double shortest_ttl_level = 0.9;
/// What a source, and each larger network that it lies in, may hold of what is free: an eighth, ...
constexpr std::array<std::uint64_t, 3> parts = {8, 4, 2};

}  // namespace

double Fill::level() const noexcept {
  return used >= capacity ? 1 : static_cast<double>(used) / static_cast<double>(capacity);
}

std::uint32_t longest_ttl_s(const Fill& fill) noexcept {
  constexpr double longest = limits::largest_time_to_live_s;
  constexpr double shortest = day_s;
  const double past =
      (fill.level() - StorageQuota::unshared_level) / (shortest_ttl_level - StorageQuota::unshared_level);
  return static_cast<std::uint32_t>(longest - std::clamp(past, 0.0, 1.0) * (longest - shortest));
}

std::int64_t StorageQuota::slot_of(std::int64_t unix_s) noexcept {
  return unix_s / slot_s + (unix_s % slot_s > 0 ? 1 : 0);
}

void StorageQuota::Account::advance(std::int64_t now_s) noexcept {
  const std::int64_t passed = slot_of(now_s) - first_slot;
  if (passed < -1) {  // the clock was set back: what was charged until then would count for as much longer
    *this = {slot_of(now_s), {}};
    return;
  }
  if (passed <= 0) {
    return;
  }
  const auto gone = static_cast<std::size_t>(std::min<std::int64_t>(passed, slots));
  std::shift_left(bytes.begin(), bytes.end(), static_cast<std::ptrdiff_t>(gone));
  std::fill(bytes.end() - static_cast<std::ptrdiff_t>(gone), bytes.end(), 0);
  first_slot += passed;
}

std::uint64_t& StorageQuota::Account::at(std::int64_t expires_at_s) noexcept {
  return bytes[static_cast<std::size_t>(
      std::clamp<std::int64_t>(slot_of(expires_at_s) - first_slot, 0, slots - 1))];
}

std::uint64_t StorageQuota::Account::byte_seconds(std::int64_t now_s) const noexcept {
  // Far above every share, and low enough that the cost of one more can be added.
  constexpr std::uint64_t most = 1ULL << 62U;
  static_assert(most_in_slot * (slots + 1) * slot_s <= UINT64_MAX - most);
  std::uint64_t sum = 0;
  std::int64_t left_s = first_slot * slot_s - now_s;
  for (const std::uint64_t expiring : bytes) {
    sum = std::min(most, sum + expiring * static_cast<std::uint64_t>(std::max<std::int64_t>(left_s, 0)));
    left_s += slot_s;
  }
  return sum;
}

std::uint64_t StorageQuota::Account::total() const noexcept {
  return std::accumulate(bytes.begin(), bytes.end(), std::uint64_t{0});
}

StorageQuota::Account* StorageQuota::find(const SourcePrefix& network, std::int64_t now_s) noexcept {
  Account* account = accounts_.find(network);
  if (account != nullptr) {
    account->advance(now_s);
  }
  return account;
}

std::uint16_t StorageQuota::wait_s(const Endpoint& source, std::size_t bytes, std::int64_t expires_at_s,
                                   const Fill& fill, std::int64_t now_s) noexcept {
  if (fill.level() <= unshared_level) {
    return 0;
  }
  const std::uint64_t cost =
      bytes * static_cast<std::uint64_t>(std::max<std::int64_t>(expires_at_s - now_s, 0));
  std::int64_t wait = 0;
  const auto networks = networks_of(source);
  for (std::size_t i = 0; i < networks.size(); ++i) {
    const Account* account = find(networks[i], now_s);
    const std::uint64_t held = account == nullptr ? 0 : account->byte_seconds(now_s);
    const std::uint64_t most = fill.free() / parts[i] * day_s;
    if (held + cost <= most) {
      continue;
    }
    // It loses its bytes for each second that passes.
    const std::uint64_t fewer_each_s = account == nullptr ? 0 : account->total();
    const std::uint64_t passing_s = fewer_each_s == 0 ? longest_wait_s : (held + cost - most) / fewer_each_s;
    wait = std::max(wait, static_cast<std::int64_t>(std::min<std::uint64_t>(passing_s, longest_wait_s)));
    wait = std::max(wait, least_wait_s);
  }
  return static_cast<std::uint16_t>(wait);
}

void StorageQuota::charge(const Endpoint& source, std::size_t bytes, std::int64_t expires_at_s,
                          std::int64_t now_s) {
  SourcePrefix before{};
  for (const SourcePrefix& network : networks_of(source)) {
    if (network == before) {
      continue;  // all that are identified by a key
    }
    before = network;
    accounts_.touch(network);
    Account* account = find(network, now_s);
    if (account == nullptr) {
      account = &accounts_.insert(network, {slot_of(now_s), {}}).value;
    }
    std::uint64_t& place = account->at(expires_at_s);
    place += std::min<std::uint64_t>(bytes, Account::most_in_slot - place);
  }
}

void StorageQuota::refund(const Endpoint& source, std::size_t bytes, std::int64_t expires_at_s,
                          std::int64_t now_s) noexcept {
  SourcePrefix before{};
  for (const SourcePrefix& network : networks_of(source)) {
    Account* account = network == before ? nullptr : find(network, now_s);
    before = network;
    if (account != nullptr) {
      std::uint64_t& place = account->at(expires_at_s);
      place -= std::min<std::uint64_t>(bytes, place);
    }
  }
}

void StorageQuota::remember(const Endpoint& source, const store::MailboxKey& mailbox,
                            const store::RecordId& id, std::size_t value_bytes, std::int64_t expires_at_s) {
  deposits_.insert(id, {source, static_cast<std::uint16_t>(value_bytes), mailbox, expires_at_s});
}

void StorageQuota::extend(const Endpoint& source, const store::RecordId& id,
                          std::int64_t expires_at_s) noexcept {
  Deposit* deposit = deposits_.find(id);
  if (deposit != nullptr && source_of(deposit->source) == source_of(source)) {
    deposit->expires_at_s = std::max(deposit->expires_at_s, expires_at_s);
  }
}

void StorageQuota::fetched(const store::MailboxKey& mailbox, std::span<const store::RecordId> ids,
                           std::int64_t now_s) noexcept {
  for (const store::RecordId& id : ids) {
    // An owner may name any id: what lies in another mailbox is not deleted by it.
    const Deposit* deposit = deposits_.find(id);
    if (deposit == nullptr || deposit->mailbox != mailbox) {
      continue;
    }
    if (deposit->expires_at_s > now_s) {
      refund(deposit->source, deposit->bytes, deposit->expires_at_s, now_s);
    }
    deposits_.erase(id);
  }
}

std::uint64_t StorageQuota::charged(const Endpoint& source, std::int64_t now_s) noexcept {
  const Account* account = find(source_of(source), now_s);
  return account == nullptr ? 0 : account->byte_seconds(now_s);
}

}  // namespace toxasync::node
