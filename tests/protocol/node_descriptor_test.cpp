// SPDX-License-Identifier: GPL-3.0-or-later
#include "protocol/node_descriptor.hpp"

#include <boost/test/unit_test.hpp>

#include "samples.hpp"
#include "tests/crypto/fixture.hpp"

namespace toxasync::protocol {
namespace {

struct DescriptorFixture : test::CryptoFixture {
  crypto::SigningKey signer{test::counting<32>(1)};
  NodeDescriptor descriptor = [this] {
    NodeDescriptor out = test::node_descriptor();
    out.id = NodeId(signer.public_key());
    return out;
  }();
  Bytes bytes = descriptor.encode_signed(signer);

  /// Signs what `fields` are, also when encode_signed would not.
  [[nodiscard]] Bytes sign(Bytes fields, std::string_view label = "toxasync/1 node") const {
    const auto signature = signer.sign(as_bytes(label), fields);
    fields.insert(fields.end(), signature.begin(), signature.end());
    return fields;
  }
};

BOOST_FIXTURE_TEST_SUITE(descriptors, DescriptorFixture)

BOOST_AUTO_TEST_CASE(a_descriptor_comes_back_as_it_was_signed) {
  BOOST_TEST(bytes.size() == limits::descriptor);
  const auto back = NodeDescriptor::decode_signed(bytes);
  BOOST_REQUIRE(back.has_value());
  TOXASYNC_TEST_BYTES(test::encoded(*back), test::encoded(descriptor));
  descriptor.addresses.clear();
  const Bytes shortest = descriptor.encode_signed(signer);
  BOOST_TEST(shortest.size() == limits::descriptor - std::size_t{4} * 19);
  BOOST_TEST(NodeDescriptor::decode_signed(shortest).has_value());
}

BOOST_AUTO_TEST_CASE(a_descriptor_with_any_byte_flipped_is_refused) {
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    bytes[i] ^= 0x08;
    BOOST_TEST(!NodeDescriptor::decode_signed(bytes).has_value(), "byte " << i);
    bytes[i] ^= 0x08;
  }
  BOOST_TEST(NodeDescriptor::decode_signed(bytes).has_value());
}

BOOST_AUTO_TEST_CASE(a_descriptor_cut_at_any_length_is_refused) {
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    BOOST_TEST(!NodeDescriptor::decode_signed(ByteView(bytes).first(size)).has_value(), "cut to " << size);
  }
  bytes.push_back(0);
  BOOST_TEST(!NodeDescriptor::decode_signed(bytes).has_value());
}

BOOST_AUTO_TEST_CASE(a_descriptor_signed_by_another_node_is_refused) {
  const crypto::SigningKey other(test::counting<32>(2));
  BOOST_TEST(!NodeDescriptor::decode_signed(descriptor.encode_signed(other)).has_value());
}

BOOST_AUTO_TEST_CASE(what_is_signed_but_malformed_is_refused) {
  const Bytes good = test::encoded(descriptor);
  BOOST_TEST(NodeDescriptor::decode_signed(sign(good)).has_value());
  BOOST_TEST(!NodeDescriptor::decode_signed(sign(good, "toxasync/1 edon")).has_value());

  Bytes bad = good;
  bad[0] = 2;
  BOOST_TEST(!NodeDescriptor::decode_signed(sign(bad)).has_value(), "another version");
  bad = good;
  bad[33 + 31] |= 0x80;
  BOOST_TEST(!NodeDescriptor::decode_signed(sign(bad)).has_value(), "N with its top bit set");
  bad = good;
  bad.resize(bad.size() - 1);
  BOOST_TEST(!NodeDescriptor::decode_signed(sign(bad)).has_value(), "an address cut");
  bad = good;
  bad.resize(33);
  BOOST_TEST(!NodeDescriptor::decode_signed(sign(bad)).has_value(), "an id and nothing more");
  bad = good;
  bad.resize(bad.size() - 19);
  BOOST_TEST(!NodeDescriptor::decode_signed(sign(bad)).has_value(), "fewer addresses than counted");
}

