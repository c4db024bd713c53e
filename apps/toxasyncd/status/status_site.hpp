// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "adapters/clock/system_clock.hpp"
#include "config/options.hpp"
#include "crypto/curve.hpp"
#include "status/history.hpp"
#include "status/http_server.hpp"
#include "status/node_stats.hpp"
#include "status/status_source.hpp"

namespace toxasync::daemon {

/// The problems of the last minute, as /healthz reports them; empty: the node is healthy.
std::vector<std::string> problems_of(const History& history);

/// Serves the status page, /metrics, /healthz and /status.json, and takes the samples that they show.
class StatusSite {
 public:
  /// The references must outlive it.
  StatusSite(boost::asio::io_context& io, const Metrics& metrics, Telemetry telemetry,
             const StatusSource& source);

  /// Takes samples from now on, and listens where the options say. If it cannot listen, that is logged, and
  /// the node runs without its page.
  void start(const Options& options);
  /// Listens where the new options say.
  void listen(const Options& options);
  void stop();

 private:
  [[nodiscard]] HttpAnswer answer(std::string_view target);
  [[nodiscard]] HttpAnswer page();
  [[nodiscard]] NodeStats stats() const;
  void wait();

  const Metrics& metrics_;
  Telemetry telemetry_;
  const StatusSource& source_;
  SystemClock clock_;
  crypto::SystemRandom random_;
  History history_;
  boost::asio::steady_timer timer_;
  HttpServer server_;
  SteadyTime next_check_{};  ///< When the timer should fire.
  SteadyTime next_sample_{};
  milliseconds longest_lag_ = 0ms;  ///< Since the last sample.
};

}  // namespace toxasync::daemon
