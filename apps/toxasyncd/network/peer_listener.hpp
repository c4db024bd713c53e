// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <vector>

#include "base/bytes.hpp"

namespace toxasync::daemon {

class PeerListener {
 public:
  virtual ~PeerListener() = default;
  /// The signed descriptors of the nodes that clients are to be told of, all of them.
  virtual void on_peers_changed(const std::vector<Bytes>& descriptors) = 0;
};

}  // namespace toxasync::daemon
