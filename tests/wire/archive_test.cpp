// SPDX-License-Identifier: GPL-3.0-or-later
#include "wire/archive.hpp"

#include <boost/test/unit_test.hpp>

#include "tests/support/samples.hpp"

namespace toxasync::wire {
namespace {

enum class Colour : std::uint8_t { red = 1, blue = 200 };

struct Item {
  std::uint16_t number = 0;
  Bytes text;
  static constexpr std::size_t min_encoded_size = 2 + limits::length_prefix;
  static void fields(auto& ar, auto& self) { wire::fields(ar, self.number, bounded<5>(self.text)); }
};

/// Has one of everything that the archives take.
struct Sample {
  std::uint8_t small = 0;
  std::uint16_t medium = 0;
  std::uint32_t large = 0;
  std::uint64_t largest = 0;
  std::int32_t negative = 0;
  Colour colour{};
  ByteArray<3> bytes{};
  std::vector<ByteArray<2>> pairs;
  std::vector<Item> items;
  std::uint8_t last = 0;
  static void fields(auto& ar, auto& self) {
    wire::fields(ar, self.small, self.medium, self.large, self.largest, self.negative, self.colour,
                 self.bytes, bounded<3, 1>(self.pairs), bounded<2>(self.items), self.last);
  }
};

Sample sample() {
  return {1,
          0x0302,
          0x07060504,
          0x0f0e0d0c0b0a0908,
          -2,
          Colour::blue,
          {0x20, 0x21, 0x22},
          {{0x30, 0x31}},
          {{0x4140, {0x42, 0x43}}},
          0x50};
}

constexpr std::string_view sample_hex =
    "01"
    "0203"
    "04050607"
    "08090a0b0c0d0e0f"
    "feffffff"
    "c8"
    "202122"
    "01003031"
    "01004041"
    "02004243"
    "50";

Bytes encoded(const Sample& value) {
  Bytes out(200);
  const auto size = encode(value, out);
  BOOST_REQUIRE(size.has_value());
  out.resize(*size);
  return out;
}

struct Blob {
  Bytes bytes;
  static void fields(auto& ar, auto& self) { wire::fields(ar, bounded<0xffff>(self.bytes)); }
};

struct LongBlob {
  Bytes bytes;
  static void fields(auto& ar, auto& self) { wire::fields(ar, bounded<70000>(self.bytes)); }
};

struct ItemList {
  std::vector<Item> items;
  static void fields(auto& ar, auto& self) { wire::fields(ar, bounded<0xffff>(self.items)); }
};

struct Flagged {
  bool first = false;
  bool second = false;
  static void fields(auto& ar, auto& self) { wire::fields(ar, flag(self.first), flag(self.second)); }
};

struct Derived {
  struct Key : ByteArray<3> {
    Key() : ByteArray<3>{} {}
  };
  Key bytes;
  static void fields(auto& ar, auto& self) { wire::fields(ar, array_of(self.bytes)); }
};

BOOST_AUTO_TEST_SUITE(archive)

BOOST_AUTO_TEST_CASE(every_byte_stands_where_the_layout_says) {
  BOOST_TEST(to_hex(encoded(sample())) == sample_hex);
}

BOOST_AUTO_TEST_CASE(a_value_comes_back_as_it_was) {
  Sample back;
  BOOST_TEST((decode(*from_hex(sample_hex), back) == Error::none));
  BOOST_TEST(back.small == 1);
  BOOST_TEST(back.medium == 0x0302);
  BOOST_TEST(back.large == 0x07060504U);
  BOOST_TEST(back.largest == 0x0f0e0d0c0b0a0908U);
  BOOST_TEST(back.negative == -2);
  BOOST_TEST((back.colour == Colour::blue));
  BOOST_TEST((back.bytes == ByteArray<3>{0x20, 0x21, 0x22}));
  BOOST_TEST((back.pairs == std::vector<ByteArray<2>>{{0x30, 0x31}}));
  BOOST_REQUIRE(back.items.size() == 1U);
  BOOST_TEST(back.items[0].number == 0x4140);
  BOOST_TEST((back.items[0].text == Bytes{0x42, 0x43}));
  BOOST_TEST(back.last == 0x50);
}

struct Times {
  UnixTime date{};
  UnixTimeMs moment{};
  seconds length{};
  static void fields(auto& ar, auto& self) { wire::fields(ar, self.date, self.moment, self.length); }
};

BOOST_AUTO_TEST_CASE(dates_take_8_bytes_and_durations_4) {
  Bytes bytes(20);
  BOOST_TEST(*encode(Times{UnixTime{1s}, UnixTimeMs{2ms}, 3s}, bytes) == 20U);
  BOOST_TEST(bytes == *from_hex("0100000000000000020000000000000003000000"),
             boost::test_tools::per_element());
  Times read;
  BOOST_TEST((decode(bytes, read) == Error::none));
  BOOST_TEST((read.date == UnixTime{1s} && read.moment == UnixTimeMs{2ms} && read.length == 3s));
}

BOOST_AUTO_TEST_CASE(dates_are_read_as_from_1970_to_9999) {
  Times read;
  BOOST_TEST((decode(*from_hex("ffffffffffffffff000000000000008000000000"), read) == Error::none));
  BOOST_TEST((read.date == UnixTime{} && read.moment == UnixTimeMs{}));
  BOOST_TEST((decode(*from_hex("ffffffffffffff7fffffffffffffff7fffffffff"), read) == Error::none));
  BOOST_TEST((read.date == last_date && read.moment == UnixTimeMs{last_date}));
  BOOST_TEST((read.length == seconds{UINT32_MAX}));
}

BOOST_AUTO_TEST_CASE(a_duration_that_does_not_fit_is_not_written) {
  Bytes bytes(20);
  BOOST_TEST((encode(Times{{}, {}, -1s}, bytes).error() == Error::too_long));
  BOOST_TEST(
      (encode(Times{{}, {}, seconds{std::int64_t{UINT32_MAX} + 1}}, bytes).error() == Error::too_long));
}

BOOST_AUTO_TEST_CASE(a_flag_is_one_byte_and_any_but_zero_is_true) {
  Flagged value{true, false};
  ByteArray<2> out{};
  BOOST_TEST(*encode(value, out) == 2U);
  BOOST_TEST((out == ByteArray<2>{1, 0}));
  out = {0, 7};
  BOOST_TEST((decode(out, value) == Error::none));
  BOOST_TEST(!value.first);
  BOOST_TEST(value.second);
}

BOOST_AUTO_TEST_CASE(bytes_of_a_derived_type_are_saved_like_an_array) {
  Derived value;
  value.bytes[1] = 7;
  ByteArray<3> out{};
  BOOST_TEST(*encode(value, out) == 3U);
  BOOST_TEST((out == ByteArray<3>{0, 7, 0}));
  out = {1, 2, 3};
  BOOST_TEST((decode(out, value) == Error::none));
  BOOST_TEST(value.bytes[2] == 3);
}

BOOST_AUTO_TEST_CASE(input_cut_at_any_length_is_refused) {
  const Bytes whole = encoded(sample());
  for (std::size_t size = 0; size < whole.size(); ++size) {
    Sample back;
    BOOST_TEST((decode(ByteView(whole).first(size), back) != Error::none), "cut to " << size);
  }
}

BOOST_AUTO_TEST_CASE(a_trailing_byte_is_refused) {
  Bytes longer = encoded(sample());
  longer.push_back(0);
  Sample back;
  BOOST_TEST((decode(longer, back) == Error::trailing));
}

BOOST_AUTO_TEST_CASE(too_small_an_output_is_an_error_and_never_overrun) {
  const std::size_t size = encoded(sample()).size();
  for (std::size_t room = 0; room < size; ++room) {
    Bytes out(size, 0xee);
    BOOST_TEST((encode(sample(), MutableBytes(out).first(room)).error() == Error::truncated));
    BOOST_TEST(std::ranges::count(out.begin() + static_cast<std::ptrdiff_t>(room), out.end(), 0xee) ==
               static_cast<std::ptrdiff_t>(size - room));
  }
  Bytes exact(size);
  BOOST_TEST(encode(sample(), exact).has_value());
}

BOOST_AUTO_TEST_CASE(a_vector_at_its_limit_is_accepted_and_one_past_it_refused) {
  Sample value = sample();
  value.pairs.resize(3);
  Bytes bytes = encoded(value);
  Sample back;
  BOOST_TEST((decode(bytes, back) == Error::none));
  BOOST_TEST(back.pairs.size() == 3U);

  value.pairs.resize(4);
  Bytes out(200);
  BOOST_TEST((encode(value, out).error() == Error::too_long));
  bytes[23] = 4;  // the count; enough bytes follow
  bytes.insert(bytes.begin() + 25, {0, 0});
  BOOST_TEST((decode(bytes, back) == Error::too_long));
  BOOST_TEST(back.pairs.empty());
}

BOOST_AUTO_TEST_CASE(a_vector_below_its_least_count_is_refused) {
  Sample value = sample();
  value.pairs.clear();
  Bytes out(200);
  BOOST_TEST((encode(value, out).error() == Error::too_short));
  Bytes bytes = encoded(sample());
  bytes[23] = 0;
  bytes.erase(bytes.begin() + 25, bytes.begin() + 27);
  Sample back;
  BOOST_TEST((decode(bytes, back) == Error::too_short));
}

BOOST_AUTO_TEST_CASE(a_limit_inside_an_item_counts_too) {
  Sample value = sample();
  value.items[0].text.resize(5);
  Sample back;
  BOOST_TEST((decode(encoded(value), back) == Error::none));
  value.items[0].text.resize(6);
  Bytes out(200);
  BOOST_TEST((encode(value, out).error() == Error::too_long));
}

BOOST_AUTO_TEST_CASE(a_length_larger_than_what_remains_allocates_nothing) {
  Bytes eleven(11, 0xff);  // a count of 65535, which the limit allows, and 9 bytes
  Blob blob;
  BOOST_TEST((decode(eleven, blob) == Error::truncated));
  BOOST_TEST(blob.bytes.capacity() == 0U);

  ItemList items;
  BOOST_TEST((decode(eleven, items) == Error::truncated));
  BOOST_TEST(items.items.capacity() == 0U);
  eleven[0] = 3;  // 3 items of at least 4 bytes do not fit 9
  eleven[1] = 0;
  BOOST_TEST((decode(eleven, items) == Error::truncated));
  BOOST_TEST(items.items.capacity() == 0U);
}

BOOST_AUTO_TEST_CASE(the_largest_vector_is_read_completely) {
  Blob blob{test::counting_bytes(0xffff)};
  Bytes out(2 + 0xffff);
  BOOST_TEST(*encode(blob, out) == out.size());
  Blob back;
  BOOST_TEST((decode(out, back) == Error::none));
  BOOST_TEST((back.bytes == blob.bytes));
  blob.bytes.push_back(0);
  out.resize(out.size() + 1);
  BOOST_TEST((encode(blob, out).error() == Error::too_long));
}

BOOST_AUTO_TEST_CASE(a_limit_past_65535_makes_the_count_four_bytes) {
  const LongBlob blob{test::counting_bytes(70000)};
  Bytes out(70004);
  BOOST_TEST(*encode(blob, out) == out.size());
  BOOST_TEST(load_le<std::uint32_t>(out.data()) == 70000U);
  LongBlob back;
  BOOST_TEST((decode(out, back) == Error::none));
  BOOST_TEST((back.bytes == blob.bytes));
  store_le<std::uint32_t>(70001, out.data());
  BOOST_TEST((decode(out, back) == Error::too_long));
  BOOST_TEST((decode(ByteView(out).first(3), back) == Error::truncated));
}

BOOST_AUTO_TEST_CASE(an_empty_vector_of_bytes_is_accepted) {
  const ByteArray<2> zero{};
  Blob back{{1, 2, 3}};
  BOOST_TEST((decode(zero, back) == Error::none));
  BOOST_TEST(back.bytes.empty());
}

BOOST_AUTO_TEST_CASE(the_first_error_stays_and_yields_zeros) {
  const ByteArray<3> input{1, 2, 3};
  Reader reader(input);
  std::uint32_t number = 7;
  std::uint8_t byte = 7;
  ByteArray<2> bytes{7, 7};
  Colour colour = Colour::blue;
  Bytes list{7};
  reader& number;  // 4 bytes of 3
  BOOST_TEST((reader.error() == Error::truncated));
  reader& byte& bytes& colour& bounded<9>(list);
  BOOST_TEST(number == 0U);
  BOOST_TEST(byte == 0);
  BOOST_TEST((bytes == ByteArray<2>{}));
  BOOST_TEST(static_cast<int>(colour) == 0);
  BOOST_TEST(list.empty());
  reader.fail(Error::padding);
  BOOST_TEST((reader.error() == Error::truncated));
  BOOST_TEST(reader.remaining() == 3U);

  ByteArray<2> room{};
  Writer writer(room);
  writer << std::uint32_t{1} << std::uint8_t{2};
  BOOST_TEST((writer.error() == Error::truncated));
  BOOST_TEST(writer.used() == 0U);
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(padding)

BOOST_AUTO_TEST_CASE(a_padded_value_is_its_length_itself_and_zeros) {
  const Bytes plain = encoded(sample());
  ByteArray<100> out = test::counting<100>(1);
  const auto message = encode_padded(sample(), out);
  BOOST_REQUIRE(message.has_value());
  TOXASYNC_TEST_BYTES(*message, plain);
  BOOST_TEST(load_le<std::uint16_t>(out.data()) == plain.size());
  BOOST_TEST(std::ranges::count(ByteView(out).subspan(2 + plain.size()), 0) ==
             98 - static_cast<int>(plain.size()));
  Sample back;
  const auto read = decode_padded(out, back);
  BOOST_REQUIRE(read.has_value());
  BOOST_TEST(read->data() == out.data() + 2);
  TOXASYNC_TEST_BYTES(encoded(back), plain);
}

BOOST_AUTO_TEST_CASE(a_padded_value_needs_room_for_its_length) {
  const std::size_t size = encoded(sample()).size();
  Bytes out(size + 2);
  BOOST_TEST(encode_padded(sample(), out).has_value());
  for (std::size_t room = 0; room < out.size(); ++room) {
    BOOST_TEST((encode_padded(sample(), MutableBytes(out).first(room)).error() == Error::truncated));
  }
}

BOOST_AUTO_TEST_CASE(padding_that_is_not_zero_is_refused_wherever_it_stands) {
  ByteArray<100> out{};
  const std::size_t end = 2 + encode_padded(sample(), out)->size();
  Sample back;
  for (std::size_t i = end; i < out.size(); ++i) {
    out[i] = 0x80;
    BOOST_TEST((decode_padded(out, back).error() == Error::padding), "at " << i);
    out[i] = 0;
  }
  BOOST_TEST(decode_padded(out, back).has_value());
}

BOOST_AUTO_TEST_CASE(a_wrong_length_before_a_padded_value_is_refused) {
  ByteArray<100> out{};
  const auto size = static_cast<std::uint16_t>(encode_padded(sample(), out)->size());
  Sample back;
  for (std::uint32_t wrong = 0; wrong <= 0xffff; ++wrong) {
    store_le(static_cast<std::uint16_t>(wrong), out.data());
    BOOST_REQUIRE(decode_padded(out, back).has_value() == (wrong == size));
  }
  BOOST_TEST((decode_padded(ByteView{}, back).error() == Error::truncated));
  BOOST_TEST((decode_padded(ByteView(out).first(1), back).error() == Error::truncated));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace toxasync::wire
