// SPDX-License-Identifier: GPL-3.0-or-later
#include "node/pending_table.hpp"

#include <cassert>
#include <utility>

namespace toxasync::node {

store::Token PendingTable::add(Pending&& pending) {
  assert(!full());
  if (free_.empty()) {
    free_.reserve(places_.size() + 1);  // so that remove() cannot fail
    places_.emplace_back();
    free_.push_back(static_cast<std::uint32_t>(places_.size() - 1));
  }
  const std::uint32_t index = free_.back();
  Place& place = places_[index];
  place.pending.emplace(std::move(pending));
  free_.pop_back();
  return (store::Token{place.generation} << 32U) | index;
}

Pending* PendingTable::find(store::Token token) noexcept {
  const std::uint64_t index = token & 0xffffffffU;
  if (index >= places_.size()) {
    return nullptr;
  }
  Place& place = places_[index];
  return place.pending && place.generation == token >> 32U ? &*place.pending : nullptr;
}

void PendingTable::remove(store::Token token) noexcept {
  if (find(token) != nullptr) {
    const auto index = static_cast<std::uint32_t>(token);
    places_[index].pending.reset();
    ++places_[index].generation;
    free_.push_back(index);
  }
}

void PendingTable::drop(const Transport& transport) noexcept {
  for (Place& place : places_) {
    if (place.pending && place.pending->path.via == &transport) {
      place.pending->path.via = nullptr;
    }
  }
}

}  // namespace toxasync::node
