// SPDX-License-Identifier: GPL-3.0-or-later
#include "plugin/tox_async.h"
#include "store/open_error.hpp"

using toxasync::store::OpenError;

namespace {

static_assert(TOX_ERR_ASYNC_NEW_STATE_IO - TOX_ERR_ASYNC_NEW_STATE_DIRECTORY_MISSING ==
              static_cast<int>(OpenError::io));
static_assert(TOX_ERR_ASYNC_NEW_STATE_LOCKED - TOX_ERR_ASYNC_NEW_STATE_DIRECTORY_MISSING ==
              static_cast<int>(OpenError::locked));
static_assert(TOX_ERR_ASYNC_NEW_STATE_DAMAGED - TOX_ERR_ASYNC_NEW_STATE_DIRECTORY_MISSING ==
              static_cast<int>(OpenError::damaged));
static_assert(TOX_ERR_ASYNC_NEW_STATE_WRONG_KEY - TOX_ERR_ASYNC_NEW_STATE_DIRECTORY_MISSING ==
              static_cast<int>(OpenError::wrong_key));

constexpr const char* success = "the function returned successfully";
constexpr const char* null_argument = "an argument was NULL";
constexpr const char* no_memory = "out of memory";

}  // namespace

const char* tox_async_transport_to_string(Tox_Async_Transport value) {
  switch (value) {
    case TOX_ASYNC_TRANSPORT_AUTO:
      return "auto";
    case TOX_ASYNC_TRANSPORT_DISPATCHER:
      return "dispatcher";
    case TOX_ASYNC_TRANSPORT_UDP:
      return "udp";
    case TOX_ASYNC_TRANSPORT_COURIER:
      return "courier";
  }
  return "<invalid Tox_Async_Transport>";
}

const char* tox_err_async_bootstrap_to_string(Tox_Err_Async_Bootstrap value) {
  switch (value) {
    case TOX_ERR_ASYNC_BOOTSTRAP_OK:
      return success;
    case TOX_ERR_ASYNC_BOOTSTRAP_NULL:
      return null_argument;
    case TOX_ERR_ASYNC_BOOTSTRAP_BAD_HOST:
      return "the host is empty or longer than 255 bytes";
    case TOX_ERR_ASYNC_BOOTSTRAP_BAD_PORT:
      return "the port is 0";
    case TOX_ERR_ASYNC_BOOTSTRAP_MALLOC:
      return no_memory;
  }
  return "<invalid Tox_Err_Async_Bootstrap>";
}

const char* tox_async_log_level_to_string(Tox_Async_Log_Level value) {
  switch (value) {
    case TOX_ASYNC_LOG_LEVEL_DEBUG:
      return "debug";
    case TOX_ASYNC_LOG_LEVEL_INFO:
      return "info";
    case TOX_ASYNC_LOG_LEVEL_WARNING:
      return "warning";
    case TOX_ASYNC_LOG_LEVEL_ERROR:
      return "error";
  }
  return "<invalid Tox_Async_Log_Level>";
}

const char* tox_async_fail_reason_to_string(Tox_Async_Fail_Reason value) {
  switch (value) {
    case TOX_ASYNC_FAIL_REASON_NONE:
      return "none";
    case TOX_ASYNC_FAIL_REASON_DISK:
      return "the message could not be written to disk: free some disk space, and send it again";
    case TOX_ASYNC_FAIL_REASON_FRIEND_REMOVED:
      return "the friend was removed before the message was delivered";
  }
  return "<invalid Tox_Async_Fail_Reason>";
}

const char* tox_err_async_message_cancel_to_string(Tox_Err_Async_Message_Cancel value) {
  switch (value) {
    case TOX_ERR_ASYNC_MESSAGE_CANCEL_OK:
      return success;
    case TOX_ERR_ASYNC_MESSAGE_CANCEL_NULL:
      return null_argument;
    case TOX_ERR_ASYNC_MESSAGE_CANCEL_MALLOC:
      return no_memory;
    case TOX_ERR_ASYNC_MESSAGE_CANCEL_NOT_FOUND:
      return "no message with this id is waiting: it has been delivered, cancelled, has expired or failed, "
             "or the id is wrong";
    case TOX_ERR_ASYNC_MESSAGE_CANCEL_TOO_LATE:
      return "too late: the friend has fetched the message already, or received it directly";
  }
  return "<invalid Tox_Err_Async_Message_Cancel>";
}

const char* tox_async_message_state_to_string(Tox_Async_Message_State value) {
  switch (value) {
    case TOX_ASYNC_MESSAGE_STATE_QUEUED:
      return "queued";
    case TOX_ASYNC_MESSAGE_STATE_STORED:
      return "stored";
    case TOX_ASYNC_MESSAGE_STATE_DELIVERED:
      return "delivered";
    case TOX_ASYNC_MESSAGE_STATE_EXPIRED:
      return "expired";
    case TOX_ASYNC_MESSAGE_STATE_CANCELLED:
      return "cancelled";
    case TOX_ASYNC_MESSAGE_STATE_FAILED:
      return "failed";
  }
  return "<invalid Tox_Async_Message_State>";
}

