// SPDX-License-Identifier: GPL-3.0-or-later
// What a message's date is, when it is over, and which epoch it is sealed for: docs/protocol.md, section 2.
#include <chrono>

#include "manager/outbox/outbox.hpp"

namespace toxasync::manager {

void Outbox::follow_clock(Now now) {
  for (const auto& id : messages_.ids()) {
    redate(*messages_.find(id), now);
    deadlines_.set(id, now.steady);
  }
}

/// What a wrong clock has dated lives as long as it should.
void Outbox::redate(Message& message, Now now) const {
  const bool checked = services_.clock.checked();
  if (message.undated && message.made) {
    const UnixTimeMs sent_at = services_.clock.date_of(*message.made);
    const bool moved = std::chrono::abs(sent_at - message.sent_at) > TrustedClock::tolerance;
    message.sent_at = moved || checked ? sent_at : message.sent_at;
    message.undated = !checked;
    message.dated_by_line = services_.clock.is_by_line();
    message.unsaved = message.unsaved || moved || checked;
    return;
  }
  const UnixTimeMs after{message.not_before};
  const bool wrong =
      message.sent_at > now.wall + TrustedClock::tolerance ||
      (message.undated && (message.dated_by_line || message.sent_at < after - TrustedClock::tolerance));
  constexpr seconds id_remembered =
      2 * limits::largest_time_to_live;  // by who may have read a copy soon after
  if (checked && wrong && now.wall + message.ttl > after + id_remembered && message.undated) {
    message.sent_at = after;      // it is over: it might be shown again
  } else if (checked && wrong) {  // as if it was sent now: it is not known when it was
    message.sent_at = now.wall;
    message.made = now.steady;
  }
  if (checked && (wrong || message.undated)) {
    message.undated = false;
    message.unsaved = true;
  }
}

/// By the steady clock for what was sent in this run, or has no date yet, else once the date is certain.
bool Outbox::is_over(const Message& message, Now now) const {
  const auto since = message.made || !message.undated ? message.made : resumed_at_;
  return (since && now.steady - *since >= message.ttl + message.margin()) ||
         (!message.undated && services_.clock.for_good().passed() >= message.ends_at());
}

/// The epoch that the installation's nodes take mail for; 0: there is none.
crypto::Epoch Outbox::epoch_for(const Installation& to) const {
  std::vector<protocol::NodeId> nodes;
  nodes.reserve(to.home_nodes.size());
  for (const auto& node : to.home_nodes) {
    nodes.push_back(node.id);
  }
  return crypto::epoch_at(services_.clock.date_at(nodes)).value_or(0);
}

}  // namespace toxasync::manager
