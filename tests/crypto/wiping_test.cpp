// SPDX-License-Identifier: GPL-3.0-or-later
#include <malloc.h>

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <new>
#include <string>
#include <string_view>

#include "crypto/key_file.hpp"
#include "fixture.hpp"

// Memory that is given back holds nothing that is secret; this program's operator delete looks.

namespace {

constexpr std::string_view marker = "a secret of test";
bool watching = false;
std::size_t allocated = 0;  ///< Blocks, while it is watched.
std::size_t found = 0;      ///< Blocks that held the marker when they were given back.

void look_at(const void* memory) noexcept {
  if (watching && memory != nullptr) {
    const std::string_view block(static_cast<const char*>(memory),
                                 malloc_usable_size(const_cast<void*>(memory)));
    found += block.find(marker) != std::string_view::npos ? 1 : 0;
  }
}

}  // namespace

// NOLINTBEGIN(cppcoreguidelines-no-malloc): operator new stands on calloc.
// Not inlined: GCC 12 would else take the pair for a mismatch of new and free.
[[gnu::noinline]] void* operator new(std::size_t size) {
  allocated += watching ? 1 : 0;
  if (void* memory = std::calloc(size, 1)) {  // what was there before does not count
    return memory;
  }
  throw std::bad_alloc();
}
[[gnu::noinline]] void operator delete(void* memory) noexcept {
  look_at(memory);
  std::free(memory);
}
[[gnu::noinline]] void operator delete(void* memory, std::size_t /*size*/) noexcept {
  look_at(memory);
  std::free(memory);
}
// NOLINTEND(cppcoreguidelines-no-malloc)

namespace toxasync::crypto {
namespace {

struct WipingFixture : test::EnvelopeFixture {
  WipingFixture() {
    std::string pattern = (std::filesystem::temp_directory_path() / "toxasync-wipe-XXXXXX").string();
    BOOST_REQUIRE(::mkdtemp(pattern.data()) != nullptr);
    directory = pattern;
    for (std::size_t i = 0; i < 512; ++i) {
      text.push_back(static_cast<std::uint8_t>(marker[i % marker.size()]));
    }
    found = 0;
  }
  ~WipingFixture() { std::filesystem::remove_all(directory); }

  /// Blocks with the marker that are given back by it.
  template <class Action>
  static std::size_t left_by(const Action& action) {
    found = 0;
    allocated = 0;
    watching = true;
    action();
    watching = false;
    return found;
  }

  std::filesystem::path directory;
  Bytes text;
};

BOOST_FIXTURE_TEST_SUITE(wiping, WipingFixture)

BOOST_AUTO_TEST_CASE(the_looking_finds_what_was_not_wiped) {
  BOOST_TEST(left_by([&] { const Bytes copy = text; }) == 1U);
}

BOOST_AUTO_TEST_CASE(a_text_is_left_nowhere_when_it_was_sealed) {
  auto body = this->body(0);
  body.text = text;
  Result<Bytes, EnvelopeError> sealed = EnvelopeError::size;
  BOOST_TEST(left_by([&] { sealed = try_seal(body); }) == 0U);
  BOOST_REQUIRE(sealed.has_value());
  EnvelopeBody opened;
  BOOST_TEST(left_by([&] { opened = *open_body(mailbox, recipient, pre_key, header(), *sealed); }) == 0U);
  BOOST_TEST(opened.text == text);
}

BOOST_AUTO_TEST_CASE(the_end_of_a_secret_needs_no_memory) {
  std::vector<Secret<32>> secrets(640);
  left_by([&] { secrets.clear(); });
  BOOST_TEST(allocated == 0U);
}

BOOST_AUTO_TEST_CASE(a_key_file_leaves_no_key_in_memory) {
  const std::string path = (directory / "key").string();
  BOOST_TEST(left_by([&] { BOOST_TEST(write_key_file(path, text).has_value()); }) == 0U);
  Bytes read;
  BOOST_TEST(left_by([&] { read = *read_key_file(path, text.size()); }) == 0U);
  BOOST_TEST(read == text);
  std::ofstream(path, std::ios::app) << 'x';  // damaged
  BOOST_TEST(left_by([&] { BOOST_TEST(read_key_file(path, text.size()).has_error()); }) == 0U);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace toxasync::crypto
