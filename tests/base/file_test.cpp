// SPDX-License-Identifier: GPL-3.0-or-later
#include "base/file.hpp"

#include <boost/test/unit_test.hpp>
#include <cstdlib>
#include <fstream>
#include <iterator>

namespace toxasync {
namespace {

namespace fs = std::filesystem;

struct FileFixture {
  FileFixture() {
    std::string pattern = (fs::temp_directory_path() / "toxasync-file-XXXXXX").string();
    BOOST_REQUIRE(::mkdtemp(pattern.data()) != nullptr);
    directory = pattern;
  }
  ~FileFixture() {
    std::error_code ignored;
    fs::remove_all(directory, ignored);
  }
  [[nodiscard]] Bytes content() const {
    std::ifstream in(path(), std::ios::binary);
    return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
  }
  [[nodiscard]] fs::path path() const { return directory / "file"; }
  [[nodiscard]] std::size_t files() const {
    return static_cast<std::size_t>(std::distance(fs::directory_iterator(directory), {}));
  }

  fs::path directory;
  Bytes old_content = Bytes(100, 1);
  Bytes new_content = Bytes(300000, 2);
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(files, FileFixture)

BOOST_AUTO_TEST_CASE(a_file_is_replaced_whole_and_its_owners_alone) {
  BOOST_TEST(!replace_file(path(), old_content));
  BOOST_TEST((content() == old_content));
  { std::ofstream left_by_a_crash(directory / "file.new"); }
  fs::permissions(directory / "file.new", fs::perms::all);
  BOOST_TEST(!replace_file(path(), new_content));
  BOOST_TEST((content() == new_content));
  BOOST_TEST(((fs::status(path()).permissions() & fs::perms::all) ==
              (fs::perms::owner_read | fs::perms::owner_write)));
  BOOST_TEST(files() == 1);
}

BOOST_AUTO_TEST_CASE(a_failed_replacement_keeps_the_file_and_has_a_reason) {
  const fs::path nowhere = directory / "none" / "file";
  BOOST_TEST((replace_file(nowhere, new_content) == std::errc::no_such_file_or_directory));
  fs::create_directory(path());
  { std::ofstream(path() / "inside") << "x"; }
  BOOST_TEST((replace_file(path(), new_content) == std::errc::is_a_directory));
  BOOST_TEST(fs::exists(path() / "inside"));
  BOOST_TEST(files() == 1);
}

BOOST_AUTO_TEST_CASE(a_file_in_the_working_directory_needs_no_path) {
  const auto before = fs::current_path();
  fs::current_path(directory);
  const auto failed = replace_file("file", new_content);
  fs::current_path(before);
  BOOST_TEST(!failed);
  BOOST_TEST((content() == new_content));
}

BOOST_AUTO_TEST_CASE(a_file_is_read_as_far_as_there_is_room) {
  BOOST_TEST(!replace_file(path(), new_content));
  Bytes room(new_content.size() + 1);
  const auto all = read_file(path(), room);
  BOOST_REQUIRE(all.has_value());
  BOOST_TEST(*all == new_content.size());
  BOOST_TEST(std::equal(new_content.begin(), new_content.end(), room.begin()));
  room.resize(10);
  BOOST_TEST(*read_file(path(), room) == 10U);
}

BOOST_AUTO_TEST_CASE(a_file_that_cannot_be_read_has_the_systems_reason) {
  Bytes room(10);
  BOOST_TEST((read_file(path(), room).error() == std::errc::no_such_file_or_directory));
  BOOST_TEST((read_file(directory, room).error() == std::errc::is_a_directory));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace toxasync
