// SPDX-License-Identifier: GPL-3.0-or-later
#include <algorithm>

#include "plugin/tox_async_impl.hpp"

using namespace toxasync;

namespace {

Tox_Err_Async_Friend_Send_Message from_send_error(manager::SendError error) noexcept {
  switch (error) {
    case manager::SendError::unknown_friend:
      return TOX_ERR_ASYNC_FRIEND_SEND_MESSAGE_FRIEND_NOT_FOUND;
    case manager::SendError::no_bundle:
      return TOX_ERR_ASYNC_FRIEND_SEND_MESSAGE_FRIEND_NOT_READY;
    case manager::SendError::empty:
      return TOX_ERR_ASYNC_FRIEND_SEND_MESSAGE_EMPTY;
    case manager::SendError::too_long:
      return TOX_ERR_ASYNC_FRIEND_SEND_MESSAGE_TOO_LONG;
    case manager::SendError::not_utf8:
      return TOX_ERR_ASYNC_FRIEND_SEND_MESSAGE_NOT_UTF8;
    case manager::SendError::clock:
      return TOX_ERR_ASYNC_FRIEND_SEND_MESSAGE_CLOCK;
    case manager::SendError::time_to_live:
      return TOX_ERR_ASYNC_FRIEND_SEND_MESSAGE_TIME_TO_LIVE;
    case manager::SendError::outbox_full:
      break;
  }
  return TOX_ERR_ASYNC_FRIEND_SEND_MESSAGE_OUTBOX_FULL;
}

Tox_Err_Async_Friend_Send_Message send(Tox_Async& async, std::uint32_t friend_number, Tox_Message_Type type,
                                       ByteView text, seconds time_to_live, std::uint8_t* message_id) {
  const auto key = async.friends->key_of(friend_number);
  if (!key) {
    return TOX_ERR_ASYNC_FRIEND_SEND_MESSAGE_FRIEND_NOT_FOUND;
  }
  if (!async.friends->is_known(*key)) {
    async.friends->refresh();  // The client has just added them.
  }
  const auto kind =
      type == TOX_MESSAGE_TYPE_ACTION ? crypto::MessageKind::action : crypto::MessageKind::normal;
  const auto sent = async.manager->send(*key, kind, text, time_to_live);
  if (!sent) {
    return from_send_error(sent.error());
  }
  if (message_id != nullptr) {
    std::copy(sent->begin(), sent->end(), message_id);
  }
  return TOX_ERR_ASYNC_FRIEND_SEND_MESSAGE_OK;
}

}  // namespace

bool Tox_Async::on_message(const manager::ReceivedMessage& message) noexcept {
  const auto number = friends->number_of(message.from);
  if (!number) {
    return false;  // Just removed: the manager will drop their messages when it learns of that.
  }
  if (message_callback == nullptr) {
    if (!warned_about_missing_callback) {
      warned_about_missing_callback = true;
      telemetry.log(
          LogLevel::warning, "messages",
          "the client has not registered a callback for messages: received messages are kept until it does");
    }
    return false;
  }
  const auto type =
      message.kind == crypto::MessageKind::action ? TOX_MESSAGE_TYPE_ACTION : TOX_MESSAGE_TYPE_NORMAL;
  message_callback(this, *number, type, message.text.data(), message.text.size(),
                   since_1970_ms(message.sent_at), message.id.data(), message.late, user_data);
  return true;
}

void Tox_Async::on_message_state(const manager::MessageStatus& status) noexcept {
  if (message_state_callback != nullptr) {
    message_state_callback(this, status.id.data(),
                           friends->number_of(status.to).value_or(TOX_ASYNC_NO_FRIEND),
                           static_cast<Tox_Async_Message_State>(status.state), status.stored, status.wanted,
                           static_cast<Tox_Async_Fail_Reason>(status.reason), user_data);
  }
}

void Tox_Async::on_friend_ready(const manager::FriendKey& key) noexcept {
  const auto number = friends->number_of(key);
  if (number && friend_ready_callback != nullptr) {
    friend_ready_callback(this, *number, user_data);
  }
}

bool tox_async_friend_ready(const Tox_Async* async, uint32_t friend_number) {
  if (async == nullptr) {
    return false;
  }
  return guarded(false, [&] {
    const auto key = async->friends->key_of(friend_number);
    return key && async->manager->friend_ready(*key);
  });
}

