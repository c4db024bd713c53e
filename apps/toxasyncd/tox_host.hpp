// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <tox/tox.h>

#include <cstdint>
#include <filesystem>
#include <memory>

namespace toxasync::daemon {

/// The node's Tox instance: there for its UDP socket, it has no friends and takes none.
class ToxHost {
 public:
  /// With the profile in that file, or a new one. Throws StartupError.
  ToxHost(std::filesystem::path profile, std::uint16_t port, bool ipv6);

  [[nodiscard]] Tox* tox() const noexcept { return tox_.get(); }
  [[nodiscard]] bool connected() const noexcept;
  /// Keeps what is known of the Tox network for the next start. Throws StartupError.
  void save() const;

 private:
  struct Kill {
    void operator()(Tox* tox) const noexcept { tox_kill(tox); }
  };

  std::filesystem::path profile_;
  std::unique_ptr<Tox, Kill> tox_;
};

}  // namespace toxasync::daemon
