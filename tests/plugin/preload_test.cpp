// SPDX-License-Identifier: GPL-3.0-or-later
#include <boost/test/unit_test.hpp>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <numeric>
#include <set>

#include "plugin/preload/log_file.hpp"
#include "plugin/preload/message_numbers.hpp"
#include "plugin/preload/receipt_queue.hpp"
#include "plugin/preload/text_pieces.hpp"

using namespace toxasync;
using namespace toxasync::preload;
namespace fs = std::filesystem;

namespace {

constexpr SteadyTime start{};
constexpr SteadyTime later = start + ReceiptQueue::min_age;

crypto::MessageId id(std::uint8_t number) {
  crypto::MessageId result{};
  result[0] = number;
  return result;
}

std::vector<std::uint32_t> numbers(const std::vector<ReceiptQueue::Receipt>& receipts) {
  std::vector<std::uint32_t> result;
  result.reserve(receipts.size());
  for (const auto& receipt : receipts) {
    result.push_back(receipt.message_number);
  }
  return result;
}

using Numbers = std::vector<std::uint32_t>;

}  // namespace

BOOST_AUTO_TEST_SUITE(preload)

BOOST_AUTO_TEST_CASE(message_numbers_differ_from_those_of_toxcore) {
  MessageNumbers from_the_start;
  BOOST_TEST(from_the_start.next() == 0x80000000U);
  BOOST_TEST(from_the_start.next() == 0x80000001U);
  MessageNumbers near_the_end(0xfffffffdU);
  BOOST_TEST(near_the_end.next() == 0xfffffffdU);
  BOOST_TEST(near_the_end.next() == 0xfffffffeU);
  BOOST_TEST(near_the_end.next() == 0x80000000U);
}

BOOST_AUTO_TEST_CASE(receipts_are_given_in_the_order_of_sending) {
  ReceiptQueue queue;
  queue.add(7, 1, id(1), "n", start);
  queue.add(7, 2, id(2), "n", start);
  queue.add(8, 3, id(3), "n", start);
  queue.done(id(2));
  BOOST_TEST(queue.take_due(later).empty());
  queue.done(id(3));
  BOOST_TEST(numbers(queue.take_due(later)) == (Numbers{3}), boost::test_tools::per_element());
  queue.done(id(1));
  const auto receipts = queue.take_due(later);
  BOOST_TEST(numbers(receipts) == (Numbers{1, 2}), boost::test_tools::per_element());
  BOOST_TEST(receipts[0].friend_number == 7U);
  BOOST_TEST(queue.size() == 0U);
  BOOST_TEST(queue.take_due(later).empty());
}

BOOST_AUTO_TEST_CASE(a_receipt_waits_until_the_client_knows_its_number) {
  ReceiptQueue queue;
  queue.add(1, 1, id(1), "n", start + 1s);
  queue.done(id(1));
  BOOST_TEST(queue.take_due(later + 1s - 1ms).empty());
  BOOST_TEST(queue.take_due(later + 1s).size() == 1U);
}

