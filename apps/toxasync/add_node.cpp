// SPDX-License-Identifier: GPL-3.0-or-later
#include <algorithm>
#include <fstream>
#include <iostream>
#include <iterator>

#include "adapters/addresses/node_address.hpp"
#include "adapters/settings/user_paths.hpp"
#include "adapters/settings/user_settings.hpp"
#include "arguments.hpp"
#include "base/file.hpp"
#include "commands.hpp"
#include "protocol/node_descriptor.hpp"

namespace toxasync::tool {

namespace fs = std::filesystem;

namespace {

constexpr std::string_view help = R"(usage: toxasync add-node ADDRESS

Adds a storage node to the settings, or changes the addresses of a node that is already there.
ADDRESS is the line that the operator of the node gives you:

    toxasync add-node toxasync:<64 hexadecimal digits>@192.0.2.7:33445

Clients use the node after a restart. Up to 5 nodes are possible.
)";

ExitCode fail(const std::string& what) {
  std::cerr << "toxasync: " << what << '\n';
  return ExitCode::settings;
}

bool has_local_address(const client::KnownNode& node) {
  return std::ranges::any_of(
      node.endpoints, [](const Endpoint& endpoint) { return !protocol::is_usable_address(endpoint, false); });
}

ExitCode add(const client::KnownNode& node, const fs::path& file) {
  std::error_code failed;
  std::string text;
  if (fs::exists(file, failed)) {
    std::ifstream in(file, std::ios::binary);
    text.assign(std::istreambuf_iterator<char>(in), {});
    if (!in.is_open() || in.bad()) {
      return fail(file.string() + ": cannot read");
    }
  }
  const auto changed = with_node(text, file.string(), node);
  if (!changed) {
    return fail(changed.error().text);
  }
  fs::create_directories(file.parent_path(), failed);
  if (failed) {
    return fail(file.parent_path().string() + ": cannot create: " + failed.message());
  }
  failed = replace_file(file, as_bytes(*changed));
  if (failed) {
    return fail(file.string() + ": cannot write: " + failed.message());
  }
  std::cout << "toxasync: added the node to " << file.string() << "; clients use it after a restart\n";
  const auto settings = parse_user_settings(*changed, file.string());
  if (settings && !settings->local_addresses && has_local_address(node)) {
    std::cout << "toxasync: the node has a local address: to use it, add the line `local-addresses = yes` to "
                 "that file\n";
  }
  return ExitCode::ok;
}

}  // namespace

ExitCode add_node(const std::vector<std::string>& arguments) {
  const auto parsed = parse_arguments(arguments, help, {}, 1);
  if (!parsed) {
    return ExitCode::ok;
  }
  if (parsed->operands.empty()) {
    throw UsageError("missing ADDRESS");
  }
  const auto node = parse_node_address(parsed->operands[0]);
  if (!node) {
    throw UsageError(parsed->operands[0] + ": " + std::string(describe(node.error())));
  }
  const fs::path file = user_settings_file();
  if (file.empty()) {
    return fail("cannot find the settings: set HOME, XDG_CONFIG_HOME or TOX_ASYNC_CONFIG");
  }
  return add(*node, file);
}

}  // namespace toxasync::tool
