// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <tox/tox.h>

namespace toxasync::preload {

/// The functions of libtoxcore that we stand before (hooks.cpp).
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

/// The host's own ones.
struct Host {
// NOLINTNEXTLINE(bugprone-macro-parentheses): a member's name stands in none.
#define TOXASYNC_MEMBER(name) decltype(&::name) name = nullptr;
  TOXASYNC_HOOKS(TOXASYNC_MEMBER)
#undef TOXASYNC_MEMBER
};

/// Looks them up the first time. Ends the process, saying so, when the program calls one that its libtoxcore
/// does not have: then there is nothing that could be done in its place.
const Host& host() noexcept;

/// Whether that instruction is libtoxcore's own.
bool is_host_code(const void* address) noexcept;

}  // namespace toxasync::preload
