// SPDX-License-Identifier: GPL-3.0-or-later
#include "instances.hpp"

#include <algorithm>
#include <fstream>
#include <utility>

#include "adapters/addresses/node_address.hpp"
#include "disk_gate.hpp"

namespace toxasync::live {

namespace fs = std::filesystem;

namespace {

constexpr milliseconds introduction_interval = 5s;
// Shorter than a user would have them, so that virtual minutes are enough.
constexpr std::uint32_t poll_interval_ms = 5'000;
constexpr std::uint32_t receipt_delay_ms = 2'000;
constexpr std::uint32_t patience_ms = 3'600'000;  // For the disk; virtual time stands still meanwhile.

std::string address_of(std::uint32_t host) {
  const std::string endpoint = format_endpoint(test::ipv4(host));
  return endpoint.substr(0, endpoint.find(':'));
}

ToxPointer make_tox(ByteView savedata) {
  const std::unique_ptr<struct Tox_Options, decltype(&tox_options_free)> options(tox_options_new(nullptr),
                                                                                 tox_options_free);
  tox_options_set_ipv6_enabled(options.get(), false);
  tox_options_set_local_discovery_enabled(options.get(), false);
  tox_options_set_start_port(options.get(), Peer::port);
  tox_options_set_end_port(options.get(), Peer::port);
  if (!savedata.empty()) {
    tox_options_set_savedata_type(options.get(), TOX_SAVEDATA_TYPE_TOX_SAVE);
    tox_options_set_savedata_data(options.get(), savedata.data(), savedata.size());
  }
  Tox_Err_New failed = TOX_ERR_NEW_OK;
  ToxPointer tox(tox_new(options.get(), &failed), tox_kill);
  if (!tox) {
    throw std::runtime_error("tox_new failed: " + std::to_string(failed));
  }
  return tox;
}

bool is_introduced(const Tox& tox) {
  return tox_self_get_connection_status(&tox) != TOX_CONNECTION_NONE;
}

}  // namespace

void Program::run() {
  machine_.act_as(host_);
  next_ = turn();
}

// --- Peer ---

Peer::Peer(Machine& machine, std::uint32_t host) : Program(machine, host), tox_(nullptr, tox_kill) {
  machine.act_as(host);
  tox_ = make_tox({});
}

void Peer::introduce(Tox& tox) const {
  ByteArray<TOX_PUBLIC_KEY_SIZE> key;
  tox_self_get_dht_id(tox_.get(), key.data());
  if (!tox_bootstrap(&tox, address_of(host()).c_str(), port, key.data(), nullptr)) {
    throw std::runtime_error("tox_bootstrap failed");
  }
}

SteadyTime Peer::turn() {
  if (other_ != nullptr && now() >= next_introduction_ && !is_introduced(*tox_)) {
    next_introduction_ = now() + introduction_interval;
    other_->introduce(*tox_);
  }
  tox_iterate(tox_.get(), nullptr);
  return now() + milliseconds(tox_iteration_interval(tox_.get()));
}

// --- StorageNode ---

StorageNode::StorageNode(Machine& machine, std::uint32_t host)
    : Program(machine, host),
      keys_(node::NodeKeys::ephemeral(random_, clock_.now().unix_time())),
      node_(store_, keys_, random_, Telemetry(metrics_, log_), {}, clock_.now()) {
  machine.act_as(host);
  auto opened = UdpTransport::open(io_, {{}, Peer::port}, Telemetry(metrics_, log_));
  if (!opened) {
    throw std::runtime_error("no UDP transport: " + opened.error().message());
  }
  transport_ = std::move(*opened);
  transport_->set_receiver(this);
}

std::string StorageNode::address_line() const {
  return format_node_address({keys_.id(), {test::ipv4(host())}});
}

SteadyTime StorageNode::turn() {
  transport_->poll();
  node_.tick(clock_.now());
  const Now now = clock_.now();
  return this->now() + std::max(node_.next_deadline() - now.steady, milliseconds(1));
}

void StorageNode::on_packet(const Route& from, ByteView packet) noexcept {
  node_.on_packet(*transport_, from, packet, clock_.now());
}

// --- Client ---

Client::Client(Machine& machine, std::uint32_t host, std::string name, fs::path directory, Ledger& ledger,
               const std::vector<std::unique_ptr<Peer>>& peers)
    : Program(machine, host),
      name_(std::move(name)),
      directory_(std::move(directory)),
      ledger_(ledger),
      peers_(peers) {
  fs::create_directories(directory_);
  start(host);
  tox_self_get_public_key(tox_.get(), key_.data());
}

Client::~Client() {
  machine_.settle([this] { async_.reset(); });
}

void Client::start(std::uint32_t host) {
  host_ = host;
  machine_.act_as(host);
  tox_ = make_tox(savedata_);
  const std::uint64_t threads = DiskGate::threads_so_far();
  machine_.settle([this] { start_toxasync(); });
  DiskGate::await_threads(threads + 1);
  wait_for_disk();
  next_ = now();
  next_introduction_ = now();
}

void Client::start_toxasync() {
  const std::unique_ptr<Tox_Async_Options, decltype(&tox_async_options_free)> options(
      tox_async_options_new(nullptr), tox_async_options_free);
  tox_async_options_set_enabled(options.get(), true);
  tox_async_options_set_transport(options.get(), TOX_ASYNC_TRANSPORT_UDP);
  tox_async_options_set_allow_local_addresses(options.get(), true);
  tox_async_options_set_state_path(options.get(), (directory_ / "state.db").c_str());
  tox_async_options_set_poll_interval(options.get(), poll_interval_ms);
  tox_async_options_set_receipt_delay(options.get(), receipt_delay_ms);
  Tox_Err_Async_New failed = TOX_ERR_ASYNC_NEW_OK;
  async_.reset(tox_async_new(tox_.get(), options.get(), &failed));
  if (!async_) {
    throw Broken(name_ + " cannot start: " + tox_err_async_new_to_string(failed));
  }
  tox_async_callback_message(async_.get(), on_message);
  tox_async_callback_message_state(async_.get(), on_state);
}

void Client::kill() {
  const fs::path left = directory_.string() + ".left";
  fs::copy(directory_, left);
  savedata_.resize(tox_get_savedata_size(tox_.get()));
  tox_get_savedata(tox_.get(), savedata_.data());
  for (std::uint32_t i = 0; i < tox_async_stats_get_count(); ++i) {
    counted_[tox_async_stats_get_name(i)] += tox_async_stats_get_value(async_.get(), i);
  }
  machine_.settle([this] { async_.reset(); });
  tox_.reset();
  fs::remove_all(directory_);
  fs::rename(left, directory_);
}

void Client::befriend(const Client& other) {
  const std::uint32_t number = tox_friend_add_norequest(tox_.get(), other.key_.data(), nullptr);
  if (number == UINT32_MAX) {
    throw std::runtime_error("tox_friend_add_norequest failed");
  }
  friends_[number] = other.name_;
}

void Client::add_node(const StorageNode& node) {
  if (!tox_async_node_add(async_.get(), node.address_line().c_str(), nullptr)) {
    throw std::runtime_error("tox_async_node_add failed");
  }
  wait_for_disk();
}

std::uint32_t Client::number_of(const Client& other) const {
  return tox_friend_by_public_key(tox_.get(), other.key_.data(), nullptr);
}

bool Client::ready_for(const Client& other) const {
  return running() && tox_async_friend_ready(async_.get(), number_of(other));
}

bool Client::sees(const Client& other) const {
  return running() &&
         tox_friend_get_connection_status(tox_.get(), number_of(other), nullptr) != TOX_CONNECTION_NONE;
}

void Client::send(const Client& other, std::string text) {
  Bytes id(TOX_ASYNC_MESSAGE_ID_SIZE);
  Tox_Err_Async_Friend_Send_Message failed = TOX_ERR_ASYNC_FRIEND_SEND_MESSAGE_OK;
  tox_async_friend_send_message(async_.get(), number_of(other), TOX_MESSAGE_TYPE_NORMAL,
                                reinterpret_cast<const std::uint8_t*>(text.data()), text.size(), id.data(),
                                &failed);
  if (failed != TOX_ERR_ASYNC_FRIEND_SEND_MESSAGE_OK) {
    throw Broken(name_ + " cannot send: " + tox_err_async_friend_send_message_to_string(failed));
  }
  ledger_.on_sent({name_, other.name_}, std::move(text), std::move(id));
  wait_for_disk();
}

std::uint64_t Client::count(const char* counter) const {
  std::uint64_t now = 0;
  if (async_) {
    tox_async_stats_find(async_.get(), counter, &now);
  }
  const auto before = counted_.find(counter);
  return now + (before == counted_.end() ? 0 : before->second);
}

SteadyTime Client::turn() {
  if (now() >= next_introduction_ && !is_introduced(*tox_)) {
    next_introduction_ = now() + introduction_interval;
    std::ranges::for_each(peers_, [this](const auto& peer) { peer->introduce(*tox_); });
  }
  tox_iterate(tox_.get(), nullptr);
  tox_async_iterate(async_.get(), this);
  wait_for_disk();
  return now() + milliseconds(std::min(tox_iteration_interval(tox_.get()),
                                       tox_async_iteration_interval(async_.get())));
}

void Client::wait_for_disk() {
  machine_.settle([this] {
    if (!tox_async_flush(async_.get(), patience_ms)) {
      throw std::runtime_error("the disk is not done");
    }
  });
}

void Client::on_message(Tox_Async* /*async*/, std::uint32_t friend_number, Tox_Message_Type /*type*/,
                        const std::uint8_t* message, std::size_t length, std::uint64_t /*sent_at_ms*/,
                        const std::uint8_t* /*message_id*/, bool late, void* self) {
  const auto& client = *static_cast<const Client*>(self);
  client.ledger_.on_shown({client.friends_.at(friend_number), client.name_},
                          std::string(message, message + length), late);
}

void Client::on_state(Tox_Async* /*async*/, const std::uint8_t* message_id, std::uint32_t /*friend_number*/,
                      Tox_Async_Message_State state, std::uint8_t /*stored*/, std::uint8_t /*wanted*/,
                      Tox_Async_Fail_Reason /*reason*/, void* self) {
  static_cast<const Client*>(self)->ledger_.on_state(
      Bytes(message_id, message_id + TOX_ASYNC_MESSAGE_ID_SIZE), state);
}

}  // namespace toxasync::live
