// SPDX-License-Identifier: GPL-3.0-or-later
#include "crypto/curve.hpp"

#include <algorithm>
#include <boost/test/unit_test.hpp>

#include "fixture.hpp"

namespace toxasync::crypto {
namespace {

using test::hex_point;

BOOST_FIXTURE_TEST_SUITE(curve, test::CryptoFixture)

BOOST_AUTO_TEST_CASE(key_agreement_gives_the_answers_of_rfc_7748) {
  ByteArray<32> out{};
  BOOST_TEST(x25519(
      out, array_from_hex<32>("a546e36bf0527c9d3b16154b82465edd62144c0ac1fc5a18506a2244ba449ac4").value(),
      hex_point("e6db6867583030db3594c1a424b15f7c726624ec26b3353b10a903a6d0ab1c4c")));
  BOOST_TEST(to_hex(out) == "c3da55379de9c6908e94ea4df28d084f32eccf03491c71f754b4075577a28552");
}

BOOST_AUTO_TEST_CASE(both_sides_agree) {
  const auto a = KeyPair::generate(random);
  const auto b = KeyPair::generate(random);
  ByteArray<32> ab{};
  ByteArray<32> ba{};
  BOOST_TEST(x25519(ab, a.secret.bytes(), b.public_key));
  BOOST_TEST(x25519(ba, b.secret.bytes(), a.public_key));
  TOXASYNC_TEST_BYTES(ab, ba);
  TOXASYNC_TEST_BYTES(KeyPair::from_secret(a.secret.clone()).public_key, a.public_key);
  const auto base = test::numbered<Point>(9);
  ByteArray<32> by_ladder{};
  BOOST_TEST(x25519(by_ladder, a.secret.bytes(), base));
  TOXASYNC_TEST_BYTES(by_ladder, a.public_key);
}

BOOST_AUTO_TEST_CASE(a_point_of_low_order_is_refused) {
  const auto key = KeyPair::generate(random);
  for (const Point& point : test::low_order_points()) {
    ByteArray<32> out{};
    BOOST_TEST(!x25519(out, key.secret.bytes(), point), to_hex(point));
  }
}

BOOST_AUTO_TEST_CASE(a_point_with_its_top_bit_set_is_refused) {
  const auto key = KeyPair::generate(random);
  for (int i = 0; i < 20; ++i) {
    Point point = KeyPair::generate(random).public_key;
    BOOST_TEST(is_canonical(point));
    point[31] |= 0x80;
    ByteArray<32> out{};
    BOOST_TEST(!is_canonical(point));
    BOOST_TEST(!x25519(out, key.secret.bytes(), point));
  }
}

BOOST_AUTO_TEST_CASE(a_point_that_is_not_below_the_prime_is_refused) {
  // 2^255-19 + i for i in 0..18 is i again; the same bytes with any byte but the first lowered are below the
  // prime.
  const auto key = KeyPair::generate(random);
  Point point;
  std::ranges::fill(point, 0xff);
  point[31] = 0x7f;
  for (int low = 0; low < 256; ++low) {
    point[0] = static_cast<std::uint8_t>(low);
    ByteArray<32> out{};
    BOOST_TEST(is_canonical(point) == (low < 0xed), "lowest byte " << low);
    BOOST_TEST(x25519(out, key.secret.bytes(), point) == (low < 0xec),
               "lowest byte " << low);  // p - 1: low order
  }
  for (std::size_t i = 1; i < 32; ++i) {
    point[i] = static_cast<std::uint8_t>(point[i] - 1);
    BOOST_TEST(is_canonical(point), "byte " << i);
    point[i] = static_cast<std::uint8_t>(point[i] + 1);
  }
  BOOST_TEST(is_canonical(Point{}));
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_FIXTURE_TEST_SUITE(signing, test::CryptoFixture)

BOOST_AUTO_TEST_CASE(a_signature_is_that_of_rfc_8032) {
  const SigningKey key(
      array_from_hex<32>("4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb").value());
  BOOST_TEST(to_hex(key.public_key()) == "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c");
  const Bytes message{0x72};
  const char* expected =
      "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
      "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00";
  BOOST_TEST(to_hex(key.sign(message, {})) == expected);
  BOOST_TEST(to_hex(key.sign({}, message)) == expected);
}

BOOST_AUTO_TEST_CASE(a_changed_label_message_key_or_signature_is_refused) {
  const SigningKey key(test::counting<32>(1));
  const auto label = as_bytes("label");
  Bytes message = test::counting_bytes(40);
  Signature signature = key.sign(label, message);
  BOOST_TEST(verify(key.public_key(), label, message, signature));
  BOOST_TEST(!verify(SigningKey(test::counting<32>(2)).public_key(), label, message, signature));
  BOOST_TEST(!verify(key.public_key(), as_bytes("lable"), message, signature));
  BOOST_TEST(!verify(key.public_key(), label, ByteView(message).first(39), signature));
  for (std::uint8_t& byte : message) {
    byte ^= 1;
    BOOST_TEST(!verify(key.public_key(), label, message, signature));
    byte ^= 1;
  }
  for (std::size_t bit = 0; bit < 512; ++bit) {
    signature[bit / 8] ^= static_cast<std::uint8_t>(1U << (bit % 8));
    BOOST_TEST(!verify(key.public_key(), label, message, signature), "bit " << bit);
    signature[bit / 8] ^= static_cast<std::uint8_t>(1U << (bit % 8));
  }
  BOOST_TEST(verify(key.public_key(), label, message, signature));
}

BOOST_AUTO_TEST_CASE(both_halves_of_a_signing_key_have_an_x25519_form) {
  const SigningKey key(test::counting<32>(1));
  const auto form = x25519_form(key.public_key());
  BOOST_TEST_REQUIRE(form.has_value());
  TOXASYNC_TEST_BYTES(*form, x25519_base(key.x25519_secret().bytes()));
  BOOST_TEST(!x25519_form({}).has_value());  // of low order
}

BOOST_AUTO_TEST_CASE(the_system_generator_does_not_repeat) {
  SystemRandom system;
  BOOST_TEST((system.array<32>() != system.array<32>()));
  system.fill({});
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace toxasync::crypto
