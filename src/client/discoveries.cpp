// SPDX-License-Identifier: GPL-3.0-or-later
#include "client/discoveries.hpp"

#include <algorithm>

#include "client/session.hpp"

namespace toxasync::client {

SteadyTime Discoveries::next_deadline() const noexcept {
  SteadyTime next = never;
  for (const auto& discovery : under_way_) {
    next = std::min(next, discovery.deadline);
  }
  return next;
}

Discoveries::Discovery& Discoveries::begin(OperationId id, const Endpoint& at, DiscoverListener& listener,
                                           Random& random) {
  // A point of the curve, as every X is; its secret half is of no use.
  return under_way_.emplace_back(
      Discovery{id, at, &listener, crypto::KeyPair::generate(random).public_key, {}, 0, {}});
}

void Discoveries::write_packet(Discovery& discovery, Random& random, Now now, protocol::FrameBytes& out) {
  const auto nonce = random.array<limits::aead_nonce>();
  write_hello(protocol::FrameKind::retrieve, discovery.x, nonce, random, out);
  discovery.nonces.push_back(nonce);
  discovery.deadline = now.steady + timeout;
}

Discoveries::Discovery* Discoveries::find(const protocol::FrameHeader& header) noexcept {
  const auto found = std::ranges::find_if(under_way_, [&](const Discovery& discovery) {
    return discovery.x == header.session &&
           std::ranges::find(discovery.nonces, header.nonce) != discovery.nonces.end();
  });
  return found == under_way_.end() ? nullptr : &*found;
}

Discoveries::Discovery* Discoveries::overdue(SteadyTime now) noexcept {
  const auto found =
      std::ranges::find_if(under_way_, [&](const Discovery& discovery) { return discovery.deadline <= now; });
  return found == under_way_.end() ? nullptr : &*found;
}

void Discoveries::remove(OperationId id) noexcept {
  std::erase_if(under_way_, [id](const Discovery& discovery) { return discovery.id == id; });
}

}  // namespace toxasync::client
