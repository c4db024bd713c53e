// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>

#include "base/clock.hpp"
#include "config/options.hpp"
#include "network/peer_keeper.hpp"
#include "network/transports.hpp"
#include "node/node.hpp"
#include "status/status_source.hpp"
#include "store/store.hpp"

namespace toxasync::daemon {

/// What the parts of a running node know about themselves, for the status page, `toxasyncd stats` and the
/// line that SIGUSR1 prints.
class ServerStats final : public StatusSource {
 public:
  /// They must outlive the ServerStats.
  struct Parts {
    const Options& options;
    const Clock& clock;
    const Metrics& metrics;
    const store::Store& store;
    const node::Node& node;
    const Transports& transports;
    const PeerKeeper& peers;
  };

  ServerStats(const Parts& parts, std::string node_address);

  [[nodiscard]] NodeStats stats() const override;
  [[nodiscard]] Reading reading() const override;
  /// "stats messages=3 bytes=2048 ..."
  [[nodiscard]] std::string line() const;
  /// To stdout: that line, and at log level debug all counters before it.
  void print() const;

 private:
  const Parts parts_;
  const std::string node_address_;
  const Now started_;
};

}  // namespace toxasync::daemon
