// SPDX-License-Identifier: GPL-3.0-or-later
#include "memory.hpp"

#include <cstdlib>
#include <new>
#include <utility>

#include "tests/support/product_scope.hpp"

namespace toxasync::failure {

namespace {

Memory::Fails watcher;
bool watching = false;
std::uint64_t count = 0;

bool next_fails() {
  const test::TestCode test;
  return watcher(++count);
}

void* allocate(std::size_t size) {
  if (test::in_product && watching && next_fails()) {
    throw std::bad_alloc();
  }
  void* const memory = std::malloc(size == 0 ? 1 : size);  // NOLINT(cppcoreguidelines-no-malloc)
  if (memory == nullptr) {
    throw std::bad_alloc();
  }
  return memory;
}

}  // namespace

void Memory::watch(Fails fails) {
  watcher = std::move(fails);
  watching = true;
  count = 0;
}

void Memory::stop() noexcept {
  watching = false;
}

}  // namespace toxasync::failure

// NOLINTBEGIN(cppcoreguidelines-no-malloc): this is what containers and smart pointers use.

void* operator new(std::size_t size) {
  return toxasync::failure::allocate(size);
}

void* operator new[](std::size_t size) {
  return toxasync::failure::allocate(size);
}

void operator delete(void* memory) noexcept {
  std::free(memory);
}

void operator delete[](void* memory) noexcept {
  std::free(memory);
}

void operator delete(void* memory, std::size_t /*size*/) noexcept {
  std::free(memory);
}

void operator delete[](void* memory, std::size_t /*size*/) noexcept {
  std::free(memory);
}

// NOLINTEND(cppcoreguidelines-no-malloc)
