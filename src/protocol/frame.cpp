// SPDX-License-Identifier: GPL-3.0-or-later
#include "protocol/frame.hpp"

#include <algorithm>

namespace toxasync::protocol {

namespace {

using FrameContext = ByteArray<2 + limits::point>;

/// kind|version|X
FrameContext frame_context(const FrameHeader& header) noexcept {
  FrameContext context;
  context[0] = static_cast<std::uint8_t>(header.kind);
  context[1] = header.version;
  std::ranges::copy(header.session, context.begin() + 2);
  return context;
}

}  // namespace

Result<FrameHeader, FrameError> read_frame_header(ByteView packet) noexcept {
  if (packet.size() < limits::frame_header || packet.size() > limits::frame) {
    return FrameError::length;
  }
  FrameHeader header;
  if (wire::decode(packet.first(limits::frame_header), header) != wire::Error::none) {
    return FrameError::length;
  }
  if (header.kind < FrameKind::store || header.kind > FrameKind::retrieve_response) {
    return FrameError::kind;
  }
  if (header.version != frame_version) {
    return FrameError::version;
  }
  if (is_request(header.kind) && packet.size() != limits::frame) {
    return FrameError::length;  // else its answer, a cookie reply, could be longer than it
  }
  return header;
}

std::optional<SessionKeys> session_keys(const crypto::Secret<32>& ours, const crypto::Point& theirs,
                                        const crypto::Point& session, const crypto::Point& node_key) {
  crypto::Wiped<32> shared;
  if (!crypto::x25519(shared, ours.bytes(), theirs)) {
    return std::nullopt;
  }
  const crypto::Wiped<64> both(crypto::h512(shared, {as_bytes("toxasync/1 sess"), session, node_key}));
  return SessionKeys{crypto::Secret<32>::copy_of(ByteView(both).first(32)),
                     crypto::Secret<32>::copy_of(ByteView(both).subspan(32))};
}

void seal_frame(const FrameHeader& header, const crypto::Secret<32>& key, ByteView plain,
                FrameBytes& out) noexcept {
  const MutableBytes whole(out);
  (void)wire::encode(header, whole.first(limits::frame_header));
  crypto::aead_seal(key.bytes(), header.nonce, frame_context(header), plain,
                    whole.subspan(limits::frame_header));
}

bool open_frame(const FrameHeader& header, const crypto::Secret<32>& key, ByteView packet,
                MutableBytes plain) noexcept {
  return packet.size() == limits::frame && crypto::aead_open(key.bytes(), header.nonce, frame_context(header),
                                                             packet.subspan(limits::frame_header), plain);
}

Bytes make_cookie_reply(const FrameHeader& request, const Cookie& cookie, ByteView descriptor) {
  FrameHeader header = request;
  header.kind = response_to(request.kind);
  header.cookie = cookie;
  Bytes reply(limits::frame_header + descriptor.size());
  (void)wire::encode(header, MutableBytes(reply).first(limits::frame_header));
  std::ranges::copy(descriptor, reply.begin() + limits::frame_header);
  return reply;
}

bool ReplayWindow::accept(std::uint64_t counter) noexcept {
  constexpr std::uint64_t width = 64;
  if (counter == 0) {
    return false;
  }
  if (counter > highest_) {
    const std::uint64_t shift = counter - highest_;
    seen_ = (shift >= width ? 0 : seen_ << shift) | 1;
    highest_ = counter;
    return true;
  }
  const std::uint64_t age = highest_ - counter;
  if (age >= width || ((seen_ >> age) & 1U) != 0) {
    return false;
  }
  seen_ |= std::uint64_t{1} << age;
  return true;
}

}  // namespace toxasync::protocol
