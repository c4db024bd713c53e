// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <memory>
#include <utility>

#include "adapters/toxcore_courier/courier.hpp"
#include "plugin/transport/client_transport.hpp"

namespace toxasync {

/// A second, hidden Tox instance: the courier.
class CourierClientTransport final : public ClientTransport {
 public:
  explicit CourierClientTransport(std::unique_ptr<Courier> courier) noexcept : courier_(std::move(courier)) {}

  [[nodiscard]] Tox_Async_Transport type() const noexcept override { return TOX_ASYNC_TRANSPORT_COURIER; }
  [[nodiscard]] Transport& transport() noexcept override { return *courier_; }
  void poll() override { courier_->poll(); }
  [[nodiscard]] bool has_received() const override { return courier_->has_received(); }
  void add_bootstrap_node(BootstrapNode node) override { courier_->add_bootstrap_node(std::move(node)); }
  [[nodiscard]] std::optional<crypto::Point> tox_key() const noexcept override { return courier_->tox_key(); }
  [[nodiscard]] std::size_t nodes_online() const override { return courier_->nodes_online(); }

 private:
  std::unique_ptr<Courier> courier_;
};

}  // namespace toxasync
