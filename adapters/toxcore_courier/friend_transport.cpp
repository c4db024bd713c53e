// SPDX-License-Identifier: GPL-3.0-or-later
#include "adapters/toxcore_courier/friend_transport.hpp"

#include <algorithm>
#include <exception>
#include <tuple>
#include <utility>
#include <vector>

namespace toxasync {

namespace {

constexpr std::uint32_t no_number = UINT32_MAX;
constexpr milliseconds maintenance_interval = 250ms;

}  // namespace

FriendTransport::FriendTransport(Tox* tox, End end, std::size_t friends, Telemetry telemetry)
    : tox_(tox), end_(end), max_friends_(friends), telemetry_(telemetry) {
  static_assert(TOX_PUBLIC_KEY_SIZE == sizeof(crypto::Point) &&
                TOX_ADDRESS_SIZE == sizeof(protocol::ToxAddress) &&
                TOX_MAX_CUSTOM_PACKET_SIZE == limits::friend_packet);
  std::vector<std::uint32_t> numbers(tox_self_get_friend_list_size(tox_));
  if (!numbers.empty()) {
    tox_self_get_friend_list(tox_, numbers.data());
  }
  for (const std::uint32_t number : numbers) {
    tox_friend_delete(tox_, number, nullptr);
  }
  if (end_ == End::node) {
    tox_callback_friend_request(tox_, on_request);
  }
  tox_callback_friend_connection_status(tox_, on_connection);
  tox_callback_friend_lossless_packet(tox_, on_packet);
}

FriendTransport::~FriendTransport() {
  tox_callback_friend_request(tox_, nullptr);
  tox_callback_friend_connection_status(tox_, nullptr);
  tox_callback_friend_lossless_packet(tox_, nullptr);
  for (const auto& [key, peer] : friends_) {
    tox_friend_delete(tox_, peer.number, nullptr);
  }
}

std::size_t FriendTransport::iterate(SteadyTime now) {
  if (now_ == SteadyTime{}) {
    accept_tokens_refilled_ = now;
  }
  now_ = now;
  tox_iterate(tox_, this);
  process_callbacks();
  if (now_ >= next_maintenance_) {
    next_maintenance_ = now_ + maintenance_interval;
    maintain_friends();
  }
  return deliver();
}

/// Handles what the callbacks have queued.
void FriendTransport::process_callbacks() {
  for (auto& [key, peer] : friends_) {
    if (peer.needs_flush) {
      flush(peer);
    }
  }
  for (; !requests_.empty(); requests_.pop_front()) {
    accept(requests_.front());
  }
}

std::size_t FriendTransport::deliver() {
  std::size_t delivered = 0;
  for (; !queue_.empty(); ++delivered) {
    const Packet packet = std::move(queue_.front());
    queue_.pop_front();
    if (receiver_ != nullptr) {
      receiver_->on_packet(route_to_key(packet.from), packet.bytes);
    }
  }
  return delivered;
}

std::size_t FriendTransport::online() const noexcept {
  return static_cast<std::size_t>(
      std::ranges::count_if(friends_, [](const auto& entry) { return entry.second.online; }));
}

// --- Sending ---

Route FriendTransport::route_to_key(const crypto::Point& tox_key) noexcept {
  Route route;
  route.transport = TransportKind::toxcore_friends;
  route.endpoint.family = Endpoint::keyed;
  std::copy_n(tox_key.begin(), route.endpoint.ip.size(), route.endpoint.ip.begin());
  route.sendback_size = static_cast<std::uint8_t>(tox_key.size());
  std::copy(tox_key.begin(), tox_key.end(), route.sendback.begin());
  return route;
}

Route FriendTransport::route_to_node(const NodeId& node_id, const Endpoint& /*endpoint*/) const noexcept {
  const auto key = protocol::tox_key_of(node_id);
  return key ? route_to_key(*key) : Route{TransportKind::toxcore_friends, {}, 0, {}};
}

bool FriendTransport::send(const Route& to, ByteView packet) noexcept {
  if (to.transport != TransportKind::toxcore_friends || to.sendback_size != sizeof(crypto::Point) ||
      !protocol::is_friend_frame(packet)) {
    return false;
  }
  const auto key = id_from<crypto::Point>(to.sendback_bytes());
  try {
    const auto found = end_ == End::courier ? find_or_add_node(key) : friends_.find(key);
    if (found == friends_.end()) {
      return false;
    }
    if (!found->second.window.hold(packet, now_)) {
      telemetry_.refuse(Counter::refused_friend_window);
      return false;
    }
    flush(found->second);
    return true;
  } catch (const std::exception&) {  // out of memory
    telemetry_.refuse(Counter::refused_overloaded);
    return false;
  }
}

/// What toxcore does not accept, because its queue is full, maintain_friends() sends again.
void FriendTransport::flush(Friend& to) {
  to.needs_flush = false;
  if (!to.online) {
    return;
  }
  const auto ack = to.window.ack();
  if (ack && tox_friend_send_lossless_packet(tox_, to.number, ack->data(), ack->size(), nullptr)) {
    to.window.ack_sent();
  }
  while (true) {
    const auto frame = to.window.next(now_);
    if (!frame || !tox_friend_send_lossless_packet(tox_, to.number, frame->data(), frame->size(), nullptr)) {
      return;
    }
    to.window.sent();
  }
}

// --- A node's couriers ---

void FriendTransport::on_request(Tox* /*tox*/, const std::uint8_t* key, const std::uint8_t* text,
                                 std::size_t length, void* self) noexcept {
  try {
    static_cast<FriendTransport*>(self)->queue_request(id_from<crypto::Point>({key, TOX_PUBLIC_KEY_SIZE}),
                                                       {text, length});
  } catch (const std::exception&) {  // out of memory
  }
}

void FriendTransport::queue_request(const crypto::Point& key, ByteView text) {
  if (!std::ranges::equal(text, as_bytes(protocol::courier_greeting))) {
    return telemetry_.refuse(Counter::refused_courier);
  }
  if (requests_.size() >= request_limit) {
    return telemetry_.refuse(Counter::refused_courier);
  }
  requests_.push_back(key);
}

void FriendTransport::accept(const crypto::Point& key) {
  const auto known = friends_.find(key);
  if (known != friends_.end() && known->second.online) {
    return;
  }
  if (!take_accept_token()) {
    return telemetry_.refuse(Counter::refused_courier);
  }
  if (known != friends_.end()) {
    remove(known);  // It has restarted: so must toxcore's search for it.
  } else if (!make_room()) {
    return telemetry_.refuse(Counter::refused_courier);
  }
  const std::uint32_t number = tox_friend_add_norequest(tox_, key.data(), nullptr);
  if (number == no_number) {
    return telemetry_.refuse(Counter::refused_courier);
  }
  Friend& courier = friends_[key];
  courier.number = number;
  courier.since = courier.used = courier.accepted = now_;
  telemetry_.count(Counter::couriers_accepted);
  telemetry_.log(LogLevel::debug, "couriers", "accepted " + to_hex(key));
}

/// One token bucket for all couriers: keys cost nothing, so limits per key would be useless.
bool FriendTransport::take_accept_token() {
  const std::int64_t more = (now_ - accept_tokens_refilled_) / next_courier;
  accept_tokens_refilled_ += more * next_courier;
  accept_tokens_ =
      static_cast<std::uint32_t>(std::min<std::int64_t>(couriers_at_once, accept_tokens_ + more));
  if (accept_tokens_ == 0) {
    return false;
  }
  --accept_tokens_;
  return true;
}

/// At both ends: makes room for one more friend.
bool FriendTransport::make_room() {
  if (friends_.size() < max_friends_) {
    return true;
  }
  const auto least = end_ == End::node ? least_courier() : least_node();
  if (least == friends_.end()) {
    return false;
  }
  remove(least);
  return true;
}

FriendTransport::Friends::iterator FriendTransport::least_courier() {
  const auto is_new = [this](const Friend& courier) { return now_ - courier.accepted < courier_active; };
  const auto count = std::ranges::count_if(friends_, [&](const auto& entry) { return is_new(entry.second); });
  const bool too_many_new = 2 * static_cast<std::size_t>(count) >= max_friends_;
  const auto place = [&](const Friends::value_type& entry) {
    const Friend& courier = entry.second;
    const bool active = courier.online && courier.authentic > now_ - courier_active;
    const SteadyTime time = active           ? courier.accepted
                            : courier.online ? std::max(courier.accepted, courier.authentic)
                                             : courier.since;
    return std::tuple(is_new(courier) != too_many_new, active, courier.online, time);
  };
  return std::ranges::min_element(friends_, {}, place);
}

FriendTransport::Friends::iterator FriendTransport::least_node() {
  const auto place = [](const Friends::value_type& entry) {
    return std::pair(entry.second.online, entry.second.online ? entry.second.used : entry.second.since);
  };
  const auto least = std::ranges::min_element(friends_, {}, place);
  const bool stays =
      least != friends_.end() && least->second.online && now_ - least->second.used < courier_active;
  return stays ? friends_.end() : least;
}

void FriendTransport::on_authentic(const Route& from) noexcept {
  if (from.sendback_size != sizeof(crypto::Point)) {
    return;
  }
  const auto found = friends_.find(id_from<crypto::Point>(from.sendback_bytes()));
  if (found != friends_.end()) {
    found->second.authentic = now_;
  }
}

// --- A courier's nodes ---

FriendTransport::Friends::iterator FriendTransport::find_or_add_node(const crypto::Point& key) {
  auto found = friends_.find(key);
  if (found == friends_.end()) {
    if (!make_room()) {
      telemetry_.refuse(Counter::refused_overloaded);
      return friends_.end();
    }
    found = friends_.emplace(key, Friend{}).first;
    Friend& node = found->second;
    node.number = no_number;
    node.since = now_;
    node.request_interval = first_request_interval;
    if (!send_request(key, node)) {
      friends_.erase(found);
      return friends_.end();
    }
  }
  found->second.used = now_;
  return found;
}

bool FriendTransport::send_request(const crypto::Point& key, Friend& node) {
  if (node.number != no_number) {
    tox_friend_delete(tox_, node.number, nullptr);
  }
  const auto address = protocol::tox_address_of(key);
  const ByteView text = as_bytes(protocol::courier_greeting);
  node.number = tox_friend_add(tox_, address.data(), text.data(), text.size(), nullptr);
  node.next_request = now_ + node.request_interval;
  node.request_interval = std::min(2 * node.request_interval, max_request_interval);
  telemetry_.count(Counter::courier_requests);
  return node.number != no_number;
}

/// Only while we are connected ourselves.
void FriendTransport::resend_requests() {
  const bool connected = tox_self_get_connection_status(tox_) != TOX_CONNECTION_NONE;
  for (auto& [key, node] : friends_) {
    if (!node.online && now_ >= node.next_request) {
      if (connected) {
        static_cast<void>(send_request(key, node));
      } else {
        node.next_request = now_ + reconnect_request_delay;
      }
    }
  }
}

// --- Both ends ---

void FriendTransport::maintain_friends() {
  for (auto at = friends_.begin(); at != friends_.end();) {
    if (is_unused(at->second)) {
      at = remove(at);
      continue;
    }
    flush(at->second);
    ++at;
  }
  if (end_ == End::courier) {
    resend_requests();
  }
}

bool FriendTransport::is_unused(const Friend& peer) const noexcept {
  if (end_ == End::courier) {
    return now_ - peer.used >= node_unused;
  }
  return peer.online ? now_ - peer.used >= courier_idle : now_ - peer.since >= courier_offline;
}

FriendTransport::Friends::iterator FriendTransport::remove(Friends::iterator peer) {
  tox_friend_delete(tox_, peer->second.number, nullptr);
  telemetry_.count(Counter::couriers_removed, end_ == End::node ? 1 : 0);
  return friends_.erase(peer);
}

FriendTransport::Friends::iterator FriendTransport::find(std::uint32_t number) {
  crypto::Point key{};
  if (!tox_friend_get_public_key(tox_, number, key.data(), nullptr)) {
    return friends_.end();
  }
  return friends_.find(key);
}

void FriendTransport::on_connection(Tox* /*tox*/, std::uint32_t number, Tox_Connection connection,
                                    void* self) noexcept {
  try {
    static_cast<FriendTransport*>(self)->handle_connection(number, connection != TOX_CONNECTION_NONE);
  } catch (const std::exception&) {  // out of memory: as if the held frames were lost
  }
}

void FriendTransport::handle_connection(std::uint32_t number, bool online) {
  const auto found = find(number);
  if (found == friends_.end() || found->second.online == online) {
    return;  // only UDP or TCP changed
  }
  Friend& peer = found->second;
  peer.online = online;
  peer.since = now_;
  if (online) {
    telemetry_.count(Counter::courier_connections, end_ == End::courier ? 1 : 0);
    peer.window.connected();
    peer.needs_flush = true;
  }
  peer.request_interval = first_request_interval;
  peer.next_request = now_ + reconnect_request_delay;
}

void FriendTransport::on_packet(Tox* /*tox*/, std::uint32_t number, const std::uint8_t* data,
                                std::size_t length, void* self) noexcept {
  auto& transport = *static_cast<FriendTransport*>(self);
  try {
    transport.handle_packet(number, {data, length});
  } catch (const std::exception&) {  // out of memory: packet dropped
    transport.telemetry_.refuse(Counter::refused_overloaded);
  }
}

void FriendTransport::handle_packet(std::uint32_t number, ByteView packet) {
  const auto found = find(number);
  if (found == friends_.end()) {
    return;
  }
  Friend& peer = found->second;
  if (const auto frames = protocol::decode_friend_ack(packet)) {
    if (!peer.window.on_ack(*frames)) {
      return telemetry_.refuse(Counter::refused_friend_ack);
    }
    peer.needs_flush = true;
    return;
  }
  if (!protocol::is_friend_frame(packet)) {
    return telemetry_.refuse(Counter::refused_kind);
  }
  peer.window.on_frame();
  peer.needs_flush = true;
  if (end_ == End::node) {
    peer.used = now_;
  }
  if (queue_.size() >= queue_limit) {
    return telemetry_.refuse(Counter::refused_overloaded);
  }
  queue_.push_back({found->first, Bytes(packet.begin(), packet.end())});
}

}  // namespace toxasync
