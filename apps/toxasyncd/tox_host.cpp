// SPDX-License-Identifier: GPL-3.0-or-later
#include "tox_host.hpp"

#include <new>
#include <string>
#include <utility>

#include "crypto/symmetric.hpp"
#include "data_directory.hpp"
#include "startup_error.hpp"

namespace toxasync::daemon {

namespace {

struct FreeOptions {
  void operator()(Tox_Options* options) const noexcept { tox_options_free(options); }
};

/// A Tox profile holds a secret key.
struct WipedBytes : Bytes {
  using Bytes::Bytes;
  WipedBytes(Bytes&& other) : Bytes(std::move(other)) {}
  ~WipedBytes() { crypto::wipe(*this); }
  WipedBytes(const WipedBytes&) = delete;
  WipedBytes& operator=(const WipedBytes&) = delete;
};

[[noreturn]] void fail(Tox_Err_New error, const std::filesystem::path& profile, std::uint16_t port) {
  switch (error) {
    case TOX_ERR_NEW_PORT_ALLOC:
      throw StartupError(ExitCode::port, "--tox-port " + std::to_string(port) +
                                             ": the port is in use or not permitted: name another one");
    case TOX_ERR_NEW_LOAD_ENCRYPTED:
    case TOX_ERR_NEW_LOAD_BAD_FORMAT:
      throw StartupError(
          ExitCode::data_directory,
          profile.string() +
              ": not a Tox profile, or a damaged one: restore it from a backup or move it away "
              "(people can keep the node's address line: that depends on node.key)");
    case TOX_ERR_NEW_MALLOC:
      throw std::bad_alloc();
    default:
      throw StartupError(ExitCode::failure, "libtoxcore cannot start (its error " +
                                                std::to_string(static_cast<int>(error)) +
                                                "): try --tox-port 0 to serve on --udp-port only");
  }
}

}  // namespace

ToxHost::ToxHost(std::filesystem::path profile, std::uint16_t port, bool ipv6)
    : profile_(std::move(profile)) {
  const std::unique_ptr<Tox_Options, FreeOptions> options(tox_options_new(nullptr));
  if (!options) {
    throw std::bad_alloc();
  }
  const WipedBytes saved(read_file(profile_).value_or(Bytes()));
  if (!saved.empty()) {
    tox_options_set_savedata_type(options.get(), TOX_SAVEDATA_TYPE_TOX_SAVE);
    tox_options_set_savedata_data(options.get(), saved.data(), saved.size());
  }
  tox_options_set_udp_enabled(options.get(), true);
  tox_options_set_ipv6_enabled(options.get(), ipv6);
  tox_options_set_start_port(options.get(), port);
  tox_options_set_end_port(options.get(), port);
  tox_options_set_local_discovery_enabled(options.get(), false);
  Tox_Err_New error = TOX_ERR_NEW_OK;
  tox_.reset(tox_new(options.get(), &error));
  if (!tox_) {
    fail(error, profile_, port);
  }
  save();
}

bool ToxHost::connected() const noexcept {
  return tox_self_get_connection_status(tox_.get()) != TOX_CONNECTION_NONE;
}

void ToxHost::save() const {
  WipedBytes data(tox_get_savedata_size(tox_.get()));
  tox_get_savedata(tox_.get(), data.data());
  replace_file(profile_, data);
}

}  // namespace toxasync::daemon
