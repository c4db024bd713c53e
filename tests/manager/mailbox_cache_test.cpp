// SPDX-License-Identifier: GPL-3.0-or-later
#include "manager/outbox/mailbox_cache.hpp"

#include <boost/test/unit_test.hpp>

#include "tests/support/samples.hpp"
#include "tests/support/seeded_random.hpp"

namespace toxasync::manager {
namespace {

struct Cache : MailboxCache {
  crypto::FriendsRoot root() { return crypto::friends_root(crypto::KeyPair::generate(random), bob); }
  static crypto::MailboxAddress right(const crypto::FriendsRoot& root, crypto::Epoch epoch) {
    return crypto::friends_mailbox(root, epoch)->address;
  }

  const bool ready = crypto::initialise();
  test::SeededRandom random{1};
  const FriendKey bob = test::counting<FriendKey>(1);
};

BOOST_FIXTURE_TEST_SUITE(mailbox_cache, Cache)

BOOST_AUTO_TEST_CASE(a_mailbox_is_that_of_its_root_and_epoch) {
  const auto one = root();
  const auto other = root();
  for (int turn = 0; turn < 2; ++turn) {  // derived, then kept
    BOOST_TEST((get(bob, one, 10)->address == right(one, 10)));
    BOOST_TEST((get(bob, other, 10)->address == right(other, 10)));
  }
  BOOST_TEST((get(bob, one, 11)->address == right(one, 11)));
  BOOST_TEST((get(bob, one, 10)->address == right(one, 10)));
}

BOOST_AUTO_TEST_CASE(a_mailbox_is_derived_once) {
  const auto one = root();
  const auto* const first = get(bob, one, 10);
  BOOST_TEST(get(bob, one, 10) == first);
  BOOST_TEST(
      (get(bob, one, 10)->write_secret.bytes() == crypto::friends_mailbox(one, 10)->write_secret.bytes()));
}

BOOST_AUTO_TEST_CASE(a_root_that_no_honest_client_gives_has_none) {
  BOOST_TEST(get(bob, crypto::FriendsRoot{}, 10) == nullptr);
}

BOOST_AUTO_TEST_CASE(ever_new_roots_do_not_pile_up) {
  std::vector<crypto::FriendsRoot> roots;
  for (std::size_t i = 0; i < 4 * limits::instances_per_friend; ++i) {
    roots.push_back(root());
    BOOST_TEST((get(bob, roots.back(), 10)->address == right(roots.back(), 10)));
  }
  BOOST_TEST(roots_of(bob) <= 2 * limits::instances_per_friend + 1);
  BOOST_TEST((get(bob, roots.front(), 10)->address == right(roots.front(), 10)));
  forget(bob);
  BOOST_TEST(roots_of(bob) == 0U);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace toxasync::manager
