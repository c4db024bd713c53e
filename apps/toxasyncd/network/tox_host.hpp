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
  std::uint16_t tcp_port = 0;  ///< As a TCP relay; 0: it is none.
  bool ipv6 = true;
};

/// The node's Tox instance, whose Tox key is the node's key (docs/protocol.md, section 12).
class ToxHost {
 public:
  /// With the profile in that file; with a new one, if there is none or it is of another key. Throws
  /// StartupError.
  ToxHost(std::filesystem::path profile, const crypto::SigningKey& identity, const ToxHostOptions& options);

  [[nodiscard]] Tox* tox() const noexcept { return tox_.get(); }
  [[nodiscard]] bool connected() const noexcept;
  /// Keeps what is known of the Tox network for the next start, and the friends, if there are any. Throws
  /// StartupError.
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
