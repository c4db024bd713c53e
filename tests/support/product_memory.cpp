// SPDX-License-Identifier: GPL-3.0-or-later
#include "product_memory.hpp"

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <new>
#include <utility>

#include "product_scope.hpp"

// This program's operator new, which tells the memory of the product from that of tests.

namespace {

thread_local std::int64_t held = 0;
thread_local std::int64_t most_held = 0;

/// Before each piece.
struct alignas(std::max_align_t) Header {
  std::size_t counted = 0;
};

void* allocate(std::size_t size) {
  void* const memory = std::malloc(sizeof(Header) + size);  // NOLINT(cppcoreguidelines-no-malloc)
  if (memory == nullptr) {
    throw std::bad_alloc();
  }
  auto* const header = ::new (memory) Header{toxasync::test::in_product ? size : 0};
  held += static_cast<std::int64_t>(header->counted);
  most_held = std::max(most_held, held);
  return header + 1;
}

void release(void* memory) noexcept {
  if (memory != nullptr) {
    auto* const header = static_cast<Header*>(memory) - 1;
    held -= static_cast<std::int64_t>(header->counted);
    std::free(header);  // NOLINT(cppcoreguidelines-no-malloc)
  }
}

}  // namespace

std::size_t toxasync::test::most_product_bytes() noexcept {
  return static_cast<std::size_t>(std::max<std::int64_t>(std::exchange(most_held, held), 0));
}

void* operator new(std::size_t size) {
  return allocate(size);
}

void* operator new[](std::size_t size) {
  return allocate(size);
}

void operator delete(void* memory) noexcept {
  release(memory);
}

void operator delete[](void* memory) noexcept {
  release(memory);
}

void operator delete(void* memory, std::size_t /*size*/) noexcept {
  release(memory);
}

void operator delete[](void* memory, std::size_t /*size*/) noexcept {
  release(memory);
}
