// SPDX-License-Identifier: GPL-3.0-or-later
#include "store/disk_room.hpp"

#include <algorithm>
#include <limits>
#include <utility>

namespace toxasync::store {
namespace {

std::optional<std::uint64_t> ask_system(const std::filesystem::path& directory) {
  std::error_code failed;
  const auto space = std::filesystem::space(directory, failed);
  return failed ? std::nullopt : std::optional<std::uint64_t>(space.available);
}

/// a * b / c without overflow, for b <= c.
std::uint64_t scaled(std::uint64_t a, std::uint64_t b, std::uint64_t c) noexcept {
  return a / c * b + a % c * b / c;
}

}  // namespace

DiskRoom::DiskRoom(std::filesystem::path directory, std::optional<DiskRule> rule, std::uint64_t most_bytes,
                   FreeBytes free_bytes)
    : directory_(std::move(directory)),
      rule_(rule),
      free_bytes_(free_bytes ? std::move(free_bytes) : ask_system),
      most_bytes_(most_bytes),
      room_bytes_(std::numeric_limits<std::uint64_t>::max()) {}

std::uint64_t DiskRoom::capacity_bytes() const noexcept {
  return std::min(most_bytes_.load(), room_bytes_.load());
}

bool DiskRoom::look(std::uint64_t kept_bytes, UnixTime now) {
  if (!rule_ || (looked_ && now >= *looked_ && now < *looked_ + look_every)) {
    return false;
  }
  looked_ = now;
  const auto free_bytes = free_bytes_(directory_);
  if (!free_bytes) {
    return false;  // The last result still counts; writing fails anyway when the disk is full.
  }
  const std::uint64_t spare = *free_bytes - std::min(*free_bytes, rule_->reserve_bytes);
  const std::uint64_t share =
      std::max(rule_->least_bytes, scaled(kept_bytes + *free_bytes, rule_->per_mille, 1000));
  room_bytes_ = std::min(share, kept_bytes + scaled(spare, 2, 3));
  return std::exchange(disk_is_full_, spare == 0) != (spare == 0);
}

}  // namespace toxasync::store
