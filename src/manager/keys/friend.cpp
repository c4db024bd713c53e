// SPDX-License-Identifier: GPL-3.0-or-later
#include "manager/keys/friend.hpp"

#include <algorithm>

namespace toxasync::manager {

Installation* Friend::installation(crypto::Instance name) noexcept {
  const auto found = std::ranges::find(theirs, name, &Installation::instance);
  return found == theirs.end() ? nullptr : &*found;
}

bool Friend::bundle_pending() const noexcept {
  const auto lacks = [this](const Installation& one) { return one.taken_version < our_version; };
  return theirs.empty() ? taken_version < our_version : std::ranges::any_of(theirs, lacks);
}

}  // namespace toxasync::manager
