// SPDX-License-Identifier: GPL-3.0-or-later
#include "status/status_site.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

#include "status/prometheus.hpp"
#include "status/status_json.hpp"
#include "status/status_page.hpp"

namespace toxasync::daemon {

namespace asio = boost::asio;
using boost::system::error_code;

namespace {

constexpr milliseconds check_interval = 250ms;  // of the event loop's lag

constexpr milliseconds max_healthy_lag = 1s;

}  // namespace

std::vector<std::string> problems_of(const History& history) {
  std::vector<std::string> all;
  if (history.last_minute(&NodeActivity::store_failed) != 0) {
    all.emplace_back(
        "Requests failed because of the disk in the last minute: check the log of the node, and the system "
        "log for disk errors.");
  }
  if (history.last_minute(&NodeActivity::store_full) != 0) {
    all.emplace_back(
        "The node is full and refused messages in the last minute: raise --capacity, or free disk space.");
  }
  if (const milliseconds lag = history.lag_of_last_minute(); lag > max_healthy_lag) {
    all.push_back("The event loop was late by " + std::to_string(lag.count()) +
                  " ms in the last minute: the machine is overloaded.");
  }
  return all;
}

StatusSite::StatusSite(asio::io_context& io, const Metrics& metrics, Telemetry telemetry,
                       const StatusSource& source)
    : metrics_(metrics),
      telemetry_(telemetry),
      source_(source),
      history_(source.reading()),
      timer_(io),
      server_(io, [this](std::string_view target) { return answer(target); }, {}) {}

void StatusSite::start(const Options& options) {
  const SteadyTime now = clock_.now().steady;
  next_check_ = now + check_interval;
  next_sample_ = now + History::step;
  wait();
  listen(options);
}

void StatusSite::listen(const Options& options) {
  server_.set_hosts(options.status_hosts);
  if (options.status_port == 0) {
    return server_.close();
  }
  const asio::ip::tcp::endpoint at(options.status_address, options.status_port);
  if (server_.local_endpoint() == at) {
    return;
  }
  const std::string port = std::to_string(options.status_port);
  if (const error_code failed = server_.listen(at)) {
    return telemetry_.log(LogLevel::warning, "status",
                          "--status-port " + port + ": cannot listen: " + failed.message() +
                              "; running without the status page. Choose another port, or 0 to disable it");
  }
  if (!options.status_address.is_loopback()) {
    telemetry_.log(LogLevel::warning, "status",
                   "--status-address is not a loopback address: everyone who can reach TCP port " + port +
                       " can read the node's statistics");
  }
}

void StatusSite::stop() {
  timer_.cancel();
  server_.close();
}

void StatusSite::wait() {
  timer_.expires_at(next_check_);
  timer_.async_wait([this](const error_code& failed) {
    if (failed) {
      return;
    }
    const SteadyTime now = clock_.now().steady;
    longest_lag_ = std::max(longest_lag_, now - next_check_);
    next_check_ = now + check_interval;
    if (now >= next_sample_) {
      next_sample_ = now + History::step;
      history_.add(source_.reading(), std::exchange(longest_lag_, 0ms));
    }
    wait();
  });
}

NodeStats StatusSite::stats() const {
  NodeStats all = source_.stats();
  std::ranges::move(problems_of(history_), std::back_inserter(all.problems));
  all.loop_lag = history_.lag_of_last_minute();
  return all;
}

HttpAnswer StatusSite::page() {
  const std::string nonce = to_hex(random_.array<16>());
  HttpAnswer html;
  html.type = "text/html; charset=utf-8";
  html.body = to_page(stats(), metrics_, history_, nonce);
  html.content_security_policy = page_policy(nonce);
  return html;
}

HttpAnswer StatusSite::answer(std::string_view target) {
  const std::string_view path = target.substr(0, target.find('?'));
  HttpAnswer answer;
  if (path == "/") {
    return page();
  }
  if (path == "/metrics") {
    answer.type = prometheus_type;
    answer.body = to_prometheus(stats(), metrics_);
  } else if (path == "/status.json") {
    answer.type = "application/json";
    answer.body = to_json(stats(), metrics_, history_,
                          target.ends_with("?range=day") ? HistoryRange::day : HistoryRange::ten_minutes);
  } else if (path == "/healthz") {
    const auto all = stats().problems;
    answer.status = all.empty() ? 200 : 503;
    answer.body = all.empty() ? "OK\n" : "";
    for (const std::string& problem : all) {
      answer.body += problem + "\n";
    }
  } else {
    answer.status = 404;
    answer.body = "Not found. Available: /, /metrics, /healthz, /status.json\n";
  }
  return answer;
}

}  // namespace toxasync::daemon
