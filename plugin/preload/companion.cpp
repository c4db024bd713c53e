// SPDX-License-Identifier: GPL-3.0-or-later
#include "plugin/preload/companion.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

#include "adapters/addresses/node_address.hpp"
#include "plugin/preload/scoped_unlock.hpp"
#include "plugin/preload/text_pieces.hpp"

namespace toxasync::preload {

thread_local bool CompanionLock::held_by_this_thread_ = false;

namespace {

Tox_Async_Transport transport_of(UserSettings::TransportChoice transport) noexcept {
  switch (transport) {
    case UserSettings::TransportChoice::dispatcher:
      return TOX_ASYNC_TRANSPORT_DISPATCHER;
    case UserSettings::TransportChoice::udp:
      return TOX_ASYNC_TRANSPORT_UDP;
    case UserSettings::TransportChoice::courier:
      return TOX_ASYNC_TRANSPORT_COURIER;
    case UserSettings::TransportChoice::automatic:
      break;
  }
  return TOX_ASYNC_TRANSPORT_AUTO;
}

void write_log(Tox_Async_Log_Level level, const char* area, const char* message, void* log) {
  static_cast<LogFile*>(log)->write(static_cast<LogLevel>(level), area, message);
}

/// Null: no memory.
Tox_Async_Options* make_options(const UserSettings& settings, LogFile& log) {
  Tox_Async_Options* const options = tox_async_options_new(nullptr);
  if (options != nullptr) {
    tox_async_options_set_enabled(options, true);
    tox_async_options_set_transport(options, transport_of(settings.transport));
    tox_async_options_set_udp_port(options, settings.udp_port);
    tox_async_options_set_allow_local_addresses(options, settings.local_addresses);
    tox_async_options_set_node_enabled(options, settings.storage_node);
    tox_async_options_set_poll_interval(options,
                                        clamped_count<std::uint32_t, milliseconds>(settings.poll_interval));
    tox_async_options_set_push(options, settings.push);
    tox_async_options_set_offline_requests(options, settings.offline_requests);
    tox_async_options_set_time_to_live(options, clamped_count<std::uint32_t, seconds>(settings.time_to_live));
    tox_async_options_set_take_packet_callback(options, false);  // Companion passes them on.
    tox_async_options_set_log_callback(options, write_log,
                                       static_cast<Tox_Async_Log_Level>(settings.log_level), &log);
  }
  return options;
}

}  // namespace

Companion::Companion(Tox* tox, const Tox_Options* tox_options, bool has_profile, Process& process)
    : tox_(tox), has_profile_(has_profile), process_(process) {
  if (!process.settings()) {
    state_ = State::off;
    return;
  }
  options_.reset(make_options(*process.settings(), process.log()));
  // Without options toxcore takes its defaults, and so does the courier.
  if (options_ && tox_options != nullptr && !tox_async_options_set_tox_options(options_.get(), tox_options)) {
    options_.reset();
  }
}

Companion::~Companion() {
  const CompanionLock lock(mutex_);
  async_.reset();
}

void Companion::log(LogLevel level, std::string_view message) noexcept {
  process_.log().write(level, "preload", message);
}

void Companion::start(SteadyTime now) {
  Tox_Err_Async_New failed = TOX_ERR_ASYNC_NEW_MALLOC;
  async_.reset(options_ ? tox_async_new(tox_, options_.get(), &failed) : nullptr);
  options_.reset();
  if (!async_) {
    state_ = State::off;
    log(LogLevel::error, std::string(tox_err_async_new_to_string(failed)) + "; toxasync stays off");
    return;
  }
  state_ = State::running;
  callbacks_from_ = now + callback_delay;
  sync_nodes();
  for (const BootstrapNode& node : std::exchange(bootstrap_nodes_, {})) {
    add_bootstrap_node(node);
  }
  for (const std::uint32_t number : friends()) {
    if (connected(number)) {
      online_[number] = {now, false};
    }
  }
  log(LogLevel::info, "started: " + std::to_string(tox_async_node_get_count(async_.get())) +
                          " storage nodes, " + std::to_string(friends().size()) + " friends");
}

void Companion::on_bootstrap(const char* host_name, std::uint16_t port, const std::uint8_t* public_key,
                             bool relay) {
  if (host_name == nullptr || public_key == nullptr) {
    return;
  }
  const CompanionLock lock(mutex_);
  BootstrapNode node{host_name, port, id_from<crypto::Point>({public_key, TOX_PUBLIC_KEY_SIZE}), relay};
  if (state_ == State::running) {
    add_bootstrap_node(node);
  } else if (state_ == State::waiting) {
    if (bootstrap_nodes_.size() >= max_bootstrap_nodes) {
      bootstrap_nodes_.pop_front();
    }
    bootstrap_nodes_.push_back(std::move(node));
  }
}

/// Errors are ignored: the client gets those of the host for the same call.
void Companion::add_bootstrap_node(const BootstrapNode& node) {
  const auto add = node.tcp_relay ? tox_async_add_tcp_relay : tox_async_bootstrap;
  add(async_.get(), node.host.c_str(), node.port, node.public_key.data(), nullptr);
}

/// Removes nodes that the settings no longer contain.
void Companion::sync_nodes() {
  const auto& named = process_.settings()->nodes;
  for (std::uint32_t i = tox_async_node_get_count(async_.get()); i-- > 0;) {
    protocol::NodeId id{};
    if (tox_async_node_get_id(async_.get(), i, id.data()) && !tox_async_node_get_picked(async_.get(), i) &&
        std::ranges::find(named, id, &client::KnownNode::id) == named.end()) {
      tox_async_node_remove(async_.get(), id.data(), nullptr);
    }
  }
  for (const client::KnownNode& node : named) {
    Tox_Err_Async_Node_Add failed = TOX_ERR_ASYNC_NODE_ADD_OK;
    if (!tox_async_node_add(async_.get(), format_node_address(node).c_str(), &failed)) {
      log(LogLevel::error, std::string("a storage node in the settings is not used: ") +
                               tox_err_async_node_add_to_string(failed));
    }
  }
}

void Companion::iterate(void* user_data) {
  const CompanionLock lock(mutex_);
  const SteadyTime now = clock_.now().steady;
  if (state_ == State::waiting && (has_profile_ || !friends().empty())) {
    start(now);
  }
  if (state_ != State::running) {
    return;
  }
  user_data_ = user_data;
  register_callbacks();
  tox_async_iterate(async_.get(), this);
  if (now >= callbacks_from_) {
    update_friends(now);
    deliver_receipts(now);
  }
  if (status_.due(now)) {
    write_status(now);
  }
}

/// While the client has no callback for them, messages and requests are kept on disk and by their senders.
void Companion::register_callbacks() {
  const bool too_early = clock_.now().steady < callbacks_from_;
  tox_async_callback_message_state(async_.get(), on_message_state);
  tox_async_callback_friend_ready(async_.get(), on_friend_ready);
  tox_async_callback_message(async_.get(), too_early || client_.message == nullptr ? nullptr : on_message);
  tox_async_callback_friend_request(async_.get(),
                                    too_early || client_.request == nullptr ? nullptr : on_friend_request);
}

std::uint32_t Companion::interval_ms(std::uint32_t host_ms) {
  const CompanionLock lock(mutex_);
  return state_ == State::running ? std::min(host_ms, tox_async_iteration_interval(async_.get())) : host_ms;
}

std::vector<std::uint32_t> Companion::friends() const {
  std::vector<std::uint32_t> numbers(tox_self_get_friend_list_size(tox_));
  if (!numbers.empty()) {
    tox_self_get_friend_list(tox_, numbers.data());
  }
  return numbers;
}

bool Companion::connected(std::uint32_t friend_number) const {
  return host().tox_friend_get_connection_status(tox_, friend_number, nullptr) != TOX_CONNECTION_NONE;
}

bool Companion::shown_away(std::uint32_t friend_number) {
  const CompanionLock lock(mutex_);
  return away_.contains(friend_number);
}

void Companion::update_friends(SteadyTime now) {
  if (now < next_friend_check_) {
    return;
  }
  next_friend_check_ = now + friend_check_interval;
  for (const std::uint32_t number : friends()) {
    const auto since = offline_since_.find(number);
    const bool settled = since == offline_since_.end() || now - since->second >= offline_shown;
    const bool away = settled && !connected(number) && tox_async_friend_ready(async_.get(), number);
    if (away != away_.contains(number)) {
      show_away(number, away);
    }
  }
}

/// Updates the state first: a callback may query it.
void Companion::show_away(std::uint32_t friend_number, bool away) {
  if (away) {
    away_.insert(friend_number);
    offline_since_.erase(friend_number);
  } else {
    away_.erase(friend_number);
    avatars_.erase(friend_number);
    receipts_.expect_resends(friend_number);
  }
  if (!away && connected(friend_number)) {
    return;  // on_connection() has reported it.
  }
  const ClientCallbacks client = client_;
  void* const user_data = user_data_;
  const ScopedUnlock unlock(mutex_);
  if (client.connection != nullptr) {
    client.connection(tox_, friend_number, away ? TOX_CONNECTION_TCP : TOX_CONNECTION_NONE, user_data);
  }
  if (away && client.status != nullptr) {
    client.status(tox_, friend_number, TOX_USER_STATUS_AWAY, user_data);
  }
}

void Companion::on_connection(std::uint32_t friend_number, Tox_Connection connection, void* user_data) {
  ClientCallbacks client;
  bool was_away = false;
  decltype(avatars_)::node_type avatar;
  {
    const CompanionLock lock(mutex_);
    client = client_;
    was_away = away_.erase(friend_number) != 0;
    avatar = avatars_.extract(friend_number);
    if (connection == TOX_CONNECTION_NONE) {
      online_.erase(friend_number);
      offline_since_[friend_number] = clock_.now().steady;
      receipts_.expect_resends(friend_number);
    } else {
      offline_since_.erase(friend_number);
      online_.try_emplace(friend_number, Online{clock_.now().steady, false});
    }
  }
  if (avatar && connection != TOX_CONNECTION_NONE) {
    send_avatar(friend_number, avatar.mapped());  // Before the client can send a file.
  }
  if (client.connection != nullptr) {
    client.connection(tox_, friend_number, connection, user_data);
  }
  if (was_away && connection != TOX_CONNECTION_NONE && client.status != nullptr) {
    client.status(tox_, friend_number, host().tox_friend_get_status(tox_, friend_number, nullptr), user_data);
  }
}

void Companion::on_lossless_packet(std::uint32_t friend_number, const std::uint8_t* data, std::size_t length,
                                   void* user_data) {
  tox_friend_lossless_packet_cb* client = nullptr;
  {
    const CompanionLock lock(mutex_);
    if (tox_async_handle_friend_lossless_packet(async_.get(), friend_number, data, length)) {
      online_.try_emplace(friend_number, Online{clock_.now().steady, false}).first->second.has_toxasync =
          true;
      return;
    }
    client = client_.lossless;
  }
  if (client != nullptr) {
    client(tox_, friend_number, data, length, user_data);
  }
}

/// To a friend who runs toxasync a message is sent with its envelope's id, as a friend packet or through a
/// node, whichever arrives: nothing is lost when they disconnect, and they see nothing twice. To others it is
/// sent as an ordinary Tox message.
bool Companion::has_toxasync_running(std::uint32_t friend_number, SteadyTime now) const {
  const auto found = online_.find(friend_number);
  return found != online_.end() && (found->second.has_toxasync || now - found->second.since < first_packet);
}

std::uint32_t Companion::send(std::uint32_t friend_number, Tox_Message_Type type, const std::uint8_t* message,
                              std::size_t length, Tox_Err_Friend_Send_Message* error) {
  const CompanionLock lock(mutex_);
  const bool ready = state_ == State::running && tox_async_friend_ready(async_.get(), friend_number);
  const bool online = connected(friend_number);
  const bool may_accept = ready && message != nullptr && length > 0 && length <= TOX_MAX_MESSAGE_LENGTH &&
                          (!online || has_toxasync_running(friend_number, clock_.now().steady));
  if (!online || !may_accept) {
    // The host first, so that its own errors are returned.
    Tox_Err_Friend_Send_Message failed = TOX_ERR_FRIEND_SEND_MESSAGE_OK;
    const std::uint32_t number =
        host().tox_friend_send_message(tox_, friend_number, type, message, length, &failed);
    if (failed != TOX_ERR_FRIEND_SEND_MESSAGE_FRIEND_NOT_CONNECTED || !may_accept) {
      if (error != nullptr) {
        *error = failed;
      }
      return number;
    }
  }
  if (const auto number = accept_message(friend_number, type, message, length)) {
    if (error != nullptr) {
      *error = TOX_ERR_FRIEND_SEND_MESSAGE_OK;
    }
    return *number;
  }
  // Not accepted: as without toxasync.
  return host().tox_friend_send_message(tox_, friend_number, type, message, length, error);
}

std::optional<std::uint32_t> Companion::accept_message(std::uint32_t friend_number, Tox_Message_Type type,
                                                       const std::uint8_t* message, std::size_t length) {
  const SteadyTime now = clock_.now().steady;
  std::string kind_and_text(1, type == TOX_MESSAGE_TYPE_ACTION ? 'a' : 'n');
  kind_and_text.append(reinterpret_cast<const char*>(message), length);
  const std::uint32_t number = numbers_.next();
  if (receipts_.resend(friend_number, kind_and_text, number, now)) {
    return number;
  }
  crypto::MessageId id{};
  Tox_Err_Async_Friend_Send_Message failed = TOX_ERR_ASYNC_FRIEND_SEND_MESSAGE_OUTBOX_FULL;
  if (receipts_.full() || !tox_async_friend_send_message(async_.get(), friend_number, type, message, length,
                                                         id.data(), &failed)) {
    log(LogLevel::warning, std::string("toxasync did not accept a message, so it was passed to Tox: ") +
                               tox_err_async_friend_send_message_to_string(failed));
    return std::nullopt;
  }
  ++accepted_;
  receipts_.add(friend_number, number, id, std::move(kind_and_text), now);
  return number;
}

std::optional<std::uint32_t> Companion::defer_avatar(std::uint32_t friend_number, PendingAvatar avatar) {
  const CompanionLock lock(mutex_);
  if (!away_.contains(friend_number)) {
    return std::nullopt;
  }
  avatars_[friend_number] = std::move(avatar);
  return PendingAvatar::file_number;
}

bool Companion::cancel_avatar(std::uint32_t friend_number, std::uint32_t file_number) {
  const CompanionLock lock(mutex_);
  return file_number == PendingAvatar::file_number && avatars_.erase(friend_number) != 0;
}

std::optional<FileId> Companion::avatar_id(std::uint32_t friend_number, std::uint32_t file_number) {
  const CompanionLock lock(mutex_);
  const auto found = avatars_.find(friend_number);
  return file_number == PendingAvatar::file_number && found != avatars_.end() ? found->second.id
                                                                              : std::nullopt;
}

void Companion::send_avatar(std::uint32_t friend_number, const PendingAvatar& avatar) {
  const std::uint32_t number = host().tox_file_send(
      tox_, friend_number, TOX_FILE_KIND_AVATAR, avatar.size, avatar.id ? avatar.id->data() : nullptr,
      reinterpret_cast<const std::uint8_t*>(avatar.name.data()), avatar.name.size(), nullptr);
  if (number != PendingAvatar::file_number) {
    log(LogLevel::warning, "cannot send the user's avatar to a friend who came online");
    host().tox_file_control(tox_, friend_number, number, TOX_FILE_CONTROL_CANCEL, nullptr);
  }
}

void Companion::on_friend_requested(const std::uint8_t* address, const std::uint8_t* message,
                                    std::size_t length) {
  const CompanionLock lock(mutex_);
  if (state_ != State::running) {
    return;
  }
  Tox_Err_Async_Friend_Request_Send failed = TOX_ERR_ASYNC_FRIEND_REQUEST_SEND_OK;
  if (!tox_async_friend_request_send(async_.get(), address, message, length, &failed)) {
    log(LogLevel::info, std::string("a friend request is sent by Tox only: ") +
                            tox_err_async_friend_request_send_to_string(failed));
  }
}

void Companion::on_friend_deleted(std::uint32_t friend_number) {
  const CompanionLock lock(mutex_);
  away_.erase(friend_number);
  avatars_.erase(friend_number);
  online_.erase(friend_number);
  offline_since_.erase(friend_number);
  receipts_.drop_friend(friend_number);
}

void Companion::deliver_receipts(SteadyTime now) {
  const auto receipts = receipts_.take_due(now);
  tox_friend_read_receipt_cb* const client = client_.receipt;
  void* const user_data = user_data_;
  if (receipts.empty() || client == nullptr) {
    return;
  }
  const ScopedUnlock unlock(mutex_);
  for (const ReceiptQueue::Receipt& receipt : receipts) {
    client(tox_, receipt.friend_number, receipt.message_number, user_data);
  }
}

void Companion::on_message(Tox_Async* /*async*/, std::uint32_t friend_number, Tox_Message_Type type,
                           const std::uint8_t* message, std::size_t length, std::uint64_t /*sent_at_ms*/,
                           const std::uint8_t* /*message_id*/, bool /*late*/, void* user_data) {
  auto& self = *static_cast<Companion*>(user_data);
  tox_friend_message_cb* const client = self.client_.message;
  void* const client_data = self.user_data_;
  // Passed on inside this callback: if the client crashes before it returns, the message is shown again.
  const ScopedUnlock unlock(self.mutex_);
  for (const auto piece :
       text_pieces({reinterpret_cast<const char*>(message), length}, TOX_MAX_MESSAGE_LENGTH)) {
    const std::string text(piece);  // Null-terminated, as toxcore's.
    client(self.tox_, friend_number, type, reinterpret_cast<const std::uint8_t*>(text.c_str()), text.size(),
           client_data);
  }
}

void Companion::on_friend_request(Tox_Async* /*async*/, const std::uint8_t* public_key,
                                  const std::uint8_t* message, std::size_t length,
                                  std::uint64_t /*sent_at_ms*/, void* user_data) {
  auto& self = *static_cast<Companion*>(user_data);
  tox_friend_request_cb* const client = self.client_.request;
  void* const client_data = self.user_data_;
  const std::string text(reinterpret_cast<const char*>(message), length);
  const ScopedUnlock unlock(self.mutex_);
  client(self.tox_, public_key, reinterpret_cast<const std::uint8_t*>(text.c_str()), text.size(),
         client_data);
}

void Companion::on_friend_ready(Tox_Async* /*async*/, std::uint32_t /*friend_number*/, void* user_data) {
  static_cast<Companion*>(user_data)->log(
      LogLevel::info, "received the keys of a friend: offline messages can now be sent to them");
}

void Companion::on_message_state(Tox_Async* /*async*/, const std::uint8_t* message_id,
                                 std::uint32_t /*friend_number*/, Tox_Async_Message_State state,
                                 std::uint8_t stored, std::uint8_t /*wanted*/,
                                 Tox_Async_Fail_Reason /*reason*/, void* user_data) {
  auto& self = *static_cast<Companion*>(user_data);
  const auto id = id_from<crypto::MessageId>({message_id, TOX_ASYNC_MESSAGE_ID_SIZE});
  const auto required = self.process_.settings()->receipts;
  using Receipts = UserSettings::Receipts;
  switch (state) {
    case TOX_ASYNC_MESSAGE_STATE_QUEUED:
      if (required == Receipts::disk) {
        self.receipts_.done(id);
      }
      break;
    case TOX_ASYNC_MESSAGE_STATE_STORED:
      if (required != Receipts::recipient && stored > 0) {
        self.receipts_.done(id);
      }
      break;
    case TOX_ASYNC_MESSAGE_STATE_DELIVERED:
      self.receipts_.done(id);
      break;
    default:
      self.log(LogLevel::warning, std::string("gave up a message for which the friend sent no receipt: ") +
                                      tox_async_message_state_to_string(state));
      self.receipts_.drop(id);
  }
}

void Companion::write_status(SteadyTime now) {
  std::array<std::uint8_t, TOX_ADDRESS_SIZE> address{};
  tox_self_get_address(tox_, address.data());
  std::string text = "tox-id " + to_hex(address) + '\n';
  std::uint32_t answering = 0;
  const std::uint32_t nodes = tox_async_node_get_count(async_.get());
  for (std::uint32_t i = 0; i < nodes; ++i) {
    answering += tox_async_node_get_answered(async_.get(), i) ? 1 : 0;
    std::array<char, TOX_ASYNC_ADDRESS_LINE_SIZE> line{};
    if (tox_async_node_get_address_line(async_.get(), i, line.data(), line.size())) {
      text += std::string(tox_async_node_get_picked(async_.get(), i) ? "picked-node " : "node ") +
              line.data() + '\n';
    }
  }
  const auto numbers = friends();
  const auto ready = std::ranges::count_if(
      numbers, [&](std::uint32_t number) { return tox_async_friend_ready(async_.get(), number); });
  status_.write(text + "nodes " + std::to_string(answering) + "/" + std::to_string(nodes) + "\nfriends " +
                    std::to_string(ready) + "/" + std::to_string(numbers.size()) + "\ntransport " +
                    tox_async_transport_to_string(tox_async_get_transport(async_.get())) + "\naccepted " +
                    std::to_string(accepted_) + "\nunconfirmed " + std::to_string(receipts_.size()) + "\n",
                now);
}

}  // namespace toxasync::preload
