// SPDX-License-Identifier: GPL-3.0-or-later
#include "plugin/own_node.hpp"

#include <string>

namespace toxasync {

namespace fs = std::filesystem;

namespace {

std::unique_ptr<OwnNode> refuse(const Telemetry& telemetry, std::string_view why) {
  telemetry.log(LogLevel::warning, "node",
                std::string("this client is not a storage node for others: ").append(why));
  return nullptr;
}

}  // namespace

store::DiskRule OwnNode::disk_rule() noexcept {
  return {.per_mille = 10, .least_bytes = min_capacity_bytes};
}

std::unique_ptr<OwnNode> OwnNode::open(const fs::path& directory, const crypto::Secret<32>& tox_secret,
                                       const Telemetry& telemetry, Random& random, UnixTime now) {
  const auto hash = crypto::h128(tox_secret.view(), {as_bytes("toxasync/1 node files")});
  const std::string name = to_hex(hash);
  store::StoreLimits limits;
  limits.capacity_bytes = max_capacity_bytes;
  store::SqliteStoreOptions options;
  options.disk = disk_rule();
  auto store = store::SqliteStore::open(directory / (name + ".node.db"), limits, options, telemetry, random);
  if (!store) {
    return refuse(telemetry, describe(store.error()));
  }
  auto keys = node::NodeKeys::open((directory / (name + ".node.key")).string(), random, now);
  if (!keys) {
    return refuse(telemetry, crypto::describe(keys.error()));
  }
  return std::unique_ptr<OwnNode>(new OwnNode(std::move(*store), std::move(*keys)));
}

}  // namespace toxasync
