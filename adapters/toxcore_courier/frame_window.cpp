// SPDX-License-Identifier: GPL-3.0-or-later
#include "adapters/toxcore_courier/frame_window.hpp"

namespace toxasync {

void FrameWindow::drop_old(std::int64_t now_ms) {
  while (!held_.empty() && now_ms - held_.front().since_ms >= max_hold_ms) {
    held_.pop_front();
  }
}

bool FrameWindow::hold(ByteView frame, std::int64_t now_ms) {
  drop_old(now_ms);
  if (held_.size() >= max_held) {
    return false;
  }
  held_.push_back({Bytes(frame.begin(), frame.end()), now_ms});
  return true;
}

std::optional<ByteView> FrameWindow::next(std::int64_t now_ms) {
  drop_old(now_ms);
  if (held_.empty() || in_flight() >= protocol::friend_frames_in_flight) {
    return std::nullopt;
  }
  return ByteView(held_.front().frame);
}

void FrameWindow::sent() {
  held_.pop_front();
  ++sent_;
}

bool FrameWindow::on_ack(std::uint32_t frames) noexcept {
  const std::uint32_t fresh = frames - acknowledged_;
  if (fresh > in_flight()) {
    return false;
  }
  acknowledged_ = frames;
  return true;
}

std::optional<protocol::FriendAck> FrameWindow::ack() const noexcept {
  if (received_ - acknowledged_by_us_ < protocol::friend_frames_per_ack) {
    return std::nullopt;
  }
  return protocol::encode_friend_ack(received_);
}

}  // namespace toxasync
