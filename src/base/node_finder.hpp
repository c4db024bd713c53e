// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <vector>

#include "base/transport.hpp"

namespace toxasync {

/// Addresses at which a storage node may be: e.g. those of the host's neighbours in the DHT. Passed in by the
/// host.
class NodeFinder {
 public:
  virtual ~NodeFinder() = default;
  /// Some that are known now, without asking the network. May return others at the next call.
  virtual std::vector<Endpoint> candidates() = 0;
};

}  // namespace toxasync
