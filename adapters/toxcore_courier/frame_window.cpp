// SPDX-License-Identifier: GPL-3.0-or-later
#include "adapters/toxcore_courier/frame_window.hpp"

namespace toxasync {

void FrameWindow::drop_old(SteadyTime now) {
  while (!held_.empty() && now - held_.front().since >= max_hold) {
    held_.pop_front();
  }
}

bool FrameWindow::hold(ByteView frame, SteadyTime now) {
  drop_old(now);
  if (held_.size() >= max_held) {
    return false;
  }
  held_.push_back({Bytes(frame.begin(), frame.end()), now});
  return true;
}

std::optional<ByteView> FrameWindow::next(SteadyTime now) {
  drop_old(now);
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
