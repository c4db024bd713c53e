// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstddef>
#include <cstdint>

#include "client/types.hpp"
#include "wire/limits.hpp"

namespace toxasync::manager {

struct ManagerConfig {
  bool allow_local_addresses =
      false;  ///< Loopback and private node addresses, for tests and private networks.
  std::int64_t poll_interval_ms =
      120000;  ///< Mean time between polls of the present mailbox of a home node, a Poisson process.
  std::uint32_t ttl_s = limits::default_time_to_live_s;
  std::size_t outbox_messages = 10000;
  std::int64_t receipt_delay_ms =
      300000;  ///< Mean time that receipts wait for others before they are stored.
  std::int64_t first_offer_again_ms = 3600000;  ///< Until a node is asked whether it still has a message.
  std::int64_t retry_first_ms = 5000;           ///< Before a store that failed is tried again; doubled up to:
  std::int64_t retry_longest_ms = 600000;
  /// Home nodes are picked for a user who has named none.
  bool pick_home_nodes = true;
  /// Cover mailboxes and what is sent to them (docs/protocol.md, section 10). Off for tests that count what
  /// is sent or stored, and for users who prefer to save the traffic.
  bool cover = true;
  /// Nodes are asked to announce new mail at once (docs/protocol.md, section 6, "Announcements"). Polls go on
  /// as without.
  bool push = true;
  client::ClientConfig client;
};

}  // namespace toxasync::manager
