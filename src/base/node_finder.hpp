// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <vector>

#include "base/transport.hpp"

namespace toxasync {

/// Addresses at which a storage node may be: e.g. those of the host's neighbours in the DHT. Handed in.
class NodeFinder {
 public:
  virtual ~NodeFinder() = default;
  /// Some that are known now; asks nobody. Others at the next call, perhaps.
  virtual std::vector<Endpoint> candidates() = 0;
};

}  // namespace toxasync
