// SPDX-License-Identifier: GPL-3.0-or-later
#include "adapters/toxcore_friends/toxcore_friends.hpp"

#include <cassert>
#include <exception>
#include <mutex>

#include "protocol/friend_packet.hpp"

namespace toxasync {

using manager::ChannelSend;
using manager::FriendKey;

namespace {

/// Toxcore gives a callback the Tox instance and the client's user data, nothing of ours.
struct Registry {
  std::mutex mutex;
  std::unordered_map<const Tox*, ToxcoreFriends*> adapters;
};

Registry& registry() {
  static Registry instance;
  return instance;
}

}  // namespace

bool ToxcoreFriends::is_attached(const Tox* tox) {
  const std::lock_guard lock(registry().mutex);
  return registry().adapters.contains(tox);
}

ToxcoreFriends::ToxcoreFriends(Tox* tox, PacketCallback callback, Telemetry telemetry)
    : tox_(tox), callback_(callback), telemetry_(telemetry) {
  {
    const std::lock_guard lock(registry().mutex);
    const bool added = registry().adapters.emplace(tox, this).second;
    assert(added);
    static_cast<void>(added);
  }
  if (callback_ == PacketCallback::take) {
    tox_callback_friend_lossless_packet(tox_, on_lossless_packet);
  }
}

ToxcoreFriends::~ToxcoreFriends() {
  if (callback_ == PacketCallback::take) {
    tox_callback_friend_lossless_packet(tox_, client_callback_);
  }
  const std::lock_guard lock(registry().mutex);
  registry().adapters.erase(tox_);
}

void ToxcoreFriends::on_lossless_packet(Tox* tox, std::uint32_t friend_number, const std::uint8_t* data,
                                        std::size_t length, void* user_data) noexcept {
  ToxcoreFriends* adapter = nullptr;
  {
    const std::lock_guard lock(registry().mutex);
    const auto found = registry().adapters.find(tox);
    if (found == registry().adapters.end()) {
      return;
    }
    adapter = found->second;  // Lives: it is destroyed on this thread only.
  }
  if (!adapter->handle_lossless_packet(friend_number, {data, length}) &&
      adapter->client_callback_ != nullptr) {
    adapter->client_callback_(tox, friend_number, data, length, user_data);
  }
}

bool ToxcoreFriends::handle_lossless_packet(std::uint32_t friend_number, ByteView packet) noexcept {
  if (!protocol::is_friend_packet(packet)) {
    return false;
  }
  if (packet.size() > limits::friend_packet) {
    telemetry_.refuse(Counter::refused_friend_packet);
    return true;
  }
  // Now, for the number may be another friend's by the next poll().
  const auto key = key_of(friend_number);
  if (!key) {
    return true;
  }
  if (queue_.size() >= queue_limit) {
    telemetry_.refuse(Counter::refused_overloaded);
    return true;
  }
  try {
    queue_.push_back({*key, Bytes(packet.begin(), packet.end())});
  } catch (const std::exception&) {
    telemetry_.refuse(Counter::refused_overloaded);
  }
  return true;
}

void ToxcoreFriends::poll(SteadyTime now) {
  // A packet from a friend who seems to be offline: our list is out of date.
  bool news = now >= next_refresh_;
  for (auto packet = queue_.begin(); packet != queue_.end() && !news; ++packet) {
    const auto found = friends_.find(packet->from);
    news = found == friends_.end() || !found->second.online;
  }
  if (news) {
    refresh();
    next_refresh_ = now + refresh_interval;
  }
  while (!queue_.empty()) {
    const Packet packet = std::move(queue_.front());
    queue_.pop_front();
    if (listener_ != nullptr && friends_.contains(packet.from)) {
      listener_->on_friend_packet(packet.from, packet.bytes);
    }
  }
}

void ToxcoreFriends::refresh() {
  ++refreshes_;
  numbers_.resize(tox_self_get_friend_list_size(tox_));
  if (!numbers_.empty()) {
    tox_self_get_friend_list(tox_, numbers_.data());
  }
  struct News {
    FriendKey key;
    bool added = false;
    bool presence = false;
    bool online = false;
  };
  std::vector<News> all;
  for (const std::uint32_t number : numbers_) {
    const auto key = key_of(number);
    if (!key) {
      continue;
    }
    const bool online = tox_friend_get_connection_status(tox_, number, nullptr) != TOX_CONNECTION_NONE;
    const auto [entry, added] = friends_.try_emplace(*key);
    const bool presence = entry->second.online != online;
    entry->second = {number, online, refreshes_};
    if (added || presence) {
      all.push_back({*key, added, presence, online});
    }
  }
  remove_unseen();
  // Last, when the table is right: the listener may send.
  for (const News& news : all) {
    if (listener_ != nullptr && news.added) {
      listener_->on_friend_added(news.key);
    }
    if (listener_ != nullptr && news.presence) {
      listener_->on_friend_presence(news.key, news.online);
    }
  }
}

void ToxcoreFriends::remove_unseen() {
  for (auto entry = friends_.begin(); entry != friends_.end();) {
    if (entry->second.seen == refreshes_) {
      ++entry;
      continue;
    }
    const FriendKey key = entry->first;
    entry = friends_.erase(entry);
    if (listener_ != nullptr) {
      listener_->on_friend_removed(key);
    }
  }
}

std::optional<FriendKey> ToxcoreFriends::key_of(std::uint32_t friend_number) const noexcept {
  static_assert(TOX_PUBLIC_KEY_SIZE == sizeof(FriendKey));
  FriendKey key{};
  if (!tox_friend_get_public_key(tox_, friend_number, key.data(), nullptr)) {
    return std::nullopt;
  }
  return key;
}

std::optional<std::uint32_t> ToxcoreFriends::number_of(const FriendKey& key) const noexcept {
  // A friend may have been removed, and the number reused, since the last refresh.
  const auto found = friends_.find(key);
  if (found != friends_.end() && key_of(found->second.number) == key) {
    return found->second.number;
  }
  Tox_Err_Friend_By_Public_Key failed = TOX_ERR_FRIEND_BY_PUBLIC_KEY_OK;
  const std::uint32_t number = tox_friend_by_public_key(tox_, key.data(), &failed);
  return failed == TOX_ERR_FRIEND_BY_PUBLIC_KEY_OK ? std::optional(number) : std::nullopt;
}

ChannelSend ToxcoreFriends::send(const FriendKey& to, ByteView packet) noexcept {
  const auto number = number_of(to);
  if (!number) {
    return ChannelSend::offline;
  }
  Tox_Err_Friend_Custom_Packet failed = TOX_ERR_FRIEND_CUSTOM_PACKET_OK;
  tox_friend_send_lossless_packet(tox_, *number, packet.data(), packet.size(), &failed);
  switch (failed) {
    case TOX_ERR_FRIEND_CUSTOM_PACKET_OK:
      return ChannelSend::sent;
    case TOX_ERR_FRIEND_CUSTOM_PACKET_SENDQ:
      return ChannelSend::queue_full;
    default:  // Not connected or removed. The other errors are about invalid packets, which we do not send.
      return ChannelSend::offline;
  }
}

}  // namespace toxasync
