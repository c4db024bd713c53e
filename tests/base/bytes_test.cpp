// SPDX-License-Identifier: GPL-3.0-or-later
#include "base/bytes.hpp"

#include <boost/test/unit_test.hpp>
#include <limits>
#include <set>

#include "base/clock.hpp"
#include "base/transport.hpp"
#include "tests/support/samples.hpp"

namespace toxasync {
namespace {

BOOST_AUTO_TEST_SUITE(bytes)

BOOST_AUTO_TEST_CASE(integers_are_little_endian) {
  ByteArray<8> out{};
  store_le<std::uint64_t>(0x0102030405060708, out.data());
  TOXASYNC_TEST_BYTES(out, *from_hex("0807060504030201"));
  out = {};
  store_le<std::uint16_t>(0xfffe, out.data());
  TOXASYNC_TEST_BYTES(out, *from_hex("feff000000000000"));
  store_le<std::uint8_t>(0xab, out.data());
  BOOST_TEST(out[0] == 0xab);
  BOOST_TEST(out[1] == 0xff);
}

BOOST_AUTO_TEST_CASE(an_integer_comes_back_as_it_was) {
  ByteArray<8> bytes{};
  for (const std::uint64_t value :
       {std::uint64_t{0}, std::uint64_t{1}, std::uint64_t{0x80}, std::uint64_t{0xff80},
        std::uint64_t{0x80000000}, std::numeric_limits<std::uint64_t>::max()}) {
    store_le(value, bytes.data());
    BOOST_TEST(load_le<std::uint64_t>(bytes.data()) == value);
    BOOST_TEST(load_le<std::uint32_t>(bytes.data()) == static_cast<std::uint32_t>(value));
    BOOST_TEST(load_le<std::uint16_t>(bytes.data()) == static_cast<std::uint16_t>(value));
    BOOST_TEST(load_le<std::uint8_t>(bytes.data()) == static_cast<std::uint8_t>(value));
  }
}

BOOST_AUTO_TEST_CASE(hexadecimal_comes_back_as_it_was) {
  Bytes all(256);
  for (std::size_t i = 0; i < all.size(); ++i) {
    all[i] = static_cast<std::uint8_t>(i);
  }
  BOOST_TEST(to_hex(all).substr(0, 8) == "00010203");
  BOOST_TEST((from_hex(to_hex(all)) == all));
  BOOST_TEST((from_hex("aBcDeF") == from_hex("AbCdEf")));
  BOOST_TEST((from_hex("") == Bytes{}));
}

BOOST_AUTO_TEST_CASE(what_is_not_hexadecimal_is_refused) {
  BOOST_TEST(!from_hex("0"));
  BOOST_TEST(!from_hex("abc"));
  for (int c = 0; c < 256; ++c) {
    const auto digit = static_cast<char>(c);
    const bool good = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
    BOOST_TEST(from_hex(std::string{digit, '0'}).has_value() == good, "character " << c);
    BOOST_TEST(from_hex(std::string{'0', digit}).has_value() == good, "character " << c);
  }
}

BOOST_AUTO_TEST_CASE(hexadecimal_of_another_length_is_refused) {
  BOOST_TEST(array_from_hex<2>("0102").has_value());
  BOOST_TEST(!array_from_hex<2>("01"));
  BOOST_TEST(!array_from_hex<2>("010203"));
  BOOST_TEST(!array_from_hex<2>("01zz"));
}

BOOST_AUTO_TEST_CASE(a_bounded_random_number_stays_below_its_bound) {
  test::ScriptedRandom random(test::counting_bytes(251, 0));
  std::set<std::uint64_t> seen;
  for (int i = 0; i < 1000; ++i) {
    seen.insert(random.below(3));
    BOOST_REQUIRE(random.below(1) == 0);
  }
  BOOST_TEST((seen == std::set<std::uint64_t>{0, 1, 2}));
  test::ScriptedRandom largest({0xff});
  BOOST_TEST(largest.below(10) == 9);
  BOOST_TEST(largest.below(std::numeric_limits<std::uint64_t>::max()) ==
             std::numeric_limits<std::uint64_t>::max() - 1);
}

BOOST_AUTO_TEST_CASE(seconds_are_milliseconds_cut_down) {
  BOOST_TEST((Now{{}, UnixTimeMs{1999ms}}.unix_time() == UnixTime{1s}));
  BOOST_TEST((Now{{}, UnixTimeMs{2s}}.unix_time() == UnixTime{2s}));
}

BOOST_AUTO_TEST_CASE(endpoints_differ_when_any_part_differs) {
  const Endpoint one{4, {127, 0, 0, 1}, 33445};
  Endpoint other = one;
  BOOST_TEST((one == other));
  other.port = 33446;
  BOOST_TEST((one != other));
  other = one;
  other.ip[15] = 1;
  BOOST_TEST((one != other));
  other = one;
  other.family = 6;
  BOOST_TEST((one < other));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace toxasync
