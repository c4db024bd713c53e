// SPDX-License-Identifier: GPL-3.0-or-later
#include "node/source.hpp"

#include <algorithm>

namespace toxasync::node {

namespace {

/// Added to the family of a network in which packets were forwarded.
constexpr std::uint8_t forwarded_family = 0x80;

}  // namespace

Source::Source(const Route& route, const crypto::Point& session) noexcept
    : networks_(networks_of(route.endpoint)),
      forwarded_(route.transport == TransportKind::toxcore_dispatcher && route.sendback_size != 0) {
  if (!forwarded_) {
    return;
  }
  SourcePrefix by_session{forwarded_family};
  std::copy_n(session.begin(), by_session.size() - 2, by_session.begin() + 2);
  SourcePrefix forwarder = networks_.front();
  forwarder[0] |= forwarded_family;
  networks_ = {by_session, forwarder, SourcePrefix{forwarded_family}};
}

}  // namespace toxasync::node
