// SPDX-License-Identifier: GPL-3.0-or-later
#include "node/key_agreement_limiter.hpp"

#include <algorithm>

namespace toxasync::node {

void KeyAgreementLimiter::refill(std::int64_t steady_ms) noexcept {
  const auto passed_ms = static_cast<std::uint64_t>(std::max<std::int64_t>(steady_ms - as_of_ms_, 0));
  as_of_ms_ = std::max(as_of_ms_, steady_ms);
  constexpr std::uint64_t fills_ms = 1000;  // from empty, whatever the rate
  level_ = passed_ms >= fills_ms ? full() : std::min(full(), level_ + passed_ms * limits_.per_second);
}

KeyAgreementLimiter::Answer KeyAgreementLimiter::admit(const Endpoint& source, std::int64_t steady_ms) {
  refill(steady_ms);
  if (!sources_.consume(source, steady_ms)) {
    return Answer::source_spent;
  }
  const double common = static_cast<double>(level_) / static_cast<double>(full());
  if (level_ < token || sources_.level(source, steady_ms) < 1 - common) {
    return Answer::ceiling;
  }
  level_ -= token;
  return Answer::yes;
}

std::uint16_t KeyAgreementLimiter::retry_after_s(Answer refusal, const Endpoint& source,
                                                 std::int64_t steady_ms) noexcept {
  constexpr std::uint16_t after_ceiling_s = 5;
  return refusal == Answer::ceiling ? after_ceiling_s : sources_.retry_after_s(source, steady_ms);
}

}  // namespace toxasync::node
