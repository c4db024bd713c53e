// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <boost/program_options/options_description.hpp>
#include <boost/program_options/variables_map.hpp>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace toxasync::tool {

/// The arguments of a command are wrong.
class UsageError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// The arguments of a command, parsed.
struct Arguments {
  boost::program_options::variables_map options;
  std::vector<std::string> operands;
};

/// Parses the arguments of a command with `options` and --help. With --help it prints `help`, and returns
/// nothing. Throws UsageError, also for more than `max_operands`.
std::optional<Arguments> parse_arguments(const std::vector<std::string>& arguments, std::string_view help,
                                         const boost::program_options::options_description& options = {},
                                         std::size_t max_operands = 0);

}  // namespace toxasync::tool