BOOST_AUTO_TEST_CASE(too_many_addresses_are_neither_signed_nor_accepted) {
  descriptor.addresses.push_back(descriptor.addresses.front());
  BOOST_TEST(descriptor.encode_signed(signer).empty());
  Bytes five = test::encoded(test::node_descriptor());
  std::ranges::copy(signer.public_key(), five.begin() + 1);
  five[89] = 5;
  five.resize(five.size() + 19);
  BOOST_TEST(!NodeDescriptor::decode_signed(sign(five)).has_value());
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(addresses)

struct Case {
  const char* ip;
  bool anywhere;  ///< Usable in the open internet.
  bool locally;   ///< Usable with allow_local.
};

constexpr Case ipv4_cases[] = {
    {"00000000", false, false}, {"00010203", false, false}, {"01010101", true, true},
    {"08080808", true, true},   {"09ffffff", true, true},   {"0a000001", false, true},
    {"0affffff", false, true},  {"0b000000", true, true},   {"643fffff", true, true},
    {"64400000", false, true},  {"647fffff", false, true},  {"64800000", true, true},
    {"7f000001", false, true},  {"7fffffff", false, true},  {"80000001", true, true},
    {"a9fdffff", true, true},   {"a9fe0001", false, true},  {"a9ff0000", true, true},
    {"ac0fffff", true, true},   {"ac100000", false, true},  {"ac1fffff", false, true},
    {"ac200000", true, true},   {"c0a7ffff", true, true},   {"c0a80101", false, true},
    {"c0a90000", true, true},   {"dfffffff", true, true},   {"e0000001", false, false},
    {"efffffff", false, false}, {"f0000001", false, false}, {"ffffffff", false, false}};

constexpr Case ipv6_cases[] = {{"00000000000000000000000000000000", false, false},  // unspecified
                               {"00000000000000000000000000000001", false, true},   // loopback
                               {"20010470000000000000000000000001", true, true},
                               {"fbffffffffffffffffffffffffffffff", true, true},
                               {"fc000000000000000000000000000001", false, true},  // unique local
                               {"fdffffffffffffffffffffffffffffff", false, true},
                               {"fe000000000000000000000000000001", true, true},
                               {"fe800000000000000000000000000001", false, true},  // link-local
                               {"febfffffffffffffffffffffffffffff", false, true},
                               {"ff020000000000000000000000000001", false, false},  // multicast
                               {"ffffffffffffffffffffffffffffffff", false, false}};

void check_address(std::uint8_t family, const Bytes& ip, bool anywhere, bool locally) {
  Endpoint endpoint{family, {}, 33445};
  std::ranges::copy(ip, endpoint.ip.begin());
  BOOST_TEST(is_usable_address(endpoint, false) == anywhere, to_hex(ip));
  BOOST_TEST(is_usable_address(endpoint, true) == locally, to_hex(ip));
  endpoint.port = 0;
  BOOST_TEST(!is_usable_address(endpoint, false), to_hex(ip) << " without a port");
  BOOST_TEST(!is_usable_address(endpoint, true));
  endpoint.port = 1;
  for (const std::uint8_t other : ByteArray<6>{0, 1, 2, 5, 10, 255}) {
    endpoint.family = other;
    BOOST_TEST(!is_usable_address(endpoint, true), "family " << int{other});
  }
}

BOOST_AUTO_TEST_CASE(packets_go_to_no_ipv4_address_where_they_would_be_a_nuisance) {
  for (const Case& c : ipv4_cases) {
    check_address(4, *from_hex(c.ip), c.anywhere, c.locally);
  }
}

BOOST_AUTO_TEST_CASE(packets_go_to_no_ipv6_address_where_they_would_be_a_nuisance) {
  for (const Case& c : ipv6_cases) {
    check_address(6, *from_hex(c.ip), c.anywhere, c.locally);
  }
}

BOOST_AUTO_TEST_CASE(an_ipv4_address_in_ipv6_is_judged_as_ipv4) {
  for (const Case& c : ipv4_cases) {
    check_address(6, *from_hex(std::string("00000000000000000000ffff") + c.ip), c.anywhere, c.locally);
  }
}

BOOST_AUTO_TEST_CASE(an_ipv4_address_has_one_encoding) {
  Endpoint endpoint{4, {8, 8, 8, 8}, 33445};
  BOOST_TEST(is_usable_address(endpoint, false));
  for (std::size_t i = 4; i < 16; ++i) {
    endpoint.ip[i] = 1;
    BOOST_TEST(!is_usable_address(endpoint, true), "byte " << i);
    endpoint.ip[i] = 0;
  }
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace toxasync::protocol
