// SPDX-License-Identifier: GPL-3.0-or-later
#include "node/key_agreement_limiter.hpp"

#include <algorithm>

namespace toxasync::node {

void KeyAgreementLimiter::refill(SteadyTime now) noexcept {
  const auto passed = std::max(now - as_of_, 0ms);
  as_of_ = std::max(as_of_, now);
  constexpr milliseconds fills = 1s;  // from empty, whatever the rate
  level_ = passed >= fills
               ? full()
               : std::min(full(), level_ + static_cast<std::uint64_t>(passed.count()) * limits_.per_second);
}

KeyAgreementLimiter::Answer KeyAgreementLimiter::admit(const Endpoint& source, SteadyTime now) {
  refill(now);
  if (!sources_.consume(source, now)) {
    return Answer::source_spent;
  }
  const double common = static_cast<double>(level_) / static_cast<double>(full());
  if (level_ < token || sources_.level(source, now) < 1 - common) {
    return Answer::ceiling;
  }
  level_ -= token;
  return Answer::yes;
}

seconds KeyAgreementLimiter::retry_after(Answer refusal, const Endpoint& source, SteadyTime now) noexcept {
  constexpr seconds after_ceiling = 5s;
  return refusal == Answer::ceiling ? after_ceiling : sources_.retry_after(source, now);
}

}  // namespace toxasync::node
