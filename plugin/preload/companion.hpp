// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "adapters/clock/system_clock.hpp"
#include "adapters/toxcore_courier/bootstrap_node.hpp"
#include "plugin/preload/companion_lock.hpp"
#include "plugin/preload/host.hpp"
#include "plugin/preload/message_numbers.hpp"
#include "plugin/preload/pending_avatar.hpp"
#include "plugin/preload/process.hpp"
#include "plugin/preload/receipt_queue.hpp"
#include "plugin/preload/status_file.hpp"
#include "plugin/tox_async.h"

namespace toxasync::preload {

/// The callbacks that the client has registered.
struct ClientCallbacks {
  tox_friend_connection_status_cb* connection = nullptr;
  tox_friend_status_cb* status = nullptr;
  tox_friend_message_cb* message = nullptr;
  tox_friend_read_receipt_cb* receipt = nullptr;
  tox_friend_lossless_packet_cb* lossless = nullptr;
  tox_friend_request_cb* request = nullptr;
};

/// Adds a Tox_Async to one Tox instance of a client without support for it, and shows the client offline
/// messages as ordinary ones (docs/clients.md).
///
/// Any thread may call. No callback of the client is called with the mutex held.
class Companion {
 public:
  /// Clients load their contacts after their first tox_iterate, and some drop what arrives before that: no
  /// callback is called earlier.
  static constexpr milliseconds callback_delay = 3s;
  /// A friend who disconnects is shown as offline for this long, so that the client ends calls and file
  /// transfers with them.
  static constexpr milliseconds offline_shown = 2s;
  /// How long after a friend has come online we wait for their first toxasync packet before we assume that
  /// they do not run toxasync.
  static constexpr milliseconds first_packet = 3s;
  static constexpr milliseconds friend_check_interval = 250ms;

  /// Bootstrap nodes kept until the start; the oldest is dropped for a new one.
  static constexpr std::size_t max_bootstrap_nodes = 64;

  /// `tox_options`: what the client created the instance with; may be null. `has_profile`: it was created
  /// from saved data. Without, its Tox_Async starts when it has a friend, so that throw-away instances leave
  /// no files.
  Companion(Tox* tox, const Tox_Options* tox_options, bool has_profile, Process& process);
  /// Blocks until what was accepted is on disk. Before the host's tox_kill.
  ~Companion();
  Companion(const Companion&) = delete;
  Companion& operator=(const Companion&) = delete;

  /// After the host's tox_iterate. The first call starts the Tox_Async: some clients never call it while the
  /// user wants to stay offline, and nothing may change for them.
  void iterate(void* user_data);
  std::uint32_t interval_ms(std::uint32_t host_ms);
  std::uint32_t send(std::uint32_t friend_number, Tox_Message_Type type, const std::uint8_t* message,
                     std::size_t length, Tox_Err_Friend_Send_Message* error);
  /// Whether a friend who is offline is shown to the client as away, because they can receive messages.
  bool shown_away(std::uint32_t friend_number);
  /// Keeps an avatar that the client offers to a friend who is shown as away but is offline, until they are
  /// online. (toxic and qTox offer theirs once, when a friend comes online, and would not try again.) Returns
  /// the file number for the client; nothing if the friend is not shown as away.
  std::optional<std::uint32_t> defer_avatar(std::uint32_t friend_number, PendingAvatar avatar);
  /// The client cancels the transfer. False: no avatar is kept under that number.
  bool cancel_avatar(std::uint32_t friend_number, std::uint32_t file_number);
  std::optional<FileId> avatar_id(std::uint32_t friend_number, std::uint32_t file_number);
  void on_friend_requested(const std::uint8_t* address, const std::uint8_t* message, std::size_t length);
  void on_friend_deleted(std::uint32_t friend_number);
  /// The client adds a bootstrap node or TCP relay, which the courier can use, too.
  void on_bootstrap(const char* host_name, std::uint16_t port, const std::uint8_t* public_key, bool relay);

  template <class Callback>
  void set_callback(Callback* ClientCallbacks::*which, Callback* callback) {
    const CompanionLock lock(mutex_);
    client_.*which = callback;
  }

  // Callbacks of the host that are registered for us, inside its tox_iterate.
  void on_connection(std::uint32_t friend_number, Tox_Connection connection, void* user_data);
  void on_lossless_packet(std::uint32_t friend_number, const std::uint8_t* data, std::size_t length,
                          void* user_data);

 private:
  struct AsyncDeleter {
    void operator()(Tox_Async* async) const noexcept { tox_async_kill(async); }
  };
  struct OptionsDeleter {
    void operator()(Tox_Async_Options* options) const noexcept { tox_async_options_free(options); }
  };
  enum class State : std::uint8_t { waiting, running, off };
  struct Online {
    SteadyTime since{};
    bool has_toxasync = false;  ///< A toxasync packet has arrived since then.
  };

  // All of these with the mutex held.
  void start(SteadyTime now);
  void sync_nodes();
  void add_bootstrap_node(const BootstrapNode& node);
  void register_callbacks();
  void update_friends(SteadyTime now);
  void show_away(std::uint32_t friend_number, bool away);
  void deliver_receipts(SteadyTime now);
  void write_status(SteadyTime now);
  std::optional<std::uint32_t> accept_message(std::uint32_t friend_number, Tox_Message_Type type,
                                              const std::uint8_t* message, std::size_t length);
  [[nodiscard]] bool has_toxasync_running(std::uint32_t friend_number, SteadyTime now) const;
  [[nodiscard]] std::vector<std::uint32_t> friends() const;
  [[nodiscard]] bool connected(std::uint32_t friend_number) const;
  void send_avatar(std::uint32_t friend_number, const PendingAvatar& avatar);  // The mutex need not be held.
  void log(LogLevel level, std::string_view message) noexcept;

  // Tox_Async's callbacks, inside iterate().
  static tox_async_message_cb on_message;
  static tox_async_message_state_cb on_message_state;
  static tox_async_friend_request_cb on_friend_request;
  static tox_async_friend_ready_cb on_friend_ready;

  Tox* tox_;
  bool has_profile_;
  Process& process_;
  SystemClock clock_;
  std::mutex mutex_;  // Guards what follows, and the Tox_Async.
  std::unique_ptr<Tox_Async, AsyncDeleter> async_;
  State state_ = State::waiting;
  std::unique_ptr<Tox_Async_Options, OptionsDeleter> options_;  ///< Until the start.
  std::deque<BootstrapNode> bootstrap_nodes_;                   ///< Until the start.
  ClientCallbacks client_;
  MessageNumbers numbers_;
  ReceiptQueue receipts_;
  std::uint64_t accepted_ = 0;  ///< Messages, since the start.
  StatusFile status_;
  std::set<std::uint32_t> away_;                       ///< Friends who are shown as away.
  std::map<std::uint32_t, PendingAvatar> avatars_;     ///< Kept for friends who are shown as away.
  std::map<std::uint32_t, Online> online_;             ///< Friends who are online.
  std::map<std::uint32_t, SteadyTime> offline_since_;  ///< Friends who have disconnected.
  SteadyTime callbacks_from_{};
  SteadyTime next_friend_check_{};
  void* user_data_ = nullptr;  ///< Of the current iterate().
};

}  // namespace toxasync::preload
