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

TokenBuckets::Rate KeyAgreementLimiter::of_all_forwarded(TokenBuckets::Rate source) noexcept {
  const auto times = [](std::uint32_t number) {
    return number > UINT32_MAX / forwarders ? UINT32_MAX : number * forwarders;
  };
  return {times(source.burst), times(source.per_minute)};
}

KeyAgreementLimiter::Answer KeyAgreementLimiter::admit(const Source& source, SteadyTime now,
                                                       std::uint32_t agreements) {
  refill(now);
  if (!sources_.consume(source.payer(), now, agreements) ||
      (source.forwarded() && !forwarded_.consume(source.networks().back(), now, agreements))) {
    return Answer::source_spent;
  }
  const double common = static_cast<double>(level_) / static_cast<double>(full());
  if (level_ < agreements * token || sources_.level(source.payer(), now, agreements) < 1 - common) {
    return Answer::ceiling;
  }
  level_ -= agreements * token;
  return Answer::yes;
}

seconds KeyAgreementLimiter::retry_after(Answer refusal, const Source& source, SteadyTime now,
                                         std::uint32_t agreements) noexcept {
  constexpr seconds after_ceiling = 5s;
  if (refusal == Answer::ceiling) {
    return after_ceiling;
  }
  const seconds own = sources_.retry_after(source.payer(), now, agreements);
  return source.forwarded() ? std::max(own, forwarded_.retry_after(source.networks().back(), now, agreements))
                            : own;
}

}  // namespace toxasync::node
