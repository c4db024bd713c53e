// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <utility>

namespace toxasync::test {

/// Whether the code that runs on this thread is the product's, or a test's that it has called. tests/failure
/// lets allocations fail in the first only.
inline thread_local bool in_product = false;
/// How often a test has called the product on this thread; what the product calls back counts as the same
/// call.
inline thread_local std::uint64_t product_calls = 0;

class CodeScope {
 public:
  explicit CodeScope(bool product) noexcept : before_(std::exchange(in_product, product)) {}
  ~CodeScope() { in_product = before_; }
  CodeScope(const CodeScope&) = delete;
  CodeScope& operator=(const CodeScope&) = delete;

 private:
  bool before_;
};

struct ProductCode : CodeScope {
  ProductCode() noexcept : CodeScope(true) { ++product_calls; }
};

struct TestCode : CodeScope {
  TestCode() noexcept : CodeScope(false) {}
};

}  // namespace toxasync::test
