// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "base/time.hpp"
#include "base/transport.hpp"
#include "protocol/frame.hpp"

namespace toxasync::node {

/// Makes and checks the cookies by which a source proves that it receives what is sent to its address
/// (docs/protocol.md, section 6): H128(key = a secret of this process,
/// window|transport|address|port|sendback|X), 0.3 us. Keeps no state per source. A cookie is valid for two to
/// four minutes, by the steady clock.
class CookieJar {
 public:
  static constexpr milliseconds window_length = 2min;

  explicit CookieJar(Random& random) : secret_(crypto::Secret<32>::random(random)) {}

  [[nodiscard]] protocol::Cookie bake(const Route& from, const crypto::Point& session,
                                      SteadyTime now) const noexcept {
    return make(from, session, window_at(now));
  }
  [[nodiscard]] bool accepts(const protocol::Cookie& cookie, const Route& from, const crypto::Point& session,
                             SteadyTime now) const noexcept;

 private:
  static std::int64_t window_at(SteadyTime time) noexcept { return time.time_since_epoch() / window_length; }
  [[nodiscard]] protocol::Cookie make(const Route& from, const crypto::Point& session,
                                      std::int64_t window) const noexcept;

  crypto::Secret<32> secret_;
};

}  // namespace toxasync::node
