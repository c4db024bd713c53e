// SPDX-License-Identifier: GPL-3.0-or-later
#include "protocol/bundle.hpp"

namespace toxasync::protocol {

ByteArray<16> root_mac(const crypto::Point& agreement, const crypto::Point& root, const crypto::Point& giver,
                       const crypto::Point& taker, const BundleVersion& version) noexcept {
  ByteArray<8> instance;
  ByteArray<8> number;
  store_le(version.instance, instance.data());
  store_le(version.version, number.data());
  return crypto::h128(agreement, {as_bytes("toxasync/1 root"), root, giver, taker, instance, number});
}

}  // namespace toxasync::protocol
