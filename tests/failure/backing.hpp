// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <memory>

#include "tests/manager/world.hpp"

namespace toxasync::failure {

/// What the users and nodes of a session keep their things on.
class Backing {
 public:
  virtual ~Backing() = default;

  /// For User::disk, each time the user's program starts. Null: it cannot be opened now.
  virtual store::StateStore* open_state(test::User& user, std::size_t number) = 0;
  /// The user's program has ended. What is durable stays.
  virtual void close_state(std::size_t number) = 0;
  /// For a node, for the whole session.
  virtual store::Store& open_store(test::StorageNode& node, std::size_t number) = 0;
  /// Of what nodes have confirmed and must still have, how much is gone.
  virtual std::size_t lost_by_nodes() { return 0; }
};

/// In memory, without other threads. Its calls may run out of memory as those of the stores of SQLite do,
/// before anything has changed.
std::unique_ptr<Backing> memory_backing();
/// The stores that are shipped, on the mounted disk (tests/crash/disk.hpp). Each write is waited for.
std::unique_ptr<Backing> sqlite_backing();

}  // namespace toxasync::failure
