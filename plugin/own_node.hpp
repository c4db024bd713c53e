// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>

#include "base/metrics.hpp"
#include "base/time.hpp"
#include "crypto/secret.hpp"
#include "node/node_keys.hpp"
#include "store/sqlite/sqlite_store.hpp"

namespace toxasync {

/// The storage node that a client with a patched libtoxcore runs by default: its mail, its keys, its files.
class OwnNode {
 public:
  static constexpr std::uint64_t min_capacity_bytes = std::uint64_t{1} << 20;
  static constexpr std::uint64_t max_capacity_bytes = std::uint64_t{1} << 30;

  /// 1 % of the disk space that is free or used by the node itself, from 1 MiB to 1 GiB; no new mail while
  /// the disk is nearly full.
  [[nodiscard]] static store::DiskRule disk_rule() noexcept;

  /// Opens or creates the node's files in an existing directory. Their names are a keyed hash, which does not
  /// reveal their owner without the secret key. Null, and a warning in the log, if they cannot be used.
  static std::unique_ptr<OwnNode> open(const std::filesystem::path& directory,
                                       const crypto::Secret<32>& tox_secret, const Telemetry& telemetry,
                                       Random& random, UnixTime now);

  [[nodiscard]] std::uint64_t capacity_bytes() const noexcept { return store_->stats().capacity_bytes; }
  [[nodiscard]] store::Store& store() noexcept { return *store_; }
  [[nodiscard]] const store::Store& store() const noexcept { return *store_; }
  [[nodiscard]] node::NodeKeys& keys() noexcept { return keys_; }
  [[nodiscard]] const node::NodeKeys& keys() const noexcept { return keys_; }

 private:
  OwnNode(std::unique_ptr<store::SqliteStore> store, node::NodeKeys keys)
      : store_(std::move(store)), keys_(std::move(keys)) {}

  std::unique_ptr<store::SqliteStore> store_;
  node::NodeKeys keys_;
};

}  // namespace toxasync
