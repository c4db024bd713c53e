// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <memory>
#include <utility>

#include "adapters/toxcore_dispatcher/dht_neighbours.hpp"
#include "adapters/toxcore_dispatcher/toxcore_dispatcher.hpp"
#include "plugin/transport/client_transport.hpp"

namespace toxasync {

/// The UDP socket of the client's own Tox instance.
class DispatcherClientTransport final : public ClientTransport {
 public:
  DispatcherClientTransport(std::unique_ptr<ToxcoreDispatcher> dispatcher, Tox* tox, Random& random) noexcept
      : dispatcher_(std::move(dispatcher)), neighbours_(tox, random) {}

  [[nodiscard]] Tox_Async_Transport type() const noexcept override { return TOX_ASYNC_TRANSPORT_DISPATCHER; }
  [[nodiscard]] Transport& transport() noexcept override { return *dispatcher_; }
  void poll() override { dispatcher_->poll(); }
  [[nodiscard]] NodeFinder* node_finder() noexcept override { return &neighbours_; }

 private:
  std::unique_ptr<ToxcoreDispatcher> dispatcher_;
  DhtNeighbours neighbours_;
};

}  // namespace toxasync
