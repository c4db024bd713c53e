// SPDX-License-Identifier: GPL-3.0-or-later
#include "protocol/node_descriptor.hpp"

#include <algorithm>

namespace toxasync::protocol {

namespace {

constexpr std::string_view signature_label = "toxasync/1 node";

/// `ip` is 4 bytes.
bool usable_ipv4(const std::uint8_t* ip, bool allow_local) noexcept {
  if (ip[0] == 0 || ip[0] >= 224) {  // this network; multicast, reserved, broadcast
    return false;
  }
  const bool local = ip[0] == 127 || ip[0] == 10 || (ip[0] == 172 && (ip[1] & 0xf0U) == 16) ||
                     (ip[0] == 192 && ip[1] == 168) || (ip[0] == 169 && ip[1] == 254) ||
                     (ip[0] == 100 && (ip[1] & 0xc0U) == 64);  // RFC 1122, 1918, 3927, 6598
  return allow_local || !local;
}

bool usable_ipv6(const ByteArray<16>& ip, bool allow_local) noexcept {
  const auto zeros = [&ip](std::size_t count) {
    return std::all_of(ip.begin(), ip.begin() + static_cast<std::ptrdiff_t>(count),
                       [](std::uint8_t byte) { return byte == 0; });
  };
  if (zeros(16) || ip[0] == 0xff) {  // unspecified, multicast
    return false;
  }
  if (zeros(10) && ip[10] == 0xff && ip[11] == 0xff) {  // IPv4-mapped
    return usable_ipv4(ip.data() + 12, allow_local);
  }
  const bool loopback = zeros(15) && ip[15] == 1;
  const bool local = loopback || (ip[0] & 0xfeU) == 0xfc || (ip[0] == 0xfe && (ip[1] & 0xc0U) == 0x80);
  return allow_local || !local;
}

}  // namespace

bool is_usable_address(const Endpoint& endpoint, bool allow_local) noexcept {
  if (endpoint.port == 0) {
    return false;
  }
  if (endpoint.family == 4) {
    const bool one_encoding =
        std::all_of(endpoint.ip.begin() + 4, endpoint.ip.end(), [](auto b) { return b == 0; });
    return one_encoding && usable_ipv4(endpoint.ip.data(), allow_local);
  }
  return endpoint.family == 6 && usable_ipv6(endpoint.ip, allow_local);
}

Bytes NodeDescriptor::encode_signed(const crypto::SigningKey& signer) const {
  Bytes out(limits::descriptor);
  const auto size = wire::encode(*this, out);
  if (!size) {
    return {};
  }
  const auto signature = signer.sign(as_bytes(signature_label), ByteView(out).first(*size));
  out.resize(*size);
  out.insert(out.end(), signature.begin(), signature.end());
  return out;
}

std::optional<NodeDescriptor> NodeDescriptor::decode_signed(ByteView bytes) {
  if (bytes.size() < limits::signature || bytes.size() > limits::descriptor) {
    return std::nullopt;
  }
  const auto body = bytes.first(bytes.size() - limits::signature);
  const auto signature = to_array<limits::signature>(bytes.subspan(body.size()));
  if (body.size() < 1 + sizeof(NodeId) || body[0] != 1 ||
      !crypto::verify(to_array<32>(body.subspan(1)), as_bytes(signature_label), body, signature)) {
    return std::nullopt;
  }
  NodeDescriptor descriptor;
  if (wire::decode(body, descriptor) != wire::Error::none || !crypto::is_canonical(descriptor.key)) {
    return std::nullopt;
  }
  return descriptor;
}

}  // namespace toxasync::protocol
