// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <boost/asio/io_context.hpp>
#include <filesystem>
#include <memory>
#include <new>
#include <optional>
#include <string>

#include "adapters/clock/system_clock.hpp"
#include "adapters/toxcore_courier/courier.hpp"
#include "adapters/toxcore_dispatcher/dht_neighbours.hpp"
#include "adapters/toxcore_dispatcher/toxcore_dispatcher.hpp"
#include "adapters/toxcore_friends/toxcore_friends.hpp"
#include "adapters/udp/udp_transport.hpp"
#include "manager/manager.hpp"
#include "plugin/log_sink.hpp"
#include "plugin/own_node.hpp"
#include "plugin/tox_async.h"
#include "store/sqlite/sqlite_state.hpp"

struct Tox_Async_Options {
  bool enabled = false;
  std::string state_path;
  std::string data_directory;
  Tox_Async_Transport transport = TOX_ASYNC_TRANSPORT_AUTO;
  std::optional<toxasync::CourierSettings> courier;  ///< What the client's own Tox may.
  std::uint16_t udp_port = 0;
  bool allow_local_addresses = false;
  std::uint32_t poll_interval_ms = 120000;
  bool push = true;
  std::uint32_t receipt_delay_ms = 300000;
  bool node_enabled = true;
  std::uint32_t time_to_live_s = toxasync::limits::default_time_to_live_s;
  bool take_packet_callback = true;
  tox_async_log_cb* log_callback = nullptr;
  Tox_Async_Log_Level log_level = TOX_ASYNC_LOG_LEVEL_INFO;
  void* log_user_data = nullptr;
};

/// The parts of the module, and the client's callbacks. The members' order is that of their lives.
struct Tox_Async final : toxasync::manager::ManagerListener {
  explicit Tox_Async(const Tox_Async_Options& options) noexcept
      : log(options.log_callback, options.log_level, options.log_user_data) {}
  ~Tox_Async() override;
  Tox_Async(const Tox_Async&) = delete;
  Tox_Async& operator=(const Tox_Async&) = delete;

  /// Each of the steps of tox_async_new sets up some of the members.
  Tox_Err_Async_New open_transport(Tox* tox, const Tox_Async_Options& options);
  Tox_Err_Async_New open_udp(const Tox_Async_Options& options);
  Tox_Err_Async_New open_courier(const Tox* tox, const Tox_Async_Options& options);
  Tox_Err_Async_New open_state(const Tox* tox, const Tox_Async_Options& options);
  void start(Tox* tox, const Tox_Async_Options& options);
  /// What a patched core offers besides: to find nodes, and to be one. Without it all goes on.
  void join_nodes(Tox* tox, const Tox_Async_Options& options);

  void iterate(void* client_data);
  void look_at_nospam();
  [[nodiscard]] toxasync::Transport& transport() const noexcept;

  // ManagerListener
  bool on_message(const toxasync::manager::ReceivedMessage& message) noexcept override;
  void on_message_state(const toxasync::manager::MessageStatus& status) noexcept override;
  void on_friend_ready(const toxasync::manager::FriendKey& key) noexcept override;
  bool on_friend_request(const toxasync::manager::ReceivedRequest& request) noexcept override;
  void on_friend_request_state(const toxasync::manager::RequestStatus& status) noexcept override;

  toxasync::LogSink log;
  toxasync::Metrics metrics;
  toxasync::Telemetry telemetry{metrics, log};
  toxasync::crypto::SystemRandom random;
  toxasync::SystemClock clock;
  boost::asio::io_context io{1};                            // Never run: the client's loop polls the sockets.
  std::unique_ptr<toxasync::ToxcoreDispatcher> dispatcher;  // One of the three.
  std::unique_ptr<toxasync::UdpTransport> udp;
  std::unique_ptr<toxasync::Courier> courier;
  std::unique_ptr<toxasync::ToxcoreFriends> friends;
  std::unique_ptr<toxasync::store::StateStore> state;
  std::filesystem::path directory;                    // Of the state file.
  std::optional<toxasync::DhtNeighbours> neighbours;  // With the dispatcher.
  std::unique_ptr<toxasync::OwnNode> own_node;        // Null: this client is no node.
  std::unique_ptr<toxasync::manager::Manager> manager;

  tox_async_message_cb* message_callback = nullptr;
  tox_async_message_state_cb* message_state_callback = nullptr;
  tox_async_friend_ready_cb* friend_ready_callback = nullptr;
  tox_async_friend_request_cb* friend_request_callback = nullptr;
  tox_async_friend_request_state_cb* friend_request_state_callback = nullptr;
  const Tox* tox = nullptr;
  std::int64_t next_look_at_nospam_ms = 0;
  void* user_data = nullptr;  ///< Of the present tox_async_iterate.
  bool iterating = false;
  bool said_that_messages_wait = false;
};

namespace toxasync {

/// Runs the body of a C function: nothing is thrown past it. `on_memory` is returned when memory or another
/// resource of the system has run out, which is all that we let be thrown.
template <class Value, class Body>
Value guarded(Value on_memory, Body&& body) noexcept {
  const LogSink::InCall in_call;
  try {
    return body();
  } catch (...) {
    return on_memory;
  }
}

template <class Error>
void set_error(Error* out, Error value) noexcept {
  if (out != nullptr) {
    *out = value;
  }
}

}  // namespace toxasync