const char* tox_async_friend_request_state_to_string(Tox_Async_Friend_Request_State value) {
  switch (value) {
    case TOX_ASYNC_FRIEND_REQUEST_STATE_QUEUED:
      return "queued";
    case TOX_ASYNC_FRIEND_REQUEST_STATE_STORED:
      return "stored";
    case TOX_ASYNC_FRIEND_REQUEST_STATE_ANSWERED:
      return "answered";
    case TOX_ASYNC_FRIEND_REQUEST_STATE_EXPIRED:
      return "expired";
    case TOX_ASYNC_FRIEND_REQUEST_STATE_CANCELLED:
      return "cancelled";
    case TOX_ASYNC_FRIEND_REQUEST_STATE_FAILED:
      return "failed";
  }
  return "<invalid Tox_Async_Friend_Request_State>";
}

const char* tox_err_async_options_new_to_string(Tox_Err_Async_Options_New value) {
  switch (value) {
    case TOX_ERR_ASYNC_OPTIONS_NEW_OK:
      return success;
    case TOX_ERR_ASYNC_OPTIONS_NEW_MALLOC:
      return no_memory;
  }
  return "<invalid Tox_Err_Async_Options_New>";
}

const char* tox_err_async_new_to_string(Tox_Err_Async_New value) {
  switch (value) {
    case TOX_ERR_ASYNC_NEW_OK:
      return success;
    case TOX_ERR_ASYNC_NEW_NULL:
      return null_argument;
    case TOX_ERR_ASYNC_NEW_MALLOC:
      return "out of memory, or a thread could not be started";
    case TOX_ERR_ASYNC_NEW_DISABLED:
      return "offline messages are switched off: enable them in the client's settings, or set TOX_ASYNC=1 in "
             "the environment";
    case TOX_ERR_ASYNC_NEW_EXISTS:
      return "this Tox instance already has a Tox_Async: use that one, or call tox_async_kill for it first";
    case TOX_ERR_ASYNC_NEW_OPTION:
      return "an option is out of range: the log says which one";
    case TOX_ERR_ASYNC_NEW_CRYPTO:
      return "libsodium cannot be used: the system provides no random numbers";
    case TOX_ERR_ASYNC_NEW_TRANSPORT:
      return "the transport cannot be used with this Tox instance or libtoxcore: the log says why; choose "
             "another one, or `auto`";
    case TOX_ERR_ASYNC_NEW_PORT:
      return "cannot bind the UDP port: choose another one, or 0 for any (the log says why)";
    case TOX_ERR_ASYNC_NEW_STATE_PATH:
      return "no directory for the database: set a path in the client's settings, or HOME or XDG_DATA_HOME "
             "in the environment";
    case TOX_ERR_ASYNC_NEW_STATE_DIRECTORY_MISSING:
    case TOX_ERR_ASYNC_NEW_STATE_NOT_WRITABLE:
    case TOX_ERR_ASYNC_NEW_STATE_LOCKED:
    case TOX_ERR_ASYNC_NEW_STATE_NOT_A_DATABASE:
    case TOX_ERR_ASYNC_NEW_STATE_DAMAGED:
    case TOX_ERR_ASYNC_NEW_STATE_NEWER_VERSION:
    case TOX_ERR_ASYNC_NEW_STATE_NO_SPACE:
    case TOX_ERR_ASYNC_NEW_STATE_WRONG_KEY:
    case TOX_ERR_ASYNC_NEW_STATE_IO:
      // String literals: null-terminated.
      return describe(static_cast<OpenError>(value - TOX_ERR_ASYNC_NEW_STATE_DIRECTORY_MISSING)).data();
  }
  return "<invalid Tox_Err_Async_New>";
}

