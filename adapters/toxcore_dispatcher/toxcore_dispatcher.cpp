// SPDX-License-Identifier: GPL-3.0-or-later
#include "adapters/toxcore_dispatcher/toxcore_dispatcher.hpp"

#include <algorithm>
#include <exception>

#include "adapters/toxcore_dispatcher/net_address.hpp"
#include "protocol/frame.hpp"

namespace toxasync {

namespace {

constexpr auto first_kind = static_cast<std::uint8_t>(protocol::FrameKind::store);
constexpr auto last_kind = static_cast<std::uint8_t>(protocol::FrameKind::retrieve_response);
/// What toxcore receives at most.
constexpr std::size_t largest_packet = 2048;

}  // namespace

std::string_view describe(DispatcherError error) noexcept {
  switch (error) {
    case DispatcherError::stock_library:
      return "this libtoxcore is a stock build without packet dispatcher access: use a libtoxcore built by "
             "patches/build-toxcore.sh, or the transport `udp`";
    case DispatcherError::no_udp:
      return "this Tox instance has UDP switched off, possibly to use a proxy: enable UDP in the client's "
             "settings, or use the transport `courier`, which respects the proxy";
    case DispatcherError::taken:
      break;
  }
  return "another module already handles the packets of toxasync on this Tox instance: use only one";
}

bool ToxcoreDispatcher::available() noexcept {
  return tox_net::tox_net_register != nullptr && tox_net::tox_net_send != nullptr;
}

Result<std::unique_ptr<ToxcoreDispatcher>, DispatcherError> ToxcoreDispatcher::attach(Tox* tox,
                                                                                      Telemetry telemetry) {
  if (!available()) {
    return DispatcherError::stock_library;
  }
  if (tox_self_get_udp_port(tox, nullptr) == 0) {
    return DispatcherError::no_udp;
  }
  std::unique_ptr<ToxcoreDispatcher> dispatcher(new ToxcoreDispatcher(tox, telemetry));
  const tox_net::Handler handler = {
      tox,
      [](Tox*, const tox_net::Addr* source, const std::uint8_t* sendback, std::uint16_t sendback_length,
         const std::uint8_t* packet, std::uint16_t length, void* self) {
        static_cast<ToxcoreDispatcher*>(self)->queue_received(*source, {sendback, sendback_length},
                                                              {packet, length});
      },
      dispatcher.get()};
  if (!tox_net::tox_net_register(tox, first_kind, last_kind, &handler)) {
    dispatcher->tox_ = nullptr;  // Registered by another module: not to be unregistered.
    return DispatcherError::taken;
  }
  return dispatcher;
}

ToxcoreDispatcher::~ToxcoreDispatcher() {
  if (tox_ != nullptr) {
    tox_net::tox_net_register(tox_, first_kind, last_kind, nullptr);
  }
}

void ToxcoreDispatcher::queue_received(const tox_net::Addr& source, ByteView sendback,
                                       ByteView packet) noexcept {
  if (packet.size() > largest_packet || sendback.size() > Route::max_sendback_size) {
    telemetry_.refuse(Counter::refused_length);
    return;
  }
  if (queue_.size() >= queue_limit) {
    telemetry_.refuse(Counter::refused_overloaded);
    return;
  }
  try {
    Packet& entry = queue_.emplace_back();
    try {
      entry.bytes.assign(packet.begin(), packet.end());
    } catch (...) {
      queue_.pop_back();
      throw;
    }
    entry.from.transport = TransportKind::toxcore_dispatcher;
    entry.from.endpoint = tox_net::unpack(source);
    entry.from.sendback_size = static_cast<std::uint8_t>(sendback.size());
    std::copy(sendback.begin(), sendback.end(), entry.from.sendback.begin());
  } catch (const std::exception&) {  // Out of memory: the packet is lost, as packets may be.
    telemetry_.refuse(Counter::refused_overloaded);
  }
}

std::size_t ToxcoreDispatcher::poll() {
  std::size_t delivered = 0;
  for (; !queue_.empty(); ++delivered) {
    const Packet packet = std::move(queue_.front());
    queue_.pop_front();
    if (receiver_ != nullptr) {
      receiver_->on_packet(packet.from, packet.bytes);
    }
  }
  return delivered;
}

bool ToxcoreDispatcher::send(const Route& to, ByteView packet) noexcept {
  const tox_net::Addr addr = tox_net::pack(to.endpoint);
  if (addr.length == 0 || packet.size() > largest_packet) {
    return false;
  }
  return tox_net::tox_net_send(tox_, &addr, to.sendback_size > 0 ? to.sendback.data() : nullptr,
                               to.sendback_size, packet.data(), static_cast<std::uint16_t>(packet.size()));
}

}  // namespace toxasync
