// SPDX-License-Identifier: GPL-3.0-or-later
#include "crypto/secret.hpp"

#include <sodium.h>

#include <mutex>
#include <new>
#include <vector>

namespace toxasync::crypto::detail {

namespace {

/// Slabs of locked pages, cut into blocks. A process needs a few thousand blocks at most; slabs are kept.
class LockedPool {
 public:
  std::uint8_t* allocate() {
    const std::lock_guard lock(mutex_);
    if (free_.empty()) {
      grow();
    }
    std::uint8_t* block = free_.back();
    free_.pop_back();
    sodium_memzero(block, locked_block_size);  // sodium_malloc fills fresh memory with a pattern
    return block;
  }

  void free(std::uint8_t* block) noexcept {
    sodium_memzero(block, locked_block_size);
    const std::lock_guard lock(mutex_);
    free_.push_back(block);  // within the capacity that grow() reserved
  }

 private:
  void grow() {
    constexpr std::size_t blocks_per_slab = 64;
    if (!initialise()) {
      throw std::bad_alloc();
    }
    free_.reserve((++slabs_) * blocks_per_slab);
    auto* slab = static_cast<std::uint8_t*>(sodium_malloc(blocks_per_slab * locked_block_size));
    if (slab == nullptr) {
      throw std::bad_alloc();
    }
    for (std::size_t i = 0; i < blocks_per_slab; ++i) {
      free_.push_back(slab + i * locked_block_size);
    }
  }

  std::mutex mutex_;
  std::vector<std::uint8_t*> free_;
  std::size_t slabs_ = 0;
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
