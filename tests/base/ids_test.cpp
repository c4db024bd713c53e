// SPDX-License-Identifier: GPL-3.0-or-later
#include "base/ids.hpp"

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <map>
#include <type_traits>

#include "tests/support/samples.hpp"

namespace toxasync {
namespace {

using Left = Id<struct LeftTag, 4>;
using Right = Id<struct RightTag, 4>;

static_assert(!std::is_convertible_v<Left, Right> && !std::is_constructible_v<Right, Left>);
static_assert(!std::is_assignable_v<Right&, Left>);
static_assert(!std::is_convertible_v<ByteArray<4>, Left> && std::is_constructible_v<Left, ByteArray<4>>);
static_assert(!std::is_assignable_v<Left&, ByteArray<4>> && !std::is_convertible_v<Left, ByteArray<4>>);
static_assert(!std::is_constructible_v<Left, ByteArray<5>>);
static_assert(std::is_convertible_v<Left, ByteView> && std::is_convertible_v<Left&, MutableBytes>);
static_assert(!std::is_convertible_v<const Left&, MutableBytes>);
static_assert(std::is_trivially_copyable_v<Left> && sizeof(Left) == 4);
static_assert(Left() == Left(ByteArray<4>{0, 0, 0, 0}));

BOOST_AUTO_TEST_SUITE(ids)

BOOST_AUTO_TEST_CASE(an_id_is_zero_unless_it_is_given) {
  const Left none;
  BOOST_TEST(std::ranges::all_of(none, [](std::uint8_t byte) { return byte == 0; }));
  BOOST_TEST((none == Left{}));
}

BOOST_AUTO_TEST_CASE(an_id_keeps_its_bytes) {
  const auto bytes = test::counting<4>(9);
  Left id(bytes);
  BOOST_TEST((id.bytes() == bytes));
  TOXASYNC_TEST_BYTES(id, bytes);
  id[1] = 0xff;
  const MutableBytes view(id);
  view[2] = 0xfe;
  TOXASYNC_TEST_BYTES(id, *from_hex("09fffe0c"));
  BOOST_TEST((id_from<Right>(*from_hex("0102030405")) == Right(ByteArray<4>{1, 2, 3, 4})));
}

BOOST_AUTO_TEST_CASE(ids_have_the_order_of_their_bytes) {
  const Left low(ByteArray<4>{1, 0xff, 0xff, 0xff});
  const Left high(ByteArray<4>{2, 0, 0, 0});
  BOOST_TEST((low < high));
  BOOST_TEST((low != high));
  const std::map<Left, int> places{{high, 2}, {low, 1}};
  BOOST_TEST(places.begin()->second == 1);
}

BOOST_AUTO_TEST_CASE(an_id_is_read_from_as_many_digits_as_it_has) {
  BOOST_TEST((id_from_hex<Left>("0A0b0c0d").value() == Left(ByteArray<4>{10, 11, 12, 13})));
  for (const char* wrong : {"", "0a0b0c", "0a0b0c0d0e", "0a0b0c0", "0a0b0c0g"}) {
    BOOST_TEST(!id_from_hex<Left>(wrong).has_value(), wrong);
  }
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace toxasync
