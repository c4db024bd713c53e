// SPDX-License-Identifier: GPL-3.0-or-later
#include <algorithm>
#include <cstdlib>

#include "plugin/state_path.hpp"
#include "plugin/tox_async_impl.hpp"
#include "plugin/transport/open_transport.hpp"

using namespace toxasync;

namespace {

constexpr std::uint32_t max_interval_ms = 50;  // As toxcore's.
constexpr milliseconds min_poll_interval = 100ms;
constexpr milliseconds min_receipt_delay = 100ms;
constexpr milliseconds nospam_check_interval = 1s;

// A client's own node is a small one, on a machine that has other things to do.
constexpr std::size_t max_remembered_strangers = 1024;
constexpr milliseconds expiry_interval = 1min;

static_assert(TOX_ASYNC_MESSAGE_ID_SIZE == sizeof(crypto::MessageId));
static_assert(TOX_ASYNC_NODE_ID_SIZE == sizeof(protocol::NodeId));
static_assert(TOX_ASYNC_MAX_MESSAGE_LENGTH == limits::message_text);
static_assert(TOX_ASYNC_MAX_NODES == limits::home_nodes);

static_assert(static_cast<int>(manager::MessageState::queued) == TOX_ASYNC_MESSAGE_STATE_QUEUED &&
              static_cast<int>(manager::MessageState::stored) == TOX_ASYNC_MESSAGE_STATE_STORED &&
              static_cast<int>(manager::MessageState::delivered) == TOX_ASYNC_MESSAGE_STATE_DELIVERED &&
              static_cast<int>(manager::MessageState::expired) == TOX_ASYNC_MESSAGE_STATE_EXPIRED &&
              static_cast<int>(manager::MessageState::cancelled) == TOX_ASYNC_MESSAGE_STATE_CANCELLED &&
              static_cast<int>(manager::MessageState::failed) == TOX_ASYNC_MESSAGE_STATE_FAILED);
static_assert(static_cast<int>(manager::FailReason::none) == TOX_ASYNC_FAIL_REASON_NONE &&
              static_cast<int>(manager::FailReason::disk) == TOX_ASYNC_FAIL_REASON_DISK &&
              static_cast<int>(manager::FailReason::friend_removed) == TOX_ASYNC_FAIL_REASON_FRIEND_REMOVED);

Tox_Err_Async_New from_open_error(store::OpenError error) noexcept {
  return static_cast<Tox_Err_Async_New>(TOX_ERR_ASYNC_NEW_STATE_DIRECTORY_MISSING + static_cast<int>(error));
}

crypto::Secret<32> tox_secret_key(const Tox* tox) {
  crypto::Wiped<32> bytes;
  tox_self_get_secret_key(tox, bytes.data());
  return crypto::Secret<32>::copy_of(bytes);
}

Tox_Err_Async_New check_options(const Tox_Async_Options& options, const Telemetry& telemetry) {
  const char* error = nullptr;
  if (options.poll_interval < min_poll_interval) {
    error = "the poll interval must be at least 100 ms";
  } else if (options.receipt_delay < min_receipt_delay) {
    error = "the receipt delay must be at least 100 ms";
  } else if (!limits::is_time_to_live(options.time_to_live)) {
    error = "the time to live must be 86400, 259200, 604800 or 1209600 s";
  } else if (options.transport < TOX_ASYNC_TRANSPORT_AUTO ||
             options.transport > TOX_ASYNC_TRANSPORT_COURIER) {
    error = "the transport must be auto, dispatcher, udp or courier";
  }
  if (error == nullptr) {
    return TOX_ERR_ASYNC_NEW_OK;
  }
  telemetry.log(LogLevel::error, "options", error);
  return TOX_ERR_ASYNC_NEW_OPTION;
}

Tox_Err_Async_New build(std::unique_ptr<Tox_Async>& async, Tox* tox, const Tox_Async_Options& options) {
  if (tox == nullptr) {
    return TOX_ERR_ASYNC_NEW_NULL;
  }
  if (!tox_async_enabled(&options)) {
    return TOX_ERR_ASYNC_NEW_DISABLED;
  }
  if (ToxcoreFriends::is_attached(tox)) {
    return TOX_ERR_ASYNC_NEW_EXISTS;
  }
  if (!crypto::initialise()) {
    return TOX_ERR_ASYNC_NEW_CRYPTO;
  }
  async = std::make_unique<Tox_Async>(options);
  Tox_Err_Async_New failed = check_options(options, async->telemetry);
  if (failed != TOX_ERR_ASYNC_NEW_OK) {
    return failed;
  }
  auto transport = open_transport(tox, options, async->random, async->telemetry);
  if (!transport) {
    return transport.error();
  }
  async->transport = std::move(*transport);
  failed = async->open_state(tox, options);
  if (failed == TOX_ERR_ASYNC_NEW_OK) {
    async->start_manager(tox, options);
    async->join_storage_nodes(tox, options);
  }
  return failed;
}

}  // namespace

Tox_Async::~Tox_Async() {
  if (friends) {
    friends->set_listener(nullptr);
  }
}