bool tox_async_friend_send_message(Tox_Async* async, uint32_t friend_number, Tox_Message_Type type,
                                   const uint8_t* message, size_t length, uint8_t* message_id,
                                   Tox_Err_Async_Friend_Send_Message* error) {
  return tox_async_friend_send_message_for(async, friend_number, type, message, length, 0, message_id, error);
}

bool tox_async_friend_send_message_for(Tox_Async* async, uint32_t friend_number, Tox_Message_Type type,
                                       const uint8_t* message, size_t length, uint32_t time_to_live,
                                       uint8_t* message_id, Tox_Err_Async_Friend_Send_Message* error) {
  auto failed = TOX_ERR_ASYNC_FRIEND_SEND_MESSAGE_OK;
  if (async == nullptr || message == nullptr) {
    failed = TOX_ERR_ASYNC_FRIEND_SEND_MESSAGE_NULL;
  } else if (type != TOX_MESSAGE_TYPE_NORMAL && type != TOX_MESSAGE_TYPE_ACTION) {
    failed = TOX_ERR_ASYNC_FRIEND_SEND_MESSAGE_TYPE;
  } else {
    failed = guarded(TOX_ERR_ASYNC_FRIEND_SEND_MESSAGE_MALLOC, [&] {
      return send(*async, friend_number, type, {message, length}, seconds(time_to_live), message_id);
    });
  }
  set_error(error, failed);
  return failed == TOX_ERR_ASYNC_FRIEND_SEND_MESSAGE_OK;
}

bool tox_async_message_get_state(const Tox_Async* async, const uint8_t* message_id,
                                 Tox_Async_Message_State* state, uint8_t* stored, uint8_t* wanted) {
  if (async == nullptr || message_id == nullptr) {
    return false;
  }
  return guarded(false, [&] {
    const auto status =
        async->manager->status(id_from<crypto::MessageId>({message_id, TOX_ASYNC_MESSAGE_ID_SIZE}));
    if (!status) {
      return false;
    }
    if (state != nullptr) {
      *state = static_cast<Tox_Async_Message_State>(status->state);
    }
    if (stored != nullptr) {
      *stored = status->stored;
    }
    if (wanted != nullptr) {
      *wanted = status->wanted;
    }
    return true;
  });
}

bool tox_async_message_cancel(Tox_Async* async, const uint8_t* message_id,
                              Tox_Err_Async_Message_Cancel* error) {
  auto failed = TOX_ERR_ASYNC_MESSAGE_CANCEL_NULL;
  if (async != nullptr && message_id != nullptr) {
    failed = guarded(TOX_ERR_ASYNC_MESSAGE_CANCEL_MALLOC, [&] {
      const auto begun =
          async->manager->cancel(id_from<crypto::MessageId>({message_id, TOX_ASYNC_MESSAGE_ID_SIZE}));
      if (begun) {
        return TOX_ERR_ASYNC_MESSAGE_CANCEL_OK;
      }
      return begun.error() == manager::CancelError::too_late ? TOX_ERR_ASYNC_MESSAGE_CANCEL_TOO_LATE
                                                             : TOX_ERR_ASYNC_MESSAGE_CANCEL_NOT_FOUND;
    });
  }
  set_error(error, failed);
  return failed == TOX_ERR_ASYNC_MESSAGE_CANCEL_OK;
}

void tox_async_callback_message(Tox_Async* async, tox_async_message_cb* callback) {
  async->message_callback = callback;
}
void tox_async_callback_message_state(Tox_Async* async, tox_async_message_state_cb* callback) {
  async->message_state_callback = callback;
}
void tox_async_callback_friend_ready(Tox_Async* async, tox_async_friend_ready_cb* callback) {
  async->friend_ready_callback = callback;
}

void tox_async_callback_friend_lossless_packet(Tox_Async* async, tox_friend_lossless_packet_cb* callback) {
  async->friends->set_client_callback(callback);
}

bool tox_async_handle_friend_lossless_packet(Tox_Async* async, uint32_t friend_number, const uint8_t* data,
                                             size_t length) {
  return async != nullptr && data != nullptr &&
         async->friends->handle_lossless_packet(friend_number, {data, length});
}
