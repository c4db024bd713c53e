// SPDX-License-Identifier: GPL-3.0-or-later
#include <algorithm>
#include <fstream>
#include <iostream>
#include <iterator>

#include "adapters/addresses/node_address.hpp"
#include "adapters/settings/user_paths.hpp"
#include "adapters/settings/user_settings.hpp"
#include "base/file.hpp"
#include "commands.hpp"
#include "protocol/node_descriptor.hpp"

namespace toxasync::tool {

namespace fs = std::filesystem;

namespace {

ExitCode fail(const std::string& what) {
  std::cerr << "toxasync: " << what << '\n';
  return ExitCode::settings;
}

}  // namespace

ExitCode add_node(const std::vector<std::string>& arguments) {
  if (arguments.size() != 1) {
    std::cerr << "toxasync: add which node? toxasync add-node toxasync:<node id>@<address>:<port>\n";
    return ExitCode::usage;
  }
  const auto node = parse_node_address(arguments[0]);
  if (!node) {
    std::cerr << "toxasync: " << arguments[0] << ": " << describe(node.error()) << '\n';
    return ExitCode::usage;
  }
  const fs::path file = user_settings_file();
  if (file.empty()) {
    return fail("neither HOME, XDG_CONFIG_HOME nor TOX_ASYNC_CONFIG says where the settings are");
  }
  std::error_code failed;
  std::string text;
  if (fs::exists(file, failed)) {
    std::ifstream in(file, std::ios::binary);
    text.assign(std::istreambuf_iterator<char>(in), {});
    if (!in.is_open() || in.bad()) {
      return fail(file.string() + ": can't be read");
    }
  }
  const auto changed = with_node(text, file.string(), *node);
  if (!changed) {
    return fail(changed.error().text);
  }
  fs::create_directories(file.parent_path(), failed);
  if (failed) {
    return fail(file.parent_path().string() + ": " + failed.message());
  }
  failed = replace_file(file, as_bytes(*changed));
  if (failed) {
    return fail(file.string() + ": " + failed.message());
  }
  std::cout << "toxasync: the node is in " << file.string() << "; clients use it from their next start\n";
  const auto settings = parse_user_settings(*changed, file.string());
  const bool local = std::ranges::any_of(node->endpoints, [](const Endpoint& endpoint) {
    return !protocol::is_usable_address(endpoint, false);
  });
  if (local && settings && !settings->local_addresses) {
    std::cout
        << "toxasync: it has a local address, which is used only with `local-addresses = yes` in that file\n";
  }
  return ExitCode::ok;
}

}  // namespace toxasync::tool
