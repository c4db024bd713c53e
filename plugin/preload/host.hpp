// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <tox/tox.h>

namespace toxasync::preload {

/// The functions of libtoxcore that hooks.cpp replaces.
#define TOXASYNC_HOOKS(DO)                  \
  DO(tox_new)                               \
  DO(tox_kill)                              \
  DO(tox_iterate)                           \
  DO(tox_iteration_interval)                \
  DO(tox_bootstrap)                         \
  DO(tox_add_tcp_relay)                     \
  DO(tox_callback_friend_connection_status) \
  DO(tox_callback_friend_status)            \
  DO(tox_callback_friend_message)           \
  DO(tox_callback_friend_read_receipt)      \
  DO(tox_callback_friend_lossless_packet)   \
  DO(tox_callback_friend_request)           \
  DO(tox_friend_get_connection_status)      \
  DO(tox_friend_get_status)                 \
  DO(tox_friend_send_message)               \
  DO(tox_friend_add)                        \
  DO(tox_friend_delete)                     \
  DO(tox_file_send)                         \
  DO(tox_file_control)                      \
  DO(tox_file_get_file_id)

/// The host's own functions.
struct Host {
// NOLINTNEXTLINE(bugprone-macro-parentheses): a member's name stands in none.
#define TOXASYNC_MEMBER(name) decltype(&::name) name = nullptr;
  TOXASYNC_HOOKS(TOXASYNC_MEMBER)
#undef TOXASYNC_MEMBER
};

/// Looks them up at the first call. Aborts the process with a message if its libtoxcore lacks one of them.
const Host& host() noexcept;

/// Whether this address is in the code of libtoxcore.
bool is_host_code(const void* address) noexcept;

}  // namespace toxasync::preload
