// SPDX-License-Identifier: GPL-3.0-or-later
#include "crypto/secret.hpp"

#include <sodium.h>

#include <cstring>
#include <mutex>
#include <new>

namespace toxasync::crypto::detail {

namespace {

/// Slabs of locked pages, cut into blocks; slabs are kept. A free block holds the address of the next one.
class LockedPool {
 public:
  std::uint8_t* allocate() {
    const std::lock_guard lock(mutex_);
    if (free_ == nullptr) {
      grow();
    }
    std::uint8_t* const block = free_;
    std::memcpy(static_cast<void*>(&free_), block, sizeof free_);
    sodium_memzero(block, sizeof free_);
    return block;
  }

  void free(std::uint8_t* block) noexcept {
    sodium_memzero(block, locked_block_size);
    const std::lock_guard lock(mutex_);
    push(block);
  }

 private:
  static_assert(locked_block_size >= sizeof(std::uint8_t*));

  void push(std::uint8_t* block) noexcept {
    std::memcpy(block, static_cast<const void*>(&free_), sizeof free_);
    free_ = block;
  }
  void grow() {
    constexpr std::size_t blocks_per_slab = 64;
    auto* const slab = initialise()
                           ? static_cast<std::uint8_t*>(sodium_malloc(blocks_per_slab * locked_block_size))
                           : nullptr;
    if (slab == nullptr) {
      throw std::bad_alloc();
    }
    sodium_memzero(slab, blocks_per_slab * locked_block_size);  // sodium_malloc fills it with a pattern
    for (std::size_t i = 0; i < blocks_per_slab; ++i) {
      push(slab + i * locked_block_size);
    }
  }

  std::mutex mutex_;
  std::uint8_t* free_ = nullptr;
};

/// Never destroyed: secrets of static objects may outlive any order of destruction.
LockedPool& pool() {
  static auto* instance = new LockedPool;
  return *instance;
}

}  // namespace

std::uint8_t* allocate_locked_block() {
  return pool().allocate();
}
void free_locked_block(std::uint8_t* block) noexcept {
  pool().free(block);
}

}  // namespace toxasync::crypto::detail
