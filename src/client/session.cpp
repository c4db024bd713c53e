// SPDX-License-Identifier: GPL-3.0-or-later
#include "client/session.hpp"

#include <algorithm>

namespace toxasync::client {

void write_hello(protocol::FrameKind kind, const crypto::Point& x, const protocol::FrameNonce& nonce,
                 Random& random, protocol::FrameBytes& out) noexcept {
  const protocol::FrameHeader header{kind, protocol::frame_version, {}, x, nonce};
  const MutableBytes whole(out);
  (void)wire::encode(header, whole.first(limits::frame_header));
  random.fill(whole.subspan(limits::frame_header));
}

bool Session::agree_on_keys(const crypto::Point& node_key, const crypto::Wiped<32>& tag_shared) {
  auto keys = protocol::session_keys(pair_.secret, node_key, pair_.public_key, node_key);
  if (!keys) {
    return false;
  }
  tag_shared_ = crypto::Secret<32>::copy_of(tag_shared);
  keys_ = std::move(keys);
  node_key_ = node_key;
  return true;
}

void Session::seal(MutableBytes plain, std::size_t request_size, std::size_t tag_offset,
                   const protocol::FrameNonce& nonce, protocol::FrameBytes& out) const noexcept {
  if (name_.purpose != Purpose::peers) {
    const auto kind = name_.purpose == Purpose::store ? crypto::TagKind::write : crypto::TagKind::owner;
    const MutableBytes request = plain.subspan(limits::length_prefix, request_size);
    const auto tag = crypto::request_tag(kind, tag_shared_.bytes(), node_key_, x(), request, tag_offset);
    std::ranges::copy(tag, request.begin() + static_cast<std::ptrdiff_t>(tag_offset));
  }
  protocol::seal_frame({request_kind(name_.purpose), protocol::frame_version, cookie_, x(), nonce},
                       keys_->client_to_node, plain, out);
}

bool Session::open(const protocol::FrameHeader& header, ByteView packet, MutableBytes plain) const noexcept {
  return keys_ && protocol::open_frame(header, keys_->node_to_client, packet, plain);
}

}  // namespace toxasync::client
