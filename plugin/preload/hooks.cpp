// SPDX-License-Identifier: GPL-3.0-or-later
// The functions that a program calls in place of libtoxcore's while this module is in LD_PRELOAD. Without
// TOX_ASYNC=1, each of them only calls the host's own function.
#include <algorithm>
#include <exception>
#include <unordered_map>

#include "plugin/preload/companion.hpp"

using namespace toxasync::preload;

namespace {

/// Lives until the program has ended: threads of the client may outlive main().
struct Registry {
  std::mutex mutex;
  std::unordered_map<const Tox*, std::shared_ptr<Companion>> companions;
};

Registry& registry() {
  static auto* const instance = new Registry;
  return *instance;
}

/// Null: call the host, because toxasync is off, this is not one of the program's instances, or the caller is
/// a Companion.
std::shared_ptr<Companion> companion_of(const Tox* tox) {
  if (CompanionLock::held_by_this_thread() || !Process::enabled()) {
    return nullptr;
  }
  const std::lock_guard lock(registry().mutex);
  const auto found = registry().companions.find(tox);
  return found == registry().companions.end() ? nullptr : found->second;
}

/// Runs what we do in addition to the host. When memory runs out, it is not done.
template <class Body>
void ignoring_exceptions(Body&& body) noexcept {
  try {
    body();
  } catch (const std::exception&) {
  }
}

void on_connection(Tox* tox, std::uint32_t friend_number, Tox_Connection connection,
                   void* user_data) noexcept {
  if (const auto companion = companion_of(tox)) {
    companion->on_connection(friend_number, connection, user_data);
  }
}

void on_lossless_packet(Tox* tox, std::uint32_t friend_number, const std::uint8_t* data, std::size_t length,
                        void* user_data) noexcept {
  if (const auto companion = companion_of(tox)) {
    companion->on_lossless_packet(friend_number, data, length, user_data);
  }
}

/// Remembers what the client registers. True: the host gets it too.
template <class Callback>
bool remember(const Tox* tox, Callback* ClientCallbacks::*which, Callback* callback) {
  const auto companion = companion_of(tox);
  if (companion) {
    companion->set_callback(which, callback);
  }
  return companion == nullptr;
}

}  // namespace

Tox* tox_new(const struct Tox_Options* options, Tox_Err_New* error) {
  Tox* const tox = host().tox_new(options, error);
  if (tox == nullptr || CompanionLock::held_by_this_thread() || !Process::enabled()) {
    return tox;
  }
  ignoring_exceptions([&] {
    const bool has_profile =
        options != nullptr && tox_options_get_savedata_type(options) != TOX_SAVEDATA_TYPE_NONE;
    auto companion = std::make_shared<Companion>(tox, options, has_profile, Process::instance());
    {
      const std::lock_guard lock(registry().mutex);
      registry().companions[tox] = std::move(companion);
    }
    host().tox_callback_friend_connection_status(tox, on_connection);
    host().tox_callback_friend_lossless_packet(tox, on_lossless_packet);
  });
  return tox;
}

void tox_kill(Tox* tox) {
  ignoring_exceptions([&] {
    std::shared_ptr<Companion> last;  // Destroyed without the lock: it waits for the disk.
    const std::lock_guard lock(registry().mutex);
    const auto found = registry().companions.find(tox);
    if (found != registry().companions.end()) {
      last = std::move(found->second);
      registry().companions.erase(found);
    }
  });
  host().tox_kill(tox);
}

void tox_iterate(Tox* tox, void* user_data) {
  host().tox_iterate(tox, user_data);
  if (const auto companion = companion_of(tox)) {
    ignoring_exceptions([&] { companion->iterate(user_data); });
  }
}

uint32_t tox_iteration_interval(const Tox* tox) {
  const std::uint32_t interval_ms = host().tox_iteration_interval(tox);
  const auto companion = companion_of(tox);
  return companion ? companion->interval_ms(interval_ms) : interval_ms;
}

bool tox_bootstrap(Tox* tox, const char* host_name, uint16_t port, const uint8_t* public_key,
                   Tox_Err_Bootstrap* error) {
  if (const auto companion = companion_of(tox)) {
    ignoring_exceptions([&] { companion->on_bootstrap(host_name, port, public_key, false); });
  }
  return host().tox_bootstrap(tox, host_name, port, public_key, error);
}

bool tox_add_tcp_relay(Tox* tox, const char* host_name, uint16_t port, const uint8_t* public_key,
                       Tox_Err_Bootstrap* error) {
  if (const auto companion = companion_of(tox)) {
    ignoring_exceptions([&] { companion->on_bootstrap(host_name, port, public_key, true); });
  }
  return host().tox_add_tcp_relay(tox, host_name, port, public_key, error);
}

void tox_callback_friend_connection_status(Tox* tox, tox_friend_connection_status_cb* callback) {
  if (remember(tox, &ClientCallbacks::connection, callback)) {
    host().tox_callback_friend_connection_status(tox, callback);
  }
}

void tox_callback_friend_lossless_packet(Tox* tox, tox_friend_lossless_packet_cb* callback) {
  if (remember(tox, &ClientCallbacks::lossless, callback)) {
    host().tox_callback_friend_lossless_packet(tox, callback);
  }
}

void tox_callback_friend_status(Tox* tox, tox_friend_status_cb* callback) {
  remember(tox, &ClientCallbacks::status, callback);
  host().tox_callback_friend_status(tox, callback);
}

void tox_callback_friend_message(Tox* tox, tox_friend_message_cb* callback) {
  remember(tox, &ClientCallbacks::message, callback);
  host().tox_callback_friend_message(tox, callback);
}

