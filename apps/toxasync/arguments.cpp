// SPDX-License-Identifier: GPL-3.0-or-later
#include "arguments.hpp"

#include <boost/program_options/parsers.hpp>
#include <boost/program_options/value_semantic.hpp>
#include <iostream>

namespace po = boost::program_options;

namespace toxasync::tool {

std::optional<Arguments> parse_arguments(const std::vector<std::string>& arguments, std::string_view help,
                                         const po::options_description& options, std::size_t max_operands) {
  po::options_description all;
  all.add(options).add_options()("help,h", po::bool_switch());
  Arguments parsed;
  try {
    constexpr int style = po::command_line_style::default_style & ~po::command_line_style::allow_guessing;
    const auto result = po::command_line_parser(arguments).options(all).style(style).run();
    parsed.operands = po::collect_unrecognized(result.options, po::include_positional);
    po::store(result, parsed.options);
  } catch (const po::unknown_option& error) {
    throw UsageError("unknown option `" + error.get_option_name() + "`");
  } catch (const po::error& error) {
    throw UsageError(error.what());
  }
  if (parsed.options["help"].as<bool>()) {
    std::cout << help;
    return std::nullopt;
  }
  if (parsed.operands.size() > max_operands) {
    throw UsageError("unexpected argument `" + parsed.operands[max_operands] + "`");
  }
  return parsed;
}

}  // namespace toxasync::tool
