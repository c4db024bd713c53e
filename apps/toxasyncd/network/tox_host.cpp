// SPDX-License-Identifier: GPL-3.0-or-later
#include "network/tox_host.hpp"

#include <new>
#include <string>
#include <utility>

#include "crypto/symmetric.hpp"
#include "process/data_directory.hpp"
#include "process/startup_error.hpp"
#include "protocol/node_friend.hpp"

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

[[noreturn]] void fail(Tox_Err_New error, const std::filesystem::path& profile,
                       const ToxHostOptions& options) {
  switch (error) {
    case TOX_ERR_NEW_PORT_ALLOC: {
      const std::string tcp =
          options.tcp_port != 0 ? " or --tcp-port " + std::to_string(options.tcp_port) : std::string();
      throw StartupError(
          ExitCode::port,
          "--tox-port " + std::to_string(options.udp_port) + tcp +
              ": cannot bind: address already in use, or permission denied; choose another port");
    }
    case TOX_ERR_NEW_LOAD_ENCRYPTED:
    case TOX_ERR_NEW_LOAD_BAD_FORMAT:
      throw StartupError(ExitCode::data_directory, profile.string() +
                                                       ": not a Tox profile, or damaged: restore it from a "
                                                       "backup, or move it away (the node's address "
                                                       "line stays the same: it depends on node.key only)");
    case TOX_ERR_NEW_MALLOC:
      throw std::bad_alloc();
    default:
      throw StartupError(ExitCode::failure, "libtoxcore cannot start (Tox_Err_New " +
                                                std::to_string(static_cast<int>(error)) +
                                                "): try --tox-port 0 to serve on --udp-port only");
  }
}

}  // namespace

ToxHost::ToxHost(std::filesystem::path profile, const crypto::SigningKey& identity,
                 const ToxHostOptions& options)
    : profile_(std::move(profile)) {
  const crypto::KeyPair key = crypto::KeyPair::from_secret(identity.x25519_secret());
  const WipedBytes saved(read_file(profile_).value_or(Bytes()));
  if (!saved.empty()) {
    tox_ = start(options, TOX_SAVEDATA_TYPE_TOX_SAVE, saved);
    crypto::Point has{};
    tox_self_get_public_key(tox_.get(), has.data());
    if (has != key.public_key) {
      tox_.reset();  // Frees the port for an instance with the node's key.
    }
  }
  if (!tox_) {
    tox_ = start(options, TOX_SAVEDATA_TYPE_SECRET_KEY, key.secret.view());
  }
  tox_self_set_nospam(tox_.get(), protocol::node_nospam);
  save();
}

std::unique_ptr<Tox, ToxHost::Kill> ToxHost::start(const ToxHostOptions& options, Tox_Savedata_Type type,
                                                   ByteView data) const {
  const std::unique_ptr<Tox_Options, FreeOptions> tox_options(tox_options_new(nullptr));
  if (!tox_options) {
    throw std::bad_alloc();
  }
  tox_options_set_savedata_type(tox_options.get(), type);
  tox_options_set_savedata_data(tox_options.get(), data.data(), data.size());
  tox_options_set_udp_enabled(tox_options.get(), true);
  tox_options_set_ipv6_enabled(tox_options.get(), options.ipv6);
  tox_options_set_start_port(tox_options.get(), options.udp_port);
  tox_options_set_end_port(tox_options.get(), options.udp_port);
  tox_options_set_tcp_port(tox_options.get(), options.tcp_port);
  tox_options_set_local_discovery_enabled(tox_options.get(), false);
  Tox_Err_New error = TOX_ERR_NEW_OK;
  std::unique_ptr<Tox, Kill> tox(tox_new(tox_options.get(), &error));
  if (!tox) {
    fail(error, profile_, options);
  }
  return tox;
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
