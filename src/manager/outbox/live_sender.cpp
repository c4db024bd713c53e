// SPDX-License-Identifier: GPL-3.0-or-later
#include "manager/outbox/live_sender.hpp"

#include "protocol/live.hpp"

namespace toxasync::manager {

void LiveSender::offer(const OutgoingMessage& message, OutgoingMessage::Target& target, Friend& recipient,
                       Now now) {
  target.offered_live = true;
  const auto* const mailbox = mailboxes_.get(message.to, target.root, target.epoch);
  if (mailbox == nullptr) {
    return;
  }
  for (const auto& envelope : target.envelopes) {
    const protocol::LiveEnvelope packet{target.epoch, mailbox->address.p, envelope.bytes};
    if (!friends_.enqueue(recipient,
                          protocol::make_friend_packet(protocol::FriendPacketType::envelope, packet))) {
      return;
    }
    telemetry_.count(Counter::live_sent);
  }
  target.live_until = now.steady + live_receipt;
}

void LiveSender::reset(OutgoingMessage::Target& target) noexcept {
  target.offered_live = false;
  target.live_until = SteadyTime{};
}

}  // namespace toxasync::manager
