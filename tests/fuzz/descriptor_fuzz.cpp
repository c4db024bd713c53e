// SPDX-License-Identifier: GPL-3.0-or-later
#include "protocol/node_descriptor.hpp"

#include "source.hpp"
#include "target.hpp"

// What a node says of itself, as it comes, and signed by a node's key after the fuzzer has chosen what it
// says.

namespace {

using namespace toxasync;

void check_addresses(const protocol::NodeDescriptor& descriptor) {
  for (const auto& address : descriptor.addresses) {
    fuzz::check(!protocol::is_usable_address(address.endpoint, false) ||
                    protocol::is_usable_address(address.endpoint, true),
                "what may be used on the internet may be used");
  }
}

/// The corpus has some that a node has signed.
void as_it_comes(ByteView in) {
  fuzz::round_trip<protocol::NodeDescriptor>(in);
  if (const auto read = protocol::NodeDescriptor::decode_signed(in)) {
    fuzz::round_trip<protocol::NodeDescriptor>(in.first(in.size() - limits::signature));
    check_addresses(*read);
  }
}

void signed_by_a_node(fuzz::Source& source) {
  static const crypto::SigningKey signer{ByteArray<32>{1}};
  const bool as_somebody_else = source.chance(16);
  const std::uint8_t change = source.number();
  const std::size_t at = source.number();
  auto descriptor = source.message<protocol::NodeDescriptor>();
  if (!as_somebody_else) {
    descriptor.id = protocol::NodeId(signer.public_key());
  }
  Bytes bytes = descriptor.encode_signed(signer);
  if (bytes.empty()) {
    fuzz::check(descriptor.addresses.size() > limits::addresses_per_node,
                "a descriptor within the limits encodes");
    return;
  }
  bytes[at % bytes.size()] ^= change;
  const auto read = protocol::NodeDescriptor::decode_signed(bytes);
  const bool good = change == 0 && descriptor.version == 1 && crypto::is_canonical(descriptor.key) &&
                    descriptor.id == protocol::NodeId(signer.public_key());
  fuzz::check(read.has_value() == good, "a descriptor is accepted if and only if its node signed it so");
  if (read) {
    fuzz::check(read->encode_signed(signer) == bytes, "a signed descriptor encodes to the same bytes");
    check_addresses(*read);
  }
}

}  // namespace

TOXASYNC_FUZZ_TARGET(descriptor) {
  fuzz::Source source(in);
  if (source.below(2) == 0) {
    as_it_comes(source.bytes(in.size()));
  } else {
    signed_by_a_node(source);
  }
}
