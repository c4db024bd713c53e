// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <tox/tox.h>

#include <cstdint>
#include <filesystem>
#include <memory>

#include "crypto/curve.hpp"

namespace toxasync::daemon {

struct ToxHostOptions {
  std::uint16_t udp_port = 0;
  std::uint16_t tcp_port = 0;  ///< Of a TCP relay; 0: none.
  bool ipv6 = true;
};

/// The node's Tox instance, whose Tox key is the node's key (docs/protocol.md, section 12).
class ToxHost {
 public:
  /// Uses the profile in that file, or a new one if it does not exist or has another key. Throws
  /// StartupError.
  ToxHost(std::filesystem::path profile, const crypto::SigningKey& identity, const ToxHostOptions& options);

  [[nodiscard]] Tox* tox() const noexcept { return tox_.get(); }
  [[nodiscard]] bool connected() const noexcept;
  /// Saves the profile: known nodes of the Tox network, and friends. Throws StartupError.
  void save() const;

 private:
  struct Kill {
    void operator()(Tox* tox) const noexcept { tox_kill(tox); }
  };

  [[nodiscard]] std::unique_ptr<Tox, Kill> start(const ToxHostOptions& options, Tox_Savedata_Type type,
                                                 ByteView data) const;

  std::filesystem::path profile_;
  std::unique_ptr<Tox, Kill> tox_;
};

}  // namespace toxasync::daemon
