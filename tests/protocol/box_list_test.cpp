// SPDX-License-Identifier: GPL-3.0-or-later
#include "protocol/box_list.hpp"

#include <boost/test/unit_test.hpp>
#include <map>
#include <set>

#include "tests/crypto/fixture.hpp"

// The lists by which an owner names boxes: docs/protocol.md, section 3.

namespace toxasync::protocol {
namespace {

struct Lists : test::CryptoFixture {
  crypto::KeyPair root = crypto::KeyPair::generate(random);
  crypto::FriendsMailbox mailbox = crypto::FriendsMailbox::derive(root, 1234).value();

  /// Of friends that are not asked for more than a point.
  std::vector<crypto::Point> writers(std::size_t count) {
    std::vector<crypto::Point> points(count);
    for (auto& point : points) {
      point = random.id<crypto::Point>();
    }
    return points;
  }
  [[nodiscard]] std::vector<BoxList> lists(const std::vector<crypto::Point>& points,
                                           std::size_t count = 0) const {
    return *box_lists(mailbox.owner(), mailbox.p(), points, count == 0 ? lists_for(points.size()) : count);
  }
  static std::multiset<crypto::BoxTag> tags(const std::vector<BoxList>& lists) {
    std::multiset<crypto::BoxTag> all;
    for (const BoxList& list : lists) {
      all.insert(list.tags.begin(), list.tags.end());
    }
    return all;
  }
};

bool same_tags(const std::vector<BoxList>& a, const std::vector<BoxList>& b) {
  return std::ranges::equal(a, b, {}, &BoxList::tags, &BoxList::tags);
}

BOOST_FIXTURE_TEST_SUITE(box_list, Lists)

BOOST_AUTO_TEST_CASE(every_128_writers_take_a_list_and_none_takes_one) {
  const std::map<std::size_t, std::size_t> expected{{0, 1},   {1, 1},   {127, 1}, {128, 1},
                                                    {129, 2}, {256, 2}, {257, 3}, {1000, 8}};
  for (const auto& [count, wanted] : expected) {
    BOOST_TEST(lists_for(count) == wanted);
    BOOST_TEST(lists(writers(count)).size() == wanted);
  }
}

BOOST_AUTO_TEST_CASE(each_writer_is_named_once_under_their_tag) {
  for (const std::size_t count : {0U, 1U, 128U, 129U, 1000U}) {
    const auto points = writers(count);
    std::set<crypto::Point> missing(points.begin(), points.end());
    std::size_t place = 0;
    for (const BoxList& list : lists(points)) {
      BOOST_TEST(list.tags.size() == 128U);
      for (const ListedBox& box : list.boxes) {
        BOOST_TEST((box.name == crypto::box_name({mailbox.p(), box.w})));
        BOOST_TEST(std::ranges::count(list.tags, box.tag()) > 0);
        BOOST_TEST(missing.erase(box.w) == 1U);
        ++place;
      }
    }
    BOOST_TEST(missing.empty());
    BOOST_TEST(place == count);
  }
}

BOOST_AUTO_TEST_CASE(each_list_is_sorted_whoever_came_first) {
  auto points = writers(100);
  const auto before = lists(points);
  std::ranges::reverse(points);
  BOOST_TEST(same_tags(before, lists(points)));
  for (const std::size_t count : {0U, 1U, 128U, 129U, 1000U}) {
    for (const BoxList& list : lists(writers(count))) {
      BOOST_TEST(std::ranges::is_sorted(list.tags));
      BOOST_TEST(std::ranges::is_sorted(list.boxes, {}, &ListedBox::name));
    }
  }
}

BOOST_AUTO_TEST_CASE(the_lists_of_a_mailbox_are_the_same_every_time) {
  for (const std::size_t count : {0U, 1U, 128U, 129U, 1000U}) {
    const auto points = writers(count);
    BOOST_TEST(same_tags(lists(points), lists(points)));
    const auto again = crypto::FriendsMailbox::derive(root, 1234).value();
    BOOST_TEST(same_tags(lists(points), *box_lists(again.owner(), again.p(), points, lists_for(count))));
  }
}

BOOST_AUTO_TEST_CASE(one_friend_more_is_one_tag_in_place_of_another) {
  auto points = writers(5);
  const auto before = tags(lists(points));
  points.push_back(writers(1).front());
  const auto after = tags(lists(points));
  std::vector<crypto::BoxTag> gone;
  std::ranges::set_difference(before, after, std::back_inserter(gone));
  BOOST_TEST(gone.size() == 1U);
}

BOOST_AUTO_TEST_CASE(the_fillers_of_other_mailboxes_and_places_are_others) {
  const auto here = tags(lists({}, 3));
  std::set<crypto::BoxTag> fillers(here.begin(), here.end());
  BOOST_TEST(fillers.size() > 3 * 128U - 3);  // 3 bytes: two may be the same by chance
  const auto next = crypto::FriendsMailbox::derive(root, 1235).value();
  const auto other = crypto::KeyPair::generate(random);
  const auto others = crypto::FriendsMailbox::derive(other, 1234).value();
  std::size_t shared = 0;
  for (const auto& there :
       {box_lists(next.owner(), next.p(), {}, 3), box_lists(others.owner(), others.p(), {}, 3),
        box_lists(others.owner(), mailbox.p(), {}, 3)}) {
    for (const auto& tag : tags(*there)) {
      shared += fillers.contains(tag) ? 1 : 0;
    }
  }
  BOOST_TEST(shared <= 2U);
}

BOOST_AUTO_TEST_CASE(more_lists_than_needed_are_filled_up) {
  const auto points = writers(3);
  const auto made = lists(points, 4);
  BOOST_TEST(made.size() == 4U);
  for (std::size_t i = 1; i < made.size(); ++i) {
    BOOST_TEST(made[i].boxes.empty());
  }
  BOOST_TEST(same_tags({made[0]}, lists(points)));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace toxasync::protocol
