// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>

#include "base/result.hpp"
#include "crypto/curve.hpp"
#include "wire/archive.hpp"

// The frame that carries every request and answer, and the session keys: docs/protocol.md, section 6.

namespace toxasync::protocol {

/// First byte of a frame: the packet ids that the host's dispatcher reserves for us.
enum class FrameKind : std::uint8_t {
  store = 0xa0,
  store_response = 0xa1,
  retrieve = 0xa2,
  retrieve_response = 0xa3
};

constexpr std::uint8_t frame_version = 1;

constexpr bool is_request(FrameKind kind) noexcept {
  return kind == FrameKind::store || kind == FrameKind::retrieve;
}
constexpr FrameKind response_to(FrameKind kind) noexcept {
  return static_cast<FrameKind>(static_cast<std::uint8_t>(kind) + 1);
}

using Cookie = ByteArray<limits::cookie>;
using FrameNonce = ByteArray<limits::aead_nonce>;
using FrameBytes = ByteArray<limits::frame>;

/// What is unencrypted, before the box.
struct FrameHeader {
  FrameKind kind = FrameKind::store;
  std::uint8_t version = frame_version;
  Cookie cookie{};
  crypto::Point session{};  ///< X
  FrameNonce nonce{};

  static void fields(auto& ar, auto& self) {
    wire::fields(ar, self.kind, self.version, self.cookie, self.session, self.nonce);
  }
};

enum class FrameError : std::uint8_t {
  length,   ///< Neither a frame nor a cookie reply; or a request that is not exactly a frame.
  kind,     ///< Not one of the four kinds.
  version,  ///< Another protocol version.
};

/// Reads the header of a frame or of a cookie reply. Checks kind, version and length: a request is exactly a
/// frame, a response at least a header and at most a frame.
Result<FrameHeader, FrameError> read_frame_header(ByteView packet) noexcept;

/// The two keys of a session.
struct SessionKeys {
  crypto::Secret<32> client_to_node;
  crypto::Secret<32> node_to_client;
};

/// From X25519(x, N) or X25519(n, X). Nothing when `theirs` is refused.
std::optional<SessionKeys> session_keys(const crypto::Secret<32>& ours, const crypto::Point& theirs,
                                        const crypto::Point& session, const crypto::Point& node_key);

/// Writes a frame. `plain` is `len 2|message|zeros`, limits::plaintext bytes (wire::encode_padded).
void seal_frame(const FrameHeader& header, const crypto::Secret<32>& key, ByteView plain,
                FrameBytes& out) noexcept;

/// Opens the box of a packet of exactly limits::frame bytes whose header is `header`. `plain` gets
/// limits::plaintext bytes. False: not sealed with this key, or tampered with.
[[nodiscard]] bool open_frame(const FrameHeader& header, const crypto::Secret<32>& key, ByteView packet,
                              MutableBytes plain) noexcept;

/// The cookie reply to a request with header `request`: header with `cookie` in its place, then the
/// descriptor.
Bytes make_cookie_reply(const FrameHeader& request, const Cookie& cookie, ByteView descriptor);

/// The counters of one direction of a session: each is accepted once, if it is less than 64 behind the
/// highest (RFC 6479's window, of one word).
class ReplayWindow {
 public:
  /// False for a counter that was accepted before, is too old, or is 0.
  [[nodiscard]] bool accept(std::uint64_t counter) noexcept;

 private:
  std::uint64_t highest_ = 0;
  std::uint64_t seen_ = 0;  ///< Bit i: highest_ - i was accepted.
};

}  // namespace toxasync::protocol
