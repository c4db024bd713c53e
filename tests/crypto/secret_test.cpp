// SPDX-License-Identifier: GPL-3.0-or-later
#include "crypto/secret.hpp"

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <memory>
#include <new>
#include <set>
#include <type_traits>

#include "fixture.hpp"

namespace toxasync::crypto {
namespace {

bool all_zero(ByteView bytes) {
  return std::ranges::all_of(bytes, [](std::uint8_t byte) { return byte == 0; });
}

static_assert(!std::is_copy_constructible_v<Secret<32>> && !std::is_copy_assignable_v<Secret<32>>);
static_assert(std::is_nothrow_move_constructible_v<Secret<32>> &&
              std::is_nothrow_move_assignable_v<Secret<32>>);

BOOST_FIXTURE_TEST_SUITE(secrets, test::CryptoFixture)

BOOST_AUTO_TEST_CASE(a_secret_begins_as_zeros) {
  BOOST_TEST(all_zero(Secret<64>().view()));
}

BOOST_AUTO_TEST_CASE(a_secret_copies_its_source_and_wipes_it) {
  auto source = test::counting<32>(1);
  // NOLINTBEGIN(performance-move-const-arg,bugprone-use-after-move): tests that it is wiped
  const Secret<32> secret(std::move(source));
  BOOST_TEST(all_zero(source));
  // NOLINTEND(performance-move-const-arg,bugprone-use-after-move)
  TOXASYNC_TEST_BYTES(secret.view(), test::counting<32>(1));
  TOXASYNC_TEST_BYTES(secret.bytes(), test::counting<32>(1));
}

/// Whether nothing of a secret is left in its block, which is the pool's: locked memory that is never given
/// back, and in a free block the address of another one.
bool is_wiped(const std::uint8_t* block, std::uint8_t first) {
  constexpr std::size_t address = sizeof(std::uint8_t*);
  const auto was = test::counting<address>(first);
  return !std::ranges::equal(ByteView(block, address), was) &&
         all_zero({block + address, detail::locked_block_size - address});
}

// The pool hands out the block that came back last, so the memory of a dead secret can be looked at lawfully.
BOOST_AUTO_TEST_CASE(a_secret_is_wiped_when_it_ends) {
  const std::uint8_t* where = nullptr;
  {
    const auto secret = Secret<64>::copy_of(test::counting<64>(1));
    where = secret.view().data();
  }
  BOOST_TEST(is_wiped(where, 1));
  const Secret<64> next;
  BOOST_TEST(next.view().data() == where);
  BOOST_TEST(all_zero(next.view()));
}

BOOST_AUTO_TEST_CASE(a_secret_moves_without_leaving_a_copy) {
  auto first = Secret<32>::copy_of(test::counting<32>(1));
  const std::uint8_t* const place = first.view().data();
  const Secret<32> second(std::move(first));
  BOOST_TEST(second.view().data() == place);
  TOXASYNC_TEST_BYTES(second.view(), test::counting<32>(1));
}

BOOST_AUTO_TEST_CASE(what_a_secret_held_is_wiped_when_it_is_replaced) {
  auto kept = Secret<32>::copy_of(test::counting<32>(1));
  auto source = Secret<32>::copy_of(test::counting<32>(0x41));
  const std::uint8_t* const old = kept.view().data();
  kept = std::move(source);  // `source` lives on
  TOXASYNC_TEST_BYTES(kept.view(), test::counting<32>(0x41));
  BOOST_TEST(is_wiped(old, 1));
  auto& same = kept;
  kept = std::move(same);
  TOXASYNC_TEST_BYTES(kept.view(), test::counting<32>(0x41));
}

BOOST_AUTO_TEST_CASE(a_clone_is_equal_and_lives_alone) {
  auto first = std::make_unique<Secret<32>>(Secret<32>::random(random));
  const Bytes expected(first->view().begin(), first->view().end());
  const Secret<32> second = first->clone();
  first.reset();
  TOXASYNC_TEST_BYTES(second.view(), expected);
  BOOST_TEST(!all_zero(second.view()));
}

BOOST_AUTO_TEST_CASE(many_secrets_live_at_once) {
  std::vector<Secret<32>> secrets;
  for (std::size_t i = 0; i < 500; ++i) {  // several slabs
    secrets.push_back(Secret<32>::copy_of(test::counting<32>(static_cast<std::uint8_t>(i))));
  }
  for (std::size_t i = 0; i < secrets.size(); ++i) {
    BOOST_REQUIRE(test::same(secrets[i].view(), test::counting<32>(static_cast<std::uint8_t>(i))));
  }
}

// The system locks few pages for a process.
BOOST_AUTO_TEST_CASE(secrets_share_the_pages_that_are_locked) {
  constexpr std::uintptr_t page = 4096;
  std::set<std::uintptr_t> pages;
  std::vector<Secret<32>> secrets(640);
  for (const auto& secret : secrets) {
    pages.insert(reinterpret_cast<std::uintptr_t>(secret.view().data()) / page);
  }
  BOOST_TEST(pages.size() <= 2 * (secrets.size() * detail::locked_block_size / page + 1));
}

BOOST_AUTO_TEST_CASE(secret_bytes_on_the_stack_are_wiped_at_the_end) {
  alignas(Wiped<32>) ByteArray<sizeof(Wiped<32>)> room{};
  auto source = test::counting<32>(1);
  // NOLINTBEGIN(performance-move-const-arg,bugprone-use-after-move): tests that it is wiped
  auto* wiped = new (room.data()) Wiped<32>(std::move(source));
  BOOST_TEST(all_zero(source));
  // NOLINTEND(performance-move-const-arg,bugprone-use-after-move)
  TOXASYNC_TEST_BYTES(*wiped, test::counting<32>(1));
  wiped->~Wiped<32>();
  BOOST_TEST(all_zero(room));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace toxasync::crypto
