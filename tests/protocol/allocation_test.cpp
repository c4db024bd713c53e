// SPDX-License-Identifier: GPL-3.0-or-later
#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <cstdlib>
#include <new>

#include "samples.hpp"

// Counts what the messages allocate; this program's operator new does the counting.

namespace {

std::size_t allocations = 0;
std::size_t largest_allocation = 0;

}  // namespace

// NOLINTBEGIN(cppcoreguidelines-no-malloc): operator new stands on malloc.
// Not inlined: GCC 12 would else take the pair for a mismatch of new and free.
[[gnu::noinline]] void* operator new(std::size_t size) {
  ++allocations;
  largest_allocation = std::max(largest_allocation, size);
  if (void* memory = std::malloc(size)) {
    return memory;
  }
  throw std::bad_alloc();
}
[[gnu::noinline]] void operator delete(void* memory) noexcept {
  std::free(memory);
}
[[gnu::noinline]] void operator delete(void* memory, std::size_t /*size*/) noexcept {
  std::free(memory);
}
// NOLINTEND(cppcoreguidelines-no-malloc)

namespace toxasync::protocol {
namespace {

BOOST_AUTO_TEST_SUITE(allocation)

BOOST_AUTO_TEST_CASE(the_counting_counts) {
  const std::size_t before = allocations;
  const Bytes something(1000);
  BOOST_TEST(allocations == before + 1);
  BOOST_TEST(largest_allocation >= something.size());
}

BOOST_AUTO_TEST_CASE(saving_a_message_allocates_nothing) {
  ByteArray<2 * limits::frame> room{};
  test::for_each_message([&room](const char* name, const auto& message) {
    const std::size_t before = allocations;
    const auto size = wire::encode(message, room);
    const auto padded = wire::encode_padded(message, room);
    const std::size_t after = allocations;
    BOOST_TEST((size && padded), name);
    BOOST_TEST(after == before, name);
  });
}

BOOST_AUTO_TEST_CASE(a_count_of_65535_in_eleven_bytes_allocates_nothing) {
  ByteArray<11> hostile{};
  hostile[8] = hostile[9] = 0xff;  // behind the instance
  LiveReceipt receipt;
  const std::size_t before = allocations;
  const auto error = wire::decode(hostile, receipt);
  const std::size_t after = allocations;
  BOOST_TEST((error == wire::Error::too_long));
  BOOST_TEST(after == before);
  BOOST_TEST(receipt.ids.capacity() == 0U);
}

// Whatever two bytes are set to 0xffff (or to any count's limit), no more is allocated than the message
// itself needs.
BOOST_AUTO_TEST_CASE(hostile_counts_allocate_no_more_than_the_limits) {
  test::for_each_message([](const char* name, const auto& message) {
    const Bytes good = test::encoded(message);
    Bytes bytes = good;
    std::size_t largest = 0;
    for (std::size_t i = 0; i + 1 < good.size(); ++i) {
      bytes[i] = bytes[i + 1] = 0xff;
      std::decay_t<decltype(message)> back{};
      largest_allocation = 0;
      (void)wire::decode(bytes, back);
      largest = std::max(largest, largest_allocation);
      bytes[i] = good[i];
      bytes[i + 1] = good[i + 1];
    }
    BOOST_TEST(largest <= limits::frame, name << " allocates " << largest);
  });
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace toxasync::protocol