void tox_callback_friend_read_receipt(Tox* tox, tox_friend_read_receipt_cb* callback) {
  remember(tox, &ClientCallbacks::receipt, callback);
  host().tox_callback_friend_read_receipt(tox, callback);
}

void tox_callback_friend_request(Tox* tox, tox_friend_request_cb* callback) {
  remember(tox, &ClientCallbacks::request, callback);
  host().tox_callback_friend_request(tox, callback);
}

/// ToxAV asks by this, from libtoxcore 0.2.20 on, whether a call can be made, and whether it has to end.
Tox_Connection tox_friend_get_connection_status(const Tox* tox, uint32_t friend_number,
                                                Tox_Err_Friend_Query* error) {
  const Tox_Connection connection = host().tox_friend_get_connection_status(tox, friend_number, error);
  const bool may_be_shown = connection == TOX_CONNECTION_NONE && !is_host_code(__builtin_return_address(0));
  const auto companion = may_be_shown ? companion_of(tox) : nullptr;
  return companion && companion->shown_away(friend_number) ? TOX_CONNECTION_TCP : connection;
}

Tox_User_Status tox_friend_get_status(const Tox* tox, uint32_t friend_number, Tox_Err_Friend_Query* error) {
  const Tox_User_Status status = host().tox_friend_get_status(tox, friend_number, error);
  const auto companion = companion_of(tox);
  return companion && companion->shown_away(friend_number) ? TOX_USER_STATUS_AWAY : status;
}

uint32_t tox_friend_send_message(Tox* tox, uint32_t friend_number, Tox_Message_Type type,
                                 const uint8_t* message, size_t length, Tox_Err_Friend_Send_Message* error) {
  if (const auto companion = companion_of(tox)) {
    try {
      return companion->send(friend_number, type, message, length, error);
    } catch (const std::exception&) {
      if (error != nullptr) {
        *error = TOX_ERR_FRIEND_SEND_MESSAGE_SENDQ;  // What the host says when memory has run out.
      }
      return 0;
    }
  }
  return host().tox_friend_send_message(tox, friend_number, type, message, length, error);
}

uint32_t tox_friend_add(Tox* tox, const uint8_t* address, const uint8_t* message, size_t length,
                        Tox_Err_Friend_Add* error) {
  const std::uint32_t number = host().tox_friend_add(tox, address, message, length, error);
  const auto companion = number != UINT32_MAX ? companion_of(tox) : nullptr;
  if (companion) {
    ignoring_exceptions([&] { companion->on_friend_requested(address, message, length); });
  }
  return number;
}

bool tox_friend_delete(Tox* tox, uint32_t friend_number, Tox_Err_Friend_Delete* error) {
  const bool deleted = host().tox_friend_delete(tox, friend_number, error);
  const auto companion = deleted ? companion_of(tox) : nullptr;
  if (companion) {
    companion->on_friend_deleted(friend_number);
  }
  return deleted;
}

uint32_t tox_file_send(Tox* tox, uint32_t friend_number, uint32_t kind, uint64_t file_size,
                       const uint8_t* file_id, const uint8_t* filename, size_t filename_length,
                       Tox_Err_File_Send* error) {
  Tox_Err_File_Send failed = TOX_ERR_FILE_SEND_OK;
  std::uint32_t number =
      host().tox_file_send(tox, friend_number, kind, file_size, file_id, filename, filename_length, &failed);
  const bool maybe_ours = failed == TOX_ERR_FILE_SEND_FRIEND_NOT_CONNECTED && kind == TOX_FILE_KIND_AVATAR &&
                          filename_length <= TOX_MAX_FILENAME_LENGTH;
  if (const auto companion = maybe_ours ? companion_of(tox) : nullptr) {
    ignoring_exceptions([&] {
      PendingAvatar avatar{file_size, std::nullopt, {}};
      if (file_id != nullptr) {
        std::copy_n(file_id, TOX_FILE_ID_LENGTH, avatar.id.emplace().begin());
      }
      if (filename != nullptr) {
        avatar.name.assign(reinterpret_cast<const char*>(filename), filename_length);
      }
      if (const auto promised = companion->defer_avatar(friend_number, std::move(avatar))) {
        number = *promised;
        failed = TOX_ERR_FILE_SEND_OK;
      }
    });
  }
  if (error != nullptr) {
    *error = failed;
  }
  return number;
}

bool tox_file_control(Tox* tox, uint32_t friend_number, uint32_t file_number, Tox_File_Control control,
                      Tox_Err_File_Control* error) {
  const auto companion = control == TOX_FILE_CONTROL_CANCEL ? companion_of(tox) : nullptr;
  if (companion && companion->cancel_avatar(friend_number, file_number)) {
    if (error != nullptr) {
      *error = TOX_ERR_FILE_CONTROL_OK;
    }
    return true;
  }
  return host().tox_file_control(tox, friend_number, file_number, control, error);
}

bool tox_file_get_file_id(const Tox* tox, uint32_t friend_number, uint32_t file_number, uint8_t* file_id,
                          Tox_Err_File_Get* error) {
  const auto companion = file_id != nullptr ? companion_of(tox) : nullptr;
  const auto id = companion ? companion->avatar_id(friend_number, file_number) : std::nullopt;
  if (!id) {
    return host().tox_file_get_file_id(tox, friend_number, file_number, file_id, error);
  }
  std::ranges::copy(*id, file_id);
  if (error != nullptr) {
    *error = TOX_ERR_FILE_GET_OK;
  }
  return true;
}
