// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "plugin/log_sink.hpp"

namespace toxasync {

/// Runs the body of a C function; no exception leaves it. `on_error` is returned when memory or another
/// resource of the system has run out: nothing else throws here.
template <class Value, class Body>
Value guarded(Value on_error, Body&& body) noexcept {
  const LogSink::CallScope call;
  try {
    return body();
  } catch (...) {
    return on_error;
  }
}

template <class Error>
void set_error(Error* out, Error value) noexcept {
  if (out != nullptr) {
    *out = value;
  }
}

}  // namespace toxasync
