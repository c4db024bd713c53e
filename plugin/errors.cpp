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
constexpr const char* no_memory = "not enough memory";

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
      return "it could not be written to the disk: make room there, and send it again";
    case TOX_ASYNC_FAIL_REASON_FRIEND_REMOVED:
      return "the friend was removed while it waited";
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
      return "no such message is on its way";
    case TOX_ERR_ASYNC_MESSAGE_CANCEL_TOO_LATE:
      return "it is too late: the friend has fetched the message, or it went to them directly";
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
      return "not enough memory, or no thread could be started";
    case TOX_ERR_ASYNC_NEW_DISABLED:
      return "offline messages are switched off: enable them in the client's settings, or set TOX_ASYNC=1 in "
             "the "
             "environment";
    case TOX_ERR_ASYNC_NEW_EXISTS:
      return "this Tox instance has a Tox_Async already: use that one, or kill it first";
    case TOX_ERR_ASYNC_NEW_OPTION:
      return "an option is outside its range: the log tells which";
    case TOX_ERR_ASYNC_NEW_CRYPTO:
      return "libsodium cannot be used: the system gives no random bytes";
    case TOX_ERR_ASYNC_NEW_TRANSPORT:
      return "this transport cannot be used with this Tox instance or this libtoxcore: run with a libtoxcore "
             "built by "
             "patches/build-toxcore.sh and UDP switched on, or choose the transport udp (the log tells why)";
    case TOX_ERR_ASYNC_NEW_PORT:
      return "the UDP port cannot be had: choose another one, or 0 for any (the log tells why)";
    case TOX_ERR_ASYNC_NEW_STATE_PATH:
      return "there is no place for the database: set a path in the client's settings, or HOME or "
             "XDG_DATA_HOME in "
             "the environment";
    case TOX_ERR_ASYNC_NEW_STATE_DIRECTORY_MISSING:
    case TOX_ERR_ASYNC_NEW_STATE_NOT_WRITABLE:
    case TOX_ERR_ASYNC_NEW_STATE_LOCKED:
    case TOX_ERR_ASYNC_NEW_STATE_NOT_A_DATABASE:
    case TOX_ERR_ASYNC_NEW_STATE_DAMAGED:
    case TOX_ERR_ASYNC_NEW_STATE_NEWER_VERSION:
    case TOX_ERR_ASYNC_NEW_STATE_NO_SPACE:
    case TOX_ERR_ASYNC_NEW_STATE_WRONG_KEY:
    case TOX_ERR_ASYNC_NEW_STATE_IO:
      // String literals, so they end with a zero.
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
      return "there is no friend with that number";
    case TOX_ERR_ASYNC_FRIEND_SEND_MESSAGE_FRIEND_NOT_READY:
      return "the friend's keys and storage nodes are not known yet: both of you must be online together "
             "once, with "
             "toxasync, before messages can be left";
    case TOX_ERR_ASYNC_FRIEND_SEND_MESSAGE_TYPE:
      return "the message type is not one";
    case TOX_ERR_ASYNC_FRIEND_SEND_MESSAGE_EMPTY:
      return "the message is empty";
    case TOX_ERR_ASYNC_FRIEND_SEND_MESSAGE_TOO_LONG:
      return "the message is longer than 65536 bytes: split it, or send a file";
    case TOX_ERR_ASYNC_FRIEND_SEND_MESSAGE_NOT_UTF8:
      return "the message is not UTF-8";
    case TOX_ERR_ASYNC_FRIEND_SEND_MESSAGE_CLOCK:
      return "the system's clock shows a time before 2025: set the clock";
    case TOX_ERR_ASYNC_FRIEND_SEND_MESSAGE_TIME_TO_LIVE:
      return "the time to live must be 86400, 259200, 604800 or 1209600 seconds (1, 3, 7 or 14 days)";
    case TOX_ERR_ASYNC_FRIEND_SEND_MESSAGE_OUTBOX_FULL:
      return "too many messages wait to be delivered: send again later";
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
      return "not a Tox id: a digit is wrong or missing; copy it again";
    case TOX_ERR_ASYNC_FRIEND_REQUEST_SEND_OWN_ADDRESS:
      return "this is your own Tox id";
    case TOX_ERR_ASYNC_FRIEND_REQUEST_SEND_ALREADY_FRIEND:
      return "this is a friend whose keys are here already: send a message";
    case TOX_ERR_ASYNC_FRIEND_REQUEST_SEND_ALREADY_SENT:
      return "a request to this Tox id is under way: cancel it first if it is to say something else";
    case TOX_ERR_ASYNC_FRIEND_REQUEST_SEND_EMPTY:
      return "the message is empty";
    case TOX_ERR_ASYNC_FRIEND_REQUEST_SEND_TOO_LONG:
      return "the message is longer than 921 bytes: shorten it";
    case TOX_ERR_ASYNC_FRIEND_REQUEST_SEND_NOT_UTF8:
      return "the message is not UTF-8";
    case TOX_ERR_ASYNC_FRIEND_REQUEST_SEND_CLOCK:
      return "the system's clock shows a time before 2025: set the clock";
    case TOX_ERR_ASYNC_FRIEND_REQUEST_SEND_TOO_MANY:
      return "too many friend requests are under way: cancel one first";
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
      return "not a node's address line, which looks like toxasync:<64 hexadecimal digits>@192.0.2.7:33445 "
             "(the log "
             "tells what is wrong)";
    case TOX_ERR_ASYNC_NODE_ADD_BAD_ADDRESS:
      return "the node's address is local to a machine or network: allow local addresses in the options if "
             "that is "
             "meant";
    case TOX_ERR_ASYNC_NODE_ADD_TOO_MANY:
      return "there are 5 storage nodes already: remove one first";
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
      return "there is no such storage node";
  }
  return "<invalid Tox_Err_Async_Node_Remove>";
}