BOOST_AUTO_TEST_CASE(a_failed_message_delays_no_other_receipt) {
  ReceiptQueue queue;
  queue.add(1, 1, id(1), "n", start);
  queue.add(1, 2, id(2), "n", start);
  queue.done(id(2));
  queue.drop(id(1));
  BOOST_TEST(numbers(queue.take_due(later)) == (Numbers{2}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(a_message_done_before_it_expires_has_a_receipt) {
  ReceiptQueue queue;
  queue.add(1, 1, id(1), "n", start);
  queue.done(id(1));
  queue.drop(id(1));
  BOOST_TEST(queue.take_due(later).size() == 1U);
}

BOOST_AUTO_TEST_CASE(resends_replace_waiting_messages_in_order) {
  ReceiptQueue queue;
  queue.add(1, 1, id(1), "nyes", start);
  queue.add(1, 2, id(2), "nyes", start);
  queue.add(1, 3, id(3), "nno", start);
  const SteadyTime now = start + ReceiptQueue::resend_after;
  BOOST_TEST(queue.resend(1, "nyes", 11, now));
  BOOST_TEST(queue.resend(1, "nyes", 12, now));
  BOOST_TEST(!queue.resend(1, "nyes", 13, now));  // both were sent again just now
  BOOST_TEST(!queue.resend(1, "ayes", 14, now));  // an action is another message
  BOOST_TEST(!queue.resend(2, "nno", 15, now));   // to somebody else
  for (std::uint8_t one = 1; one <= 3; ++one) {
    queue.done(id(one));
  }
  BOOST_TEST(numbers(queue.take_due(now + ReceiptQueue::min_age)) == (Numbers{11, 12, 3}),
             boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(the_same_text_soon_after_is_a_new_message) {
  ReceiptQueue queue;
  queue.add(1, 1, id(1), "nyes", start);
  BOOST_TEST(!queue.resend(1, "nyes", 2, start + ReceiptQueue::resend_after - 1ms));
}

BOOST_AUTO_TEST_CASE(the_same_text_after_a_disconnect_is_a_resend_once) {
  ReceiptQueue queue;
  queue.add(1, 1, id(1), "nyes", start);
  queue.add(2, 2, id(2), "nyes", start);
  queue.expect_resends(1);
  BOOST_TEST(queue.resend(1, "nyes", 11, start + 1s));
  BOOST_TEST(!queue.resend(1, "nyes", 12, start + 1001ms));
  BOOST_TEST(!queue.resend(2, "nyes", 13, start + 1s));
  queue.done(id(1));
  BOOST_TEST(numbers(queue.take_due(later + 1s)) == (Numbers{11}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(receipts_of_a_removed_friend_are_dropped) {
  ReceiptQueue queue;
  queue.add(1, 1, id(1), "n", start);
  queue.add(2, 2, id(2), "n", start);
  queue.done(id(1));
  queue.drop_friend(1);
  BOOST_TEST(queue.size() == 1U);
  queue.done(id(1));
  BOOST_TEST(queue.take_due(later).empty());
}

BOOST_AUTO_TEST_CASE(a_long_text_is_split_between_characters) {
  BOOST_TEST(text_pieces("short", 1372).size() == 1U);
  std::string text;
  for (int i = 0; i < 500; ++i) {
    text += "a\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80";  // 1, 2, 3 and 4 bytes
  }
  for (std::size_t longest = 4; longest < 30; ++longest) {
    std::string whole;
    for (const auto piece : text_pieces(text, longest)) {
      BOOST_TEST(piece.size() <= longest);
      BOOST_TEST(!piece.empty());
      BOOST_TEST((static_cast<unsigned char>(piece.front()) & 0xc0U) != 0x80U);
      whole += piece;
    }
    BOOST_TEST(whole == text);
  }
}

BOOST_AUTO_TEST_CASE(the_log_has_one_line_per_message_and_is_rotated) {
  std::string pattern = (fs::temp_directory_path() / "toxasync-log-XXXXXX").string();
  BOOST_REQUIRE(mkdtemp(pattern.data()) != nullptr);
  const fs::path path = fs::path(pattern) / "made" / "toxasync.log";
  {
    LogFile log(path, LogLevel::info);
    log.write(LogLevel::debug, "area", "not wanted");
    log.write(LogLevel::error, "area", "two\nlines \x1b[2J");
    std::ifstream in(path);
    const std::string text{std::istreambuf_iterator<char>(in), {}};
    BOOST_TEST(text.ends_with("] error area: two lines  [2J\n"));
    const auto mine = fs::perms::owner_read | fs::perms::owner_write;
    BOOST_TEST(((fs::status(path).permissions() & fs::perms::all) == mine));
    const std::string long_line(10000, 'x');
    for (int i = 0; i < 400; ++i) {
      log.write(LogLevel::info, "area", long_line);
    }
  }
  BOOST_TEST(fs::file_size(path) <= LogFile::max_bytes);
  BOOST_TEST(fs::file_size(path.string() + ".1") <= LogFile::max_bytes);
  BOOST_TEST(std::distance(fs::directory_iterator(path.parent_path()), fs::directory_iterator()) == 2);
  fs::remove_all(pattern);
}

BOOST_AUTO_TEST_SUITE_END()
