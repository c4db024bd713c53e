// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <tox/tox.h>

#include "base/node_finder.hpp"
#include "base/random.hpp"

namespace toxasync {

/// The nodes of the DHT that a running Tox instance knows, by their UDP addresses. Each may be a storage node
/// too. Must go before tox_kill; used on the thread that calls tox_iterate.
class DhtNeighbours final : public NodeFinder {
 public:
  /// Besides those that are closest to ourselves: those closest to so many random keys, others at each call.
  static constexpr int random_keys = 4;

  DhtNeighbours(Tox* tox, Random& random) noexcept : tox_(tox), random_(random) {}

  /// At most 4 for each key; none with a stock library.
  std::vector<Endpoint> candidates() override;

 private:
  void append_closest(const std::uint8_t* key, std::vector<Endpoint>& to) const;

  Tox* tox_;
  Random& random_;
};

}  // namespace toxasync