Tox_Err_Async_New Tox_Async::open_state(const Tox* tox, const Tox_Async_Options& options) {
  const crypto::Secret<32> secret = tox_secret_key(tox);
  const auto path = state_path(options.state_path, options.data_directory, secret);
  if (!path) {
    if (path.error() == StatePathError::none) {
      return TOX_ERR_ASYNC_NEW_STATE_PATH;
    }
    return path.error() == StatePathError::not_writable ? TOX_ERR_ASYNC_NEW_STATE_NOT_WRITABLE
                                                        : TOX_ERR_ASYNC_NEW_STATE_DIRECTORY_MISSING;
  }
  const crypto::Wiped<32> key(crypto::h256(secret.view(), {as_bytes("toxasync/1 state")}));
  auto opened = store::SqliteState::open(*path, key, {}, telemetry, random);
  if (!opened) {
    telemetry.log(LogLevel::error, "state", describe(opened.error()));
    telemetry.log(LogLevel::debug, "state", "state file: " + path->string());
    return from_open_error(opened.error());
  }
  state = std::move(*opened);
  directory = path->has_parent_path() ? path->parent_path() : ".";
  return TOX_ERR_ASYNC_NEW_OK;
}

void Tox_Async::start_manager(Tox* tox, const Tox_Async_Options& options) {
  const auto callback = options.take_packet_callback ? ToxcoreFriends::PacketCallback::take
                                                     : ToxcoreFriends::PacketCallback::leave;
  friends = std::make_unique<ToxcoreFriends>(tox, callback, telemetry);
  manager::ManagerConfig config;
  config.allow_local_addresses = options.allow_local_addresses;
  config.poll_interval = options.poll_interval;
  config.push = options.push;
  config.public_mailbox = options.offline_requests;
  config.receipt_delay = options.receipt_delay;
  config.ttl = options.time_to_live;
  manager = std::make_unique<manager::Manager>(crypto::KeyPair::from_secret(tox_secret_key(tox)),
                                               transport->transport(), *friends, *state, clock, random,
                                               telemetry, *this, config);
  friends->set_listener(manager.get());
  this->tox = tox;
}

void Tox_Async::join_storage_nodes(const Tox* tox, const Tox_Async_Options& options) {
  NodeFinder* const finder = transport->node_finder();
  if (finder == nullptr) {
    return;
  }
  manager->find_nodes(*finder);
  const char* const variable = std::getenv("TOX_ASYNC_NODE");
  if (!options.node_enabled || (variable != nullptr && std::string_view(variable) == "0")) {
    return;
  }
  own_node = OwnNode::open(directory, tox_secret_key(tox), telemetry, random, clock.now().unix_time());
  if (!own_node) {
    return;
  }
  node::NodeConfig config;  // Without addresses: a client does not know its public address.
  config.capacity_bytes = own_node->capacity_bytes();
  config.sources = max_remembered_strangers;
  config.sessions = max_remembered_strangers;
  config.networks = max_remembered_strangers;
  config.deposits = max_remembered_strangers;
  config.expire_every = expiry_interval;
  manager->serve(own_node->store(), own_node->keys(), std::move(config));
  telemetry.log(LogLevel::info, "node",
                "this client is a storage node and keeps up to " +
                    std::to_string(own_node->capacity_bytes() >> 20) + " MiB of messages for others");
}

void Tox_Async::iterate(void* client_data) {
  user_data = client_data;
  log.flush();
  const SteadyTime now = clock.now().steady;
  if (now >= next_nospam_check) {
    next_nospam_check = now + nospam_check_interval;
    check_nospam();
  }
  friends->poll(now);
  transport->poll();
  manager->tick();
}

bool tox_async_enabled(const Tox_Async_Options* options) {
  const char* const variable = std::getenv("TOX_ASYNC");
  return (options != nullptr && options->enabled) ||
         (variable != nullptr && std::string_view(variable) == "1");
}

Tox_Async* tox_async_new(Tox* tox, const Tox_Async_Options* options, Tox_Err_Async_New* error) {
  std::unique_ptr<Tox_Async> async;
  const auto failed = guarded(TOX_ERR_ASYNC_NEW_MALLOC, [&] {
    return build(async, tox, options != nullptr ? *options : Tox_Async_Options{});
  });
  set_error(error, failed);
  if (failed != TOX_ERR_ASYNC_NEW_OK) {
    const LogSink::CallScope call;
    async.reset();
  }
  return async.release();
}

void tox_async_kill(Tox_Async* async) {
  const LogSink::CallScope call;
  delete async;
}

void tox_async_iterate(Tox_Async* async, void* user_data) {
  if (async == nullptr || async->iterating) {
    return;
  }
  async->iterating = true;
  guarded(false, [&] {
    async->iterate(user_data);
    return true;
  });
  async->iterating = false;
}

uint32_t tox_async_iteration_interval(const Tox_Async* async) {
  if (async == nullptr) {
    return max_interval_ms;
  }
  return guarded(max_interval_ms, [&] {
    const SteadyTime now = async->clock.now().steady;
    const SteadyTime next = async->manager->next_deadline();
    if (next <= now || async->transport->has_received()) {
      return std::uint32_t{1};
    }
    return static_cast<std::uint32_t>(std::min(next - now, milliseconds(max_interval_ms)).count());
  });
}

bool tox_async_flush(Tox_Async* async, uint32_t timeout_ms) {
  return guarded(false, [&] { return async->state->flush(milliseconds(timeout_ms)); });
}

uint32_t tox_async_version_major(void) {
  return TOX_ASYNC_VERSION_MAJOR;
}
uint32_t tox_async_version_minor(void) {
  return TOX_ASYNC_VERSION_MINOR;
}
uint32_t tox_async_version_patch(void) {
  return TOX_ASYNC_VERSION_PATCH;
}

bool tox_async_version_is_compatible(uint32_t major, uint32_t minor, uint32_t patch) {
  // Before 1.0 the minor version counts like a major one, as in c-toxcore.
  return major == TOX_ASYNC_VERSION_MAJOR && minor == TOX_ASYNC_VERSION_MINOR &&
         patch <= TOX_ASYNC_VERSION_PATCH;
}
