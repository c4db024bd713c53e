// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <deque>
#include <optional>

#include "base/bytes.hpp"
#include "base/time.hpp"
#include "protocol/node_friend.hpp"

namespace toxasync {

/// Frames to and from one friend. Toxcore accepts about 69 packets that its peer has not confirmed, and
/// slows down for long at that limit; so at most 60 frames are in flight, and further ones are held until
/// acknowledgements arrive, or until the friend is online.
class FrameWindow {
 public:
  /// Held frames: as many as one client is answered at a time (16 requests, 4 pages). A frame older than the
  /// client's longest time-out is dropped: the client has sent another one.
  static constexpr std::size_t max_held = 64;
  static constexpr milliseconds max_hold = 8s;

  /// The friend has come online: nothing is in flight in either direction.
  void connected() noexcept { sent_ = acknowledged_ = received_ = acknowledged_by_us_ = 0; }

  /// Queues a frame. False: the limit is reached.
  [[nodiscard]] bool hold(ByteView frame, SteadyTime now);
  /// The frame to send next, valid until the next call of any function; nothing: none, or not now.
  [[nodiscard]] std::optional<ByteView> next(SteadyTime now);
  /// The frame of next() was sent.
  void sent();

  /// The friend has received this many frames in total. False: so many were never sent.
  [[nodiscard]] bool on_ack(std::uint32_t frames) noexcept;

  void on_frame() noexcept { ++received_; }
  /// The acknowledgement to send now, if any; until ack_sent().
  [[nodiscard]] std::optional<protocol::FriendAck> ack() const noexcept;
  void ack_sent() noexcept { acknowledged_by_us_ = received_; }

  [[nodiscard]] std::uint32_t in_flight() const noexcept { return sent_ - acknowledged_; }
  [[nodiscard]] std::size_t held() const noexcept { return held_.size(); }

 private:
  struct Held {
    Bytes frame;
    SteadyTime since{};
  };

  void drop_old(SteadyTime now);

  // Frames since the friend is online, modulo 2^32.
  std::uint32_t sent_ = 0;
  std::uint32_t acknowledged_ = 0;
  std::uint32_t received_ = 0;
  std::uint32_t acknowledged_by_us_ = 0;
  std::deque<Held> held_;
};

}  // namespace toxasync
