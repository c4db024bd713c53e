// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include "adapters/clock/system_clock.hpp"
#include "adapters/toxcore_friends/toxcore_friends.hpp"
#include "manager/manager.hpp"
#include "plugin/c_boundary.hpp"
#include "plugin/log_sink.hpp"
#include "plugin/own_node.hpp"
#include "plugin/tox_async.h"
#include "plugin/tox_async_options.hpp"
#include "plugin/transport/client_transport.hpp"
#include "store/sqlite/sqlite_state.hpp"

/// The parts of the module, and the client's callbacks. Members are destroyed from the last to the first:
/// each uses only those above it.
struct Tox_Async final : toxasync::manager::ManagerListener {
  explicit Tox_Async(const Tox_Async_Options& options) noexcept
      : log(options.log_callback, options.log_level, options.log_user_data) {}
  ~Tox_Async() override;
  Tox_Async(const Tox_Async&) = delete;
  Tox_Async& operator=(const Tox_Async&) = delete;

  // The steps of tox_async_new: each sets up some of the members.
  Tox_Err_Async_New open_state(const Tox* tox, const Tox_Async_Options& options);
  void start_manager(Tox* tox, const Tox_Async_Options& options);
  /// With access to the DHT: finds storage nodes there, and serves as one unless that is switched off.
  void join_storage_nodes(const Tox* tox, const Tox_Async_Options& options);

  void iterate(void* client_data);
  void check_nospam();

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
  std::unique_ptr<toxasync::ClientTransport> transport;
  std::unique_ptr<toxasync::ToxcoreFriends> friends;
  std::unique_ptr<toxasync::store::StateStore> state;
  std::filesystem::path directory;              // Of the state file.
  std::unique_ptr<toxasync::OwnNode> own_node;  // Null: this client is not a storage node.
  std::unique_ptr<toxasync::manager::Manager> manager;

  tox_async_message_cb* message_callback = nullptr;
  tox_async_message_state_cb* message_state_callback = nullptr;
  tox_async_friend_ready_cb* friend_ready_callback = nullptr;
  tox_async_friend_request_cb* friend_request_callback = nullptr;
  tox_async_friend_request_state_cb* friend_request_state_callback = nullptr;
  const Tox* tox = nullptr;
  toxasync::SteadyTime next_nospam_check{};
  void* user_data = nullptr;  ///< Of the current tox_async_iterate.
  bool iterating = false;
  bool warned_about_missing_callback = false;
};
