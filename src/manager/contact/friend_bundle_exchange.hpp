// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "manager/contact/bundle_exchange.hpp"
#include "manager/keys/friend_book.hpp"

namespace toxasync::manager {

/// With the friends of the book.
class FriendBundleExchange final : public BundleExchange {
 public:
  FriendBundleExchange(FriendBook& friends, Journal& journal) : friends_(friends), journal_(journal) {}

  [[nodiscard]] bool has_keys_of(const FriendKey& key) const override;
  [[nodiscard]] bool wants_bundle_of(const FriendKey& key) const override;
  std::optional<protocol::WholeBundle> bundle_for(const FriendKey& key, BundleReadyListener& asker) override;
  void accept_bundle(const FriendKey& key, const protocol::WholeBundle& bundle) override;

 private:
  FriendBook& friends_;
  Journal& journal_;
};

}  // namespace toxasync::manager
