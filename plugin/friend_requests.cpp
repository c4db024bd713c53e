// SPDX-License-Identifier: GPL-3.0-or-later

#include "plugin/tox_async_impl.hpp"

using namespace toxasync;

namespace {

static_assert(TOX_ADDRESS_SIZE == sizeof(manager::ToxAddress));
static_assert(TOX_PUBLIC_KEY_SIZE == sizeof(manager::FriendKey));
static_assert(TOX_MAX_FRIEND_REQUEST_LENGTH >= limits::friend_request_text);

static_assert(static_cast<int>(manager::RequestState::queued) == TOX_ASYNC_FRIEND_REQUEST_STATE_QUEUED &&
              static_cast<int>(manager::RequestState::stored) == TOX_ASYNC_FRIEND_REQUEST_STATE_STORED &&
              static_cast<int>(manager::RequestState::answered) == TOX_ASYNC_FRIEND_REQUEST_STATE_ANSWERED &&
              static_cast<int>(manager::RequestState::expired) == TOX_ASYNC_FRIEND_REQUEST_STATE_EXPIRED &&
              static_cast<int>(manager::RequestState::cancelled) ==
                  TOX_ASYNC_FRIEND_REQUEST_STATE_CANCELLED &&
              static_cast<int>(manager::RequestState::failed) == TOX_ASYNC_FRIEND_REQUEST_STATE_FAILED);

Tox_Err_Async_Friend_Request_Send from_request_error(manager::RequestError error) noexcept {
  switch (error) {
    case manager::RequestError::bad_address:
      return TOX_ERR_ASYNC_FRIEND_REQUEST_SEND_BAD_ADDRESS;
    case manager::RequestError::own_address:
      return TOX_ERR_ASYNC_FRIEND_REQUEST_SEND_OWN_ADDRESS;
    case manager::RequestError::already_friend:
      return TOX_ERR_ASYNC_FRIEND_REQUEST_SEND_ALREADY_FRIEND;
    case manager::RequestError::already_sent:
      return TOX_ERR_ASYNC_FRIEND_REQUEST_SEND_ALREADY_SENT;
    case manager::RequestError::empty:
      return TOX_ERR_ASYNC_FRIEND_REQUEST_SEND_EMPTY;
    case manager::RequestError::too_long:
      return TOX_ERR_ASYNC_FRIEND_REQUEST_SEND_TOO_LONG;
    case manager::RequestError::not_utf8:
      return TOX_ERR_ASYNC_FRIEND_REQUEST_SEND_NOT_UTF8;
    case manager::RequestError::clock:
      return TOX_ERR_ASYNC_FRIEND_REQUEST_SEND_CLOCK;
    case manager::RequestError::too_many:
      break;
  }
  return TOX_ERR_ASYNC_FRIEND_REQUEST_SEND_TOO_MANY;
}

}  // namespace

bool Tox_Async::on_friend_request(const manager::ReceivedRequest& request) noexcept {
  if (friend_request_callback == nullptr) {
    return false;  // it waits for a client that has one
  }
  friend_request_callback(this, request.from.data(), request.text.data(), request.text.size(),
                          since_1970_ms(request.sent_at), user_data);
  return true;
}

void Tox_Async::on_friend_request_state(const manager::RequestStatus& status) noexcept {
  if (friend_request_state_callback != nullptr) {
    friend_request_state_callback(this, status.to.data(),
                                  static_cast<Tox_Async_Friend_Request_State>(status.state), status.stored,
                                  status.wanted, user_data);
  }
}

/// The nospam belongs to the client, which may change it at any time.
void Tox_Async::check_nospam() {
  ByteArray<TOX_ADDRESS_SIZE> address;
  tox_self_get_address(tox, address.data());
  manager->set_nospam(to_array<4>(ByteView(address).subspan(TOX_PUBLIC_KEY_SIZE)));
}

bool tox_async_friend_request_send(Tox_Async* async, const uint8_t* address, const uint8_t* message,
                                   size_t length, Tox_Err_Async_Friend_Request_Send* error) {
  auto failed = TOX_ERR_ASYNC_FRIEND_REQUEST_SEND_NULL;
  if (async != nullptr && address != nullptr && message != nullptr) {
    failed = guarded(TOX_ERR_ASYNC_FRIEND_REQUEST_SEND_MALLOC, [&] {
      const auto sent = async->manager->send_friend_request(
          to_array<TOX_ADDRESS_SIZE>({address, TOX_ADDRESS_SIZE}), {message, length});
      return sent ? TOX_ERR_ASYNC_FRIEND_REQUEST_SEND_OK : from_request_error(sent.error());
    });
  }
  set_error(error, failed);
  return failed == TOX_ERR_ASYNC_FRIEND_REQUEST_SEND_OK;
}

bool tox_async_friend_request_cancel(Tox_Async* async, const uint8_t* public_key) {
  return async != nullptr && public_key != nullptr && guarded(false, [&] {
           return async->manager->cancel_friend_request(
               id_from<manager::FriendKey>({public_key, TOX_PUBLIC_KEY_SIZE}));
         });
}

void tox_async_callback_friend_request(Tox_Async* async, tox_async_friend_request_cb* callback) {
  async->friend_request_callback = callback;
}
void tox_async_callback_friend_request_state(Tox_Async* async, tox_async_friend_request_state_cb* callback) {
  async->friend_request_state_callback = callback;
}
