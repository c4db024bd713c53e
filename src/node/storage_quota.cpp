// SPDX-License-Identifier: GPL-3.0-or-later
#include "node/storage_quota.hpp"

#include <algorithm>
#include <numeric>

namespace toxasync::node {

namespace {

constexpr seconds day = days(1);
constexpr double shortest_ttl_level = 0.9;
/// What a source, and each larger network that it lies in, may hold of what is free: an eighth, ...
constexpr std::array<std::uint64_t, 3> parts = {8, 4, 2};

/// Bytes times the seconds that they will still be kept.
std::uint64_t cost_of(std::uint64_t bytes, seconds left) noexcept {
  return bytes * static_cast<std::uint64_t>(std::max(left, 0s).count());
}

}  // namespace

double Fill::level() const noexcept {
  return used >= capacity ? 1 : static_cast<double>(used) / static_cast<double>(capacity);
}

seconds longest_ttl(const Fill& fill) noexcept {
  constexpr seconds longest = limits::largest_time_to_live;
  constexpr seconds shortest = day;
  const double past =
      (fill.level() - StorageQuota::unshared_level) / (shortest_ttl_level - StorageQuota::unshared_level);
  return std::chrono::duration_cast<seconds>(longest - std::clamp(past, 0.0, 1.0) * (longest - shortest));
}

void StorageQuota::Account::advance(UnixTime now) noexcept {
  const Slots passed = slot_of(now) - first_slot;
  // When the clock was set back, what was charged until then would count for as much longer.
  if (passed < Slots{-1}) {
    *this = {slot_of(now), {}};
    return;
  }
  if (passed <= Slots{0}) {
    return;
  }
  const auto gone = static_cast<std::size_t>(std::min<std::int64_t>(passed.count(), slots));
  std::shift_left(bytes.begin(), bytes.end(), static_cast<std::ptrdiff_t>(gone));
  std::fill(bytes.end() - static_cast<std::ptrdiff_t>(gone), bytes.end(), 0);
  first_slot += passed;
}

std::uint64_t& StorageQuota::Account::at(UnixTime expires_at) noexcept {
  return bytes[static_cast<std::size_t>(
      std::clamp<std::int64_t>((slot_of(expires_at) - first_slot).count(), 0, slots - 1))];
}

std::uint64_t StorageQuota::Account::byte_seconds(UnixTime now) const noexcept {
  // Far above every share, and low enough that the cost of one more can be added.
  constexpr std::uint64_t most = 1ULL << 62U;
  static_assert(most_in_slot * (slots + 1) * Slots::period::num <= UINT64_MAX - most);
  std::uint64_t sum = 0;
  seconds left = first_slot - now;
  for (const std::uint64_t expiring : bytes) {
    sum = std::min(most, sum + cost_of(expiring, left));
    left += Slots{1};
  }
  return sum;
}

std::uint64_t StorageQuota::Account::total() const noexcept {
  return std::accumulate(bytes.begin(), bytes.end(), std::uint64_t{0});
}

StorageQuota::Account* StorageQuota::find(const SourcePrefix& network, UnixTime now) noexcept {
  Account* account = accounts_.find(network);
  if (account != nullptr) {
    account->advance(now);
  }
  return account;
}

StorageQuota::Admission StorageQuota::admit(const Source& source, std::size_t bytes, seconds asked,
                                            const Fill& fill, UnixTime now) {
  const seconds ttl = std::min(asked, longest_ttl(fill));
  const seconds refused_for = wait(source, bytes, now + ttl, fill, now);
  if (refused_for == 0s) {
    charge(source, bytes, now + ttl, now);
  }
  return {refused_for, ttl};
}

seconds StorageQuota::wait(const Source& source, std::size_t bytes, UnixTime expires_at, const Fill& fill,
                           UnixTime now) noexcept {
  if (fill.level() <= unshared_level) {
    return 0s;
  }
  const std::uint64_t cost = cost_of(bytes, expires_at - now);
  seconds longest = 0s;
  const auto networks = source.networks();
  for (std::size_t i = 0; i < networks.size(); ++i) {
    const Account* account = find(networks[i], now);
    const std::uint64_t held = account == nullptr ? 0 : account->byte_seconds(now);
    const std::uint64_t most = cost_of(fill.free() / parts[i], day);
    if (held + cost <= most) {
      continue;
    }
    // It loses its bytes for each second that passes.
    const std::uint64_t fewer_each_s = account == nullptr ? 0 : account->total();
    const seconds passing = fewer_each_s == 0
                                ? longest_wait
                                : seconds{static_cast<std::int64_t>((held + cost - most) / fewer_each_s)};
    longest = std::max(longest, std::clamp(passing, least_wait, longest_wait));
  }
  return longest;
}

void StorageQuota::charge(const Source& source, std::size_t bytes, UnixTime expires_at, UnixTime now) {
  SourcePrefix before{};
  for (const SourcePrefix& network : source.networks()) {
    if (network == before) {
      continue;  // all that are identified by a key
    }
    before = network;
    accounts_.touch(network);
    Account* account = find(network, now);
    if (account == nullptr) {
      account = &accounts_.insert(network, {slot_of(now), {}}).value;
    }
    std::uint64_t& place = account->at(expires_at);
    place += std::min<std::uint64_t>(bytes, Account::most_in_slot - place);
  }
}

void StorageQuota::refund(const Source& source, std::size_t bytes, UnixTime expires_at,
                          UnixTime now) noexcept {
  SourcePrefix before{};
  for (const SourcePrefix& network : source.networks()) {
    Account* account = network == before ? nullptr : find(network, now);
    before = network;
    if (account != nullptr) {
      std::uint64_t& place = account->at(expires_at);
      place -= std::min<std::uint64_t>(bytes, place);
    }
  }
}

void StorageQuota::remember(const Source& source, const store::Mailbox& mailbox, const store::RecordId& id,
                            std::size_t value_bytes, UnixTime expires_at) {
  deposits_.insert(id, {source, static_cast<std::uint16_t>(value_bytes), mailbox, expires_at});
}

void StorageQuota::extend(const Source& source, const store::RecordId& id, UnixTime expires_at) noexcept {
  Deposit* deposit = deposits_.find(id);
  if (deposit != nullptr && deposit->source == source) {
    deposit->expires_at = std::max(deposit->expires_at, expires_at);
  }
}

void StorageQuota::fetched(const store::Mailbox& mailbox, std::span<const store::RecordId> ids,
                           UnixTime now) noexcept {
  for (const store::RecordId& id : ids) {
    // An owner may name any id: what lies in another mailbox is not deleted by it.
    const Deposit* deposit = deposits_.find(id);
    if (deposit == nullptr || deposit->mailbox != mailbox) {
      continue;
    }
    if (deposit->expires_at > now) {
      refund(deposit->source, deposit->bytes, deposit->expires_at, now);
    }
    deposits_.erase(id);
  }
}

std::uint64_t StorageQuota::charged(const Source& source, UnixTime now) noexcept {
  const Account* account = find(source.networks().front(), now);
  return account == nullptr ? 0 : account->byte_seconds(now);
}

}  // namespace toxasync::node
