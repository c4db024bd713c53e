// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <chrono>
#include <ostream>
#include <ratio>
#include <type_traits>

// How BOOST_TEST prints times; C++20 has no operator<< for them in our compilers.

namespace boost::test_tools::tt_detail {

template <class T>
struct print_log_value;

template <class Rep, class Period>
struct print_log_value<std::chrono::duration<Rep, Period>> {
  void operator()(std::ostream& out, const std::chrono::duration<Rep, Period>& time) {
    out << time.count();
    if constexpr (std::is_same_v<Period, std::ratio<1>>) {
      out << " s";
    } else if constexpr (std::is_same_v<Period, std::milli>) {
      out << " ms";
    } else {
      out << " * " << Period::num << '/' << Period::den << " s";
    }
  }
};

/// Since the clock's start; 1970 for the wall clock.
template <class Clock, class Duration>
struct print_log_value<std::chrono::time_point<Clock, Duration>> {
  void operator()(std::ostream& out, const std::chrono::time_point<Clock, Duration>& time) {
    print_log_value<Duration>()(out, time.time_since_epoch());
  }
};

}  // namespace boost::test_tools::tt_detail
