// SPDX-License-Identifier: GPL-3.0-or-later
#include "crypto/symmetric.hpp"

#include <boost/test/unit_test.hpp>

#include "fixture.hpp"

namespace toxasync::crypto {
namespace {

BOOST_FIXTURE_TEST_SUITE(symmetric, test::CryptoFixture)

// From the reference implementation of SipHash-2-4, for the key 00 01 ... 0f.
BOOST_AUTO_TEST_CASE(siphash_gives_the_reference_values) {
  const auto key = test::counting<16>(0);
  BOOST_TEST(siphash(key, {}) == 0x726fdb47dd0e0e31U);
  BOOST_TEST(siphash(key, test::counting<15>(0)) == 0xa129ca6149be45e5U);
  BOOST_TEST(siphash(test::counting<16>(1), test::counting<15>(0)) != 0xa129ca6149be45e5U);
}

BOOST_AUTO_TEST_CASE(bytes_are_equal_only_to_the_same_of_the_same_length) {
  const auto bytes = test::counting<32>(1);
  BOOST_TEST(equal(bytes, test::counting<32>(1)));
  BOOST_TEST(!equal(bytes, ByteView(bytes).first(31)));
  BOOST_TEST(!equal(ByteView(bytes).first(31), bytes));
  BOOST_TEST(!equal(bytes, test::counting<32>(2)));
  BOOST_TEST(equal({}, {}));
}

BOOST_AUTO_TEST_CASE(a_box_opens_only_whole_and_into_its_size) {
  const auto key = test::counting<32>(1);
  const auto nonce = test::counting<24>(2);
  const Bytes plain = test::counting_bytes(40);
  const Bytes ad = test::counting_bytes(5);
  Bytes box(plain.size() + aead_tag_size);
  aead_seal(key, nonce, ad, plain, box);
  Bytes out(plain.size());
  BOOST_TEST(aead_open(key, nonce, ad, box, out));
  BOOST_TEST(out == plain);
  BOOST_TEST(!aead_open(key, nonce, {}, box, out));
  Bytes shorter(plain.size() - 1);
  Bytes longer(plain.size() + 1);
  BOOST_TEST(!aead_open(key, nonce, ad, box, shorter));
  BOOST_TEST(!aead_open(key, nonce, ad, box, longer));
  BOOST_TEST(!aead_open(key, nonce, ad, ByteView(box).first(aead_tag_size - 1), {}));
  box.back() ^= 1;
  BOOST_TEST(!aead_open(key, nonce, ad, box, out));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace toxasync::crypto
