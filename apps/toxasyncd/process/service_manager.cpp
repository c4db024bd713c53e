// SPDX-License-Identifier: GPL-3.0-or-later
#include "process/service_manager.hpp"

#include <unistd.h>

#include <charconv>
#include <cstdlib>
#include <ctime>

namespace toxasync::daemon {

namespace asio = boost::asio;
using asio::local::datagram_protocol;
using boost::system::error_code;

namespace {

std::string_view variable(const char* name) {
  const char* const value = std::getenv(name);
  return value == nullptr ? std::string_view() : value;
}

/// The interval of the watchdog if it watches this process; else 0.
std::chrono::microseconds watchdog_of_environment() {
  const auto number = [](std::string_view text) {
    std::uint64_t value = 0;
    const auto read = std::from_chars(text.data(), text.data() + text.size(), value);
    return read.ec == std::errc() && read.ptr == text.data() + text.size() ? value : 0;
  };
  const std::string_view pid = variable("WATCHDOG_PID");
  const bool ours = pid.empty() || number(pid) == static_cast<std::uint64_t>(::getpid());
  return std::chrono::microseconds(ours ? number(variable("WATCHDOG_USEC")) : 0);
}

}  // namespace

ServiceManager::ServiceManager(asio::io_context& io) : socket_(io), timer_(io) {
  std::string path(variable("NOTIFY_SOCKET"));
  constexpr std::size_t longest = 107;  // sun_path
  if (path.size() < 2 || path.size() > longest || (path[0] != '/' && path[0] != '@')) {
    return;
  }
  if (path[0] == '@') {
    path[0] = '\0';  // an abstract socket
  }
  socket_address_ = datagram_protocol::endpoint(path);
  error_code failed;
  socket_.open(datagram_protocol(), failed);
  if (!failed) {
    socket_.non_blocking(true, failed);
  }
  enabled_ = !failed;
  watchdog_ = enabled_ ? watchdog_of_environment() : std::chrono::microseconds(0);
}

void ServiceManager::ready(const std::string& status) {
  notify("READY=1\nSTATUS=" + status);
  watch();
}

void ServiceManager::reloading() {
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  const auto us = std::uint64_t{1'000'000} * static_cast<std::uint64_t>(now.tv_sec) +
                  static_cast<std::uint64_t>(now.tv_nsec) / 1000;
  notify("RELOADING=1\nMONOTONIC_USEC=" + std::to_string(us));
}

void ServiceManager::stopping() {
  timer_.cancel();
  notify("STOPPING=1");
}

/// Errors are ignored: the node works without a service manager.
void ServiceManager::notify(const std::string& state) {
  if (enabled_) {
    error_code ignored;
    socket_.send_to(asio::buffer(state), socket_address_, 0, ignored);
  }
}

/// Twice per interval.
void ServiceManager::watch() {
  if (watchdog_.count() == 0) {
    return;
  }
  timer_.expires_after(watchdog_ / 2);
  timer_.async_wait([this](const error_code& failed) {
    if (!failed) {
      notify("WATCHDOG=1");
      watch();
    }
  });
}

}  // namespace toxasync::daemon
