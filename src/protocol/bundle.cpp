// SPDX-License-Identifier: GPL-3.0-or-later
#include "protocol/bundle.hpp"

#include <algorithm>

namespace toxasync::protocol {

namespace {

/// What a bundle's signature covers: R|S|the head without its signature.
Bytes signed_part(const BundleHead& head, const crypto::FriendKey& sender,
                  const crypto::FriendKey& receiver) {
  Bytes bytes(2 * limits::point + limits::bundle_head);
  std::ranges::copy(sender, bytes.begin());
  std::ranges::copy(receiver, bytes.begin() + limits::point);
  const auto size = wire::encode(head, MutableBytes(bytes).subspan(2 * limits::point));
  bytes.resize(size ? 2 * limits::point + *size - limits::signature : 0);  // limits.hpp rules the error out
  return bytes;
}

constexpr std::string_view signature_label = "toxasync/1 bundle";

}  // namespace

void BundleHead::sign(const crypto::SigningKey& key, const crypto::FriendKey& sender,
                      const crypto::FriendKey& receiver) {
  signer = key.public_key();
  signature = key.sign(as_bytes(signature_label), signed_part(*this, sender, receiver));
}

bool BundleHead::is_signed(const crypto::FriendKey& sender, const crypto::FriendKey& receiver) const {
  return crypto::verify(signer, as_bytes(signature_label), signed_part(*this, sender, receiver), signature);
}

ByteArray<32> one_time_hash(std::span<const crypto::Point> keys) noexcept {
  static_assert(sizeof(crypto::Point) == limits::point);
  return crypto::h256({}, {ByteView(reinterpret_cast<const std::uint8_t*>(keys.data()), keys.size_bytes())});
}

ByteArray<16> root_mac(const ByteArray<32>& agreement, const crypto::Point& root,
                       const crypto::FriendKey& sender, const crypto::FriendKey& receiver,
                       const BundleVersion& version) noexcept {
  ByteArray<8> instance;
  ByteArray<8> number;
  store_le(static_cast<std::uint64_t>(version.instance), instance.data());
  store_le(version.version, number.data());
  return crypto::h128(agreement, {as_bytes("toxasync/1 root"), root, sender, receiver, instance, number});
}

}  // namespace toxasync::protocol
