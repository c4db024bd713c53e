// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "adapters/clock/system_clock.hpp"
#include "config/options.hpp"
#include "crypto/curve.hpp"
#include "status/history.hpp"
#include "status/http_server.hpp"
#include "status/node_stats.hpp"

namespace toxasync::daemon {

/// What /healthz says, in words, of the last minute; empty: all is well.
std::vector<std::string> faults_of(const History& history);

/// The status page and its relatives for machines, and the samples that they show.
class StatusSite {
 public:
  /// What it asks the server for.
  struct Sources {
    std::function<NodeStats()> figures;
    std::function<Reading()> reading;
  };

  StatusSite(boost::asio::io_context& io, const Metrics& metrics, Telemetry telemetry, Sources sources);

  /// Takes samples from now on, and listens where the options say. That it cannot listen is logged: the node
  /// serves without its page.
  void start(const Options& options);
  /// With new options.
  void listen(const Options& options);
  void stop();

 private:
  [[nodiscard]] HttpAnswer answer(std::string_view target);
  [[nodiscard]] HttpAnswer page();
  [[nodiscard]] NodeStats figures() const;
  void wait();

  const Metrics& metrics_;
  Telemetry telemetry_;
  Sources sources_;
  SystemClock clock_;
  crypto::SystemRandom random_;
  History history_;
  boost::asio::steady_timer timer_;
  HttpServer server_;
  std::int64_t next_look_ms_ = 0;  ///< Steady: when the timer ought to fire.
  std::int64_t next_sample_ms_ = 0;
  std::int64_t longest_lag_ms_ = 0;  ///< Since the last sample.
};

}  // namespace toxasync::daemon