const char* tox_err_async_friend_send_message_to_string(Tox_Err_Async_Friend_Send_Message value) {
  switch (value) {
    case TOX_ERR_ASYNC_FRIEND_SEND_MESSAGE_OK:
      return success;
    case TOX_ERR_ASYNC_FRIEND_SEND_MESSAGE_NULL:
      return null_argument;
    case TOX_ERR_ASYNC_FRIEND_SEND_MESSAGE_MALLOC:
      return no_memory;
    case TOX_ERR_ASYNC_FRIEND_SEND_MESSAGE_FRIEND_NOT_FOUND:
      return "no friend with this number";
    case TOX_ERR_ASYNC_FRIEND_SEND_MESSAGE_FRIEND_NOT_READY:
      return "the friend's keys and storage nodes are not known yet: wait until you are both online at the "
             "same time with toxasync, or have a storage node in common";
    case TOX_ERR_ASYNC_FRIEND_SEND_MESSAGE_TYPE:
      return "unknown message type";
    case TOX_ERR_ASYNC_FRIEND_SEND_MESSAGE_EMPTY:
      return "the message is empty";
    case TOX_ERR_ASYNC_FRIEND_SEND_MESSAGE_TOO_LONG:
      return "the message is longer than 65536 bytes: split it, or send a file";
    case TOX_ERR_ASYNC_FRIEND_SEND_MESSAGE_NOT_UTF8:
      return "the message is not valid UTF-8: convert it before sending";
    case TOX_ERR_ASYNC_FRIEND_SEND_MESSAGE_CLOCK:
      return "the system clock is wrong (before 2025): set it";
    case TOX_ERR_ASYNC_FRIEND_SEND_MESSAGE_TIME_TO_LIVE:
      return "the time to live must be 86400, 259200, 604800 or 1209600 seconds (1, 3, 7 or 14 days)";
    case TOX_ERR_ASYNC_FRIEND_SEND_MESSAGE_OUTBOX_FULL:
      return "too many messages are waiting to be delivered: send again later";
  }
  return "<invalid Tox_Err_Async_Friend_Send_Message>";
}

const char* tox_err_async_friend_request_send_to_string(Tox_Err_Async_Friend_Request_Send value) {
  switch (value) {
    case TOX_ERR_ASYNC_FRIEND_REQUEST_SEND_OK:
      return success;
    case TOX_ERR_ASYNC_FRIEND_REQUEST_SEND_NULL:
      return null_argument;
    case TOX_ERR_ASYNC_FRIEND_REQUEST_SEND_MALLOC:
      return no_memory;
    case TOX_ERR_ASYNC_FRIEND_REQUEST_SEND_BAD_ADDRESS:
      return "not a valid Tox ID: check for wrong or missing digits";
    case TOX_ERR_ASYNC_FRIEND_REQUEST_SEND_OWN_ADDRESS:
      return "this is your own Tox ID";
    case TOX_ERR_ASYNC_FRIEND_REQUEST_SEND_ALREADY_FRIEND:
      return "this friend can already receive offline messages: send one instead";
    case TOX_ERR_ASYNC_FRIEND_REQUEST_SEND_ALREADY_SENT:
      return "a request to this Tox ID is already being sent: cancel it first to send another text";
    case TOX_ERR_ASYNC_FRIEND_REQUEST_SEND_EMPTY:
      return "the message is empty";
    case TOX_ERR_ASYNC_FRIEND_REQUEST_SEND_TOO_LONG:
      return "the message is longer than 921 bytes: shorten it";
    case TOX_ERR_ASYNC_FRIEND_REQUEST_SEND_NOT_UTF8:
      return "the message is not valid UTF-8: convert it before sending";
    case TOX_ERR_ASYNC_FRIEND_REQUEST_SEND_CLOCK:
      return "the system clock is wrong (before 2025): set it";
    case TOX_ERR_ASYNC_FRIEND_REQUEST_SEND_TOO_MANY:
      return "too many friend requests are being sent: cancel one first";
  }
  return "<invalid Tox_Err_Async_Friend_Request_Send>";
}

const char* tox_err_async_node_add_to_string(Tox_Err_Async_Node_Add value) {
  switch (value) {
    case TOX_ERR_ASYNC_NODE_ADD_OK:
      return success;
    case TOX_ERR_ASYNC_NODE_ADD_NULL:
      return null_argument;
    case TOX_ERR_ASYNC_NODE_ADD_MALLOC:
      return no_memory;
    case TOX_ERR_ASYNC_NODE_ADD_BAD_LINE:
      return "not the address line of a node, such as toxasync:<64 hexadecimal digits>@192.0.2.7:33445 (the "
             "log "
             "says what is wrong)";
    case TOX_ERR_ASYNC_NODE_ADD_BAD_ADDRESS:
      return "the node has an address of a local network: to use it, allow local addresses "
             "(tox_async_options_set_allow_local_addresses, or `local-addresses = yes` in toxasync.conf)";
    case TOX_ERR_ASYNC_NODE_ADD_TOO_MANY:
      return "there are already 5 storage nodes, the maximum: remove one first";
  }
  return "<invalid Tox_Err_Async_Node_Add>";
}

const char* tox_err_async_node_remove_to_string(Tox_Err_Async_Node_Remove value) {
  switch (value) {
    case TOX_ERR_ASYNC_NODE_REMOVE_OK:
      return success;
    case TOX_ERR_ASYNC_NODE_REMOVE_NULL:
      return null_argument;
    case TOX_ERR_ASYNC_NODE_REMOVE_MALLOC:
      return no_memory;
    case TOX_ERR_ASYNC_NODE_REMOVE_NOT_FOUND:
      return "no storage node with this id";
  }
  return "<invalid Tox_Err_Async_Node_Remove>";
}
