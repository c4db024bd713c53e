// SPDX-License-Identifier: GPL-3.0-or-later
#include "crypto/key_file.hpp"

#include <sys/stat.h>

#include <boost/test/unit_test.hpp>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <system_error>

#include "fixture.hpp"

namespace toxasync::crypto {
namespace {

/// A directory of its own for each test.
struct KeyFileFixture : test::CryptoFixture {
  KeyFileFixture() {
    std::string pattern = (std::filesystem::temp_directory_path() / "toxasync-key-XXXXXX").string();
    BOOST_REQUIRE(::mkdtemp(pattern.data()) != nullptr);
    directory = pattern;
    path = (directory / "key").string();
  }
  ~KeyFileFixture() {
    std::error_code ignored;
    std::filesystem::remove_all(directory, ignored);
  }
  [[nodiscard]] Bytes content() const {
    std::ifstream in(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
  }
  void put(ByteView bytes) const {
    std::ofstream out(path, std::ios::binary | std::ios::trunc);
    out.write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
  }
  [[nodiscard]] std::size_t files() const {
    return static_cast<std::size_t>(std::distance(std::filesystem::directory_iterator(directory), {}));
  }

  std::filesystem::path directory;
  std::string path;
  ByteArray<32> secret = test::counting<32>(0x10);
};

BOOST_FIXTURE_TEST_SUITE(key_files, KeyFileFixture)

BOOST_AUTO_TEST_CASE(a_key_comes_back_as_it_was) {
  BOOST_REQUIRE(write_key_file(path, secret).has_value());
  const auto back = read_key_file(path, 32);
  BOOST_REQUIRE(back.has_value());
  TOXASYNC_TEST_BYTES(*back, secret);
  const Bytes expected = content();
  BOOST_TEST(expected.size() == 8U + 32U + 16U);
  BOOST_TEST(to_hex(ByteView(expected).first(8)) == "54584b4559310a00");  // "TXKEY1\n" and a zero byte
}

BOOST_AUTO_TEST_CASE(a_key_file_is_readable_by_its_owner_only) {
  const auto mode = [this] {
    struct stat status {};
    BOOST_REQUIRE(::stat(path.c_str(), &status) == 0);
    return status.st_mode & 07777U;
  };
  BOOST_REQUIRE(write_key_file(path, secret).has_value());
  BOOST_TEST(mode() == 0600U);
  { std::ofstream left_by_a_crash(path + ".new"); }
  BOOST_REQUIRE(::chmod((path + ".new").c_str(), 0666) == 0);
  BOOST_REQUIRE(write_key_file(path, secret).has_value());
  BOOST_TEST(mode() == 0600U);
  BOOST_TEST(files() == 1U);
}

BOOST_AUTO_TEST_CASE(a_key_is_never_written_through_a_link) {
  const std::string victim = (directory / "victim").string();
  { std::ofstream(victim) << "mine"; }
  std::filesystem::create_symlink(victim, path + ".new");
  BOOST_REQUIRE(write_key_file(path, secret).has_value());
  std::string text;
  std::ifstream(victim) >> text;
  BOOST_TEST(text == "mine");
  TOXASYNC_TEST_BYTES(*read_key_file(path, 32), secret);
}

BOOST_AUTO_TEST_CASE(a_key_that_is_replaced_is_replaced_whole) {
  BOOST_REQUIRE(write_key_file(path, secret).has_value());
  BOOST_REQUIRE(write_key_file(path, test::counting<32>(0x99)).has_value());
  TOXASYNC_TEST_BYTES(*read_key_file(path, 32), test::counting<32>(0x99));
  BOOST_TEST(files() == 1U);
}

BOOST_AUTO_TEST_CASE(a_file_that_is_not_there_is_missing_not_damaged) {
  BOOST_TEST((read_key_file(path, 32).error() == KeyFileError::missing));
}

BOOST_AUTO_TEST_CASE(a_directory_is_not_a_key_file) {
  BOOST_TEST((read_key_file(directory.string(), 32).error() == KeyFileError::unreadable));
  BOOST_TEST((write_key_file(directory.string(), secret).error() == KeyFileError::unwritable));
}

BOOST_AUTO_TEST_CASE(a_missing_directory_is_an_error_and_leaves_nothing) {
  const std::string nowhere = (directory / "none" / "key").string();
  BOOST_TEST((write_key_file(nowhere, secret).error() == KeyFileError::unwritable));
  BOOST_TEST((read_key_file(nowhere, 32).error() == KeyFileError::missing));
  BOOST_TEST(files() == 0U);
}

BOOST_AUTO_TEST_CASE(a_key_file_cut_or_lengthened_is_damaged_and_left_alone) {
  BOOST_REQUIRE(write_key_file(path, secret).has_value());
  const Bytes good = content();
  for (std::size_t size = 0; size < good.size(); ++size) {
    put(ByteView(good).first(size));
    BOOST_TEST((read_key_file(path, 32).error() == KeyFileError::damaged), "cut to " << size);
    BOOST_TEST(content().size() == size);
  }
  Bytes longer = good;
  longer.push_back(0);
  put(longer);
  BOOST_TEST((read_key_file(path, 32).error() == KeyFileError::damaged));
  put(good);
  BOOST_TEST((read_key_file(path, 31).error() == KeyFileError::damaged));
  BOOST_TEST((read_key_file(path, 33).error() == KeyFileError::damaged));
  BOOST_TEST(read_key_file(path, 32).has_value());
}

BOOST_AUTO_TEST_CASE(a_flipped_bit_anywhere_is_damage_and_is_left_alone) {
  BOOST_REQUIRE(write_key_file(path, secret).has_value());
  Bytes bytes = content();
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    bytes[i] ^= 0x04;
    put(bytes);
    BOOST_TEST((read_key_file(path, 32).error() == KeyFileError::damaged), "byte " << i);
    BOOST_TEST((content() == bytes));
    bytes[i] ^= 0x04;
  }
}

BOOST_AUTO_TEST_CASE(every_error_says_what_to_do) {
  for (const auto error :
       {KeyFileError::missing, KeyFileError::unreadable, KeyFileError::damaged, KeyFileError::unwritable}) {
    BOOST_TEST(describe(error).starts_with("the key file "));
  }
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace toxasync::crypto
