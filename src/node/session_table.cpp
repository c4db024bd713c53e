// SPDX-License-Identifier: GPL-3.0-or-later
#include "node/session_table.hpp"

namespace toxasync::node {

SessionTable::Opened SessionTable::open(const crypto::Point& x, const crypto::Point& node_key,
                                        protocol::SessionKeys keys, const Source& source, SteadyTime now) {
  const auto inserted = table_.insert(
      x, Session{++last_serial_, node_key, std::move(keys), protocol::ReplayWindow{}, std::nullopt}, source,
      now);
  return {inserted.value, inserted.evicted};
}

void SessionTable::retain(const crypto::Point& current, const crypto::Point* previous) {
  table_.erase_if([&](const Session& session) {
    return session.node_key != current && (previous == nullptr || session.node_key != *previous);
  });
}

}  // namespace toxasync::node
