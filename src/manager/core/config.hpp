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
  milliseconds poll_interval =
      2min;  ///< Mean time between polls of the present mailbox of a home node, a Poisson process.
  seconds ttl = limits::default_time_to_live;
  std::size_t outbox_messages = 10000;
  milliseconds receipt_delay = 5min;    ///< Mean time that receipts wait for others before they are stored.
  milliseconds first_offer_again = 1h;  ///< Until a node is asked whether it still has a message.
  milliseconds retry_first = 5s;        ///< Before a store that failed is tried again; doubled up to:
  milliseconds retry_longest = 10min;
  /// Home nodes are picked for a user who has named none.
  bool pick_home_nodes = true;
  /// Cover mailboxes and what is sent to them (docs/protocol.md, section 10). Off for tests that count what
  /// is sent or stored, and for users who prefer to save the traffic.
  bool cover = true;
  /// Nodes are asked to announce new mail at once (docs/protocol.md, section 6, "Announcements"). Polls go on
  /// as without.
  bool push = true;
  /// Friend requests that others left are looked for in the public mailbox (docs/protocol.md, section 9),
  /// which everybody who has the Tox id can recognise.
  bool public_mailbox = true;
  client::ClientConfig client;
};

}  // namespace toxasync::manager
