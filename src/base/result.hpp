// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <boost/system/result.hpp>

namespace toxasync {

/// An expected failure is a value: a Result is a T, or an E from the layer's documented enum.
template <class T, class E>
using Result = boost::system::result<T, E>;

}  // namespace toxasync
