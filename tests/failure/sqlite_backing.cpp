// SPDX-License-Identifier: GPL-3.0-or-later
#include <poll.h>

#include <map>
#include <stdexcept>
#include <utility>

#include "backing.hpp"
#include "store/sqlite/sqlite_state.hpp"
#include "store/sqlite/sqlite_store.hpp"
#include "tests/crash/disk.hpp"

namespace toxasync::failure {

namespace {

using crash::Disk;

constexpr int patience_ms = 60'000;  // Of real time, for a thread that writes to memory.

class WaitingState final : public store::StateStore {
 public:
  explicit WaitingState(std::unique_ptr<store::SqliteState> inner) noexcept : inner_(std::move(inner)) {}

  std::vector<store::StateEntry> load() override { return inner_->load(); }
  void commit(store::StateBatch batch, Done done) override {
    inner_->commit(std::move(batch), std::move(done));
    if (!inner_->flush(milliseconds(patience_ms))) {
      throw std::runtime_error("the state does not answer");
    }
  }
  std::size_t poll() override { return inner_->poll(); }
  bool flush(milliseconds timeout) override { return inner_->flush(timeout); }
  [[nodiscard]] int wake_fd() const noexcept override { return inner_->wake_fd(); }

 private:
  std::unique_ptr<store::SqliteState> inner_;
};

/// Remembers what it has confirmed.
class WaitingStore final : public store::Store, private store::StoreListener {
 public:
  explicit WaitingStore(std::unique_ptr<store::SqliteStore> inner) noexcept : inner_(std::move(inner)) {}

  void put(store::Token token, const store::Box& box, const store::RecordId& id, ByteView value,
           UnixTime expires_at, UnixTime now) override {
    asked_[token] = {box, id, Bytes(value.begin(), value.end()), expires_at, now};
    inner_->put(token, box, id, value, expires_at, now);
    ++queued_;
  }
  void list(store::Token token, const store::Mailbox& mailbox, std::span<const store::BoxTag> boxes,
            std::uint64_t after, const store::ListLimits& limits, UnixTime now) override {
    inner_->list(token, mailbox, boxes, after, limits, now);
    ++queued_;
  }
  void remove(store::Token token, const store::Mailbox& mailbox,
              std::span<const store::RecordId> ids) override {
    for (const auto& id : ids) {
      confirmed_.erase({mailbox, id});  // Perhaps not removed; nothing is promised of it any more.
    }
    inner_->remove(token, mailbox, ids);
    ++queued_;
  }
  void cancel(store::Token token, const store::Mailbox& mailbox, const store::RecordId& id,
              const store::Commitment& commitment) override {
    confirmed_.erase({mailbox, id});
    inner_->cancel(token, mailbox, id, commitment);
    ++queued_;
  }
  void expire(UnixTime now, std::size_t max_rows) override { inner_->expire(now, max_rows); }
  void set_capacity(std::uint64_t bytes) override { inner_->set_capacity(bytes); }
  [[nodiscard]] store::StoreStats stats() const override { return inner_->stats(); }
  void submit() override {
    inner_->submit();
    waiting_ += std::exchange(queued_, 0);
  }
  std::size_t poll(store::StoreListener& listener) override {
    listener_ = &listener;
    while (waiting_ > 0) {
      pollfd done{inner_->wake_fd(), POLLIN, 0};
      if (::poll(&done, 1, patience_ms) != 1) {
        throw std::runtime_error("a store does not answer");
      }
      waiting_ -= inner_->poll(*this);
    }
    return 0;
  }
  [[nodiscard]] int wake_fd() const noexcept override { return inner_->wake_fd(); }

  /// Puts all of it again: what is there is a duplicate.
  std::size_t lost() {
    const auto confirmed = confirmed_;
    lost_ = 0;
    looking_ = true;
    store::Token token = 0;
    for (const auto& [key, record] : confirmed) {
      put(++token, record.box, record.id, record.value, record.expires_at, record.now);
    }
    submit();
    poll(*this);
    looking_ = false;
    return lost_;
  }

 private:
  struct Record {
    store::Box box{};
    store::RecordId id{};
    Bytes value;
    UnixTime expires_at{};
    UnixTime now{};
  };

  void on_put(store::Token token, const store::PutResult& result) noexcept override {
    const bool there =
        result.status == store::PutStatus::stored || result.status == store::PutStatus::duplicate;
    if (looking_) {
      lost_ += result.status == store::PutStatus::duplicate ? 0 : 1;
      return;
    }
    Record& record = asked_[token];
    if (there) {
      confirmed_[{record.box.mailbox, record.id}] = record;
    }
    asked_.erase(token);
    listener_->on_put(token, result);
  }
  void on_list(store::Token token, store::ListResult&& result) noexcept override {
    listener_->on_list(token, std::move(result));
  }
  void on_remove(store::Token token, const store::RemoveResult& result) noexcept override {
    listener_->on_remove(token, result);
  }
  void on_cancel(store::Token token, store::CancelStatus status) noexcept override {
    listener_->on_cancel(token, status);
  }
  void on_expired(bool more) noexcept override {
    if (!looking_) {
      listener_->on_expired(more);
    }
  }

  std::unique_ptr<store::SqliteStore> inner_;
  store::StoreListener* listener_ = nullptr;
  std::size_t queued_ = 0;
  std::size_t waiting_ = 0;  ///< Submitted.
  std::map<store::Token, Record> asked_;
  std::map<std::pair<store::Mailbox, store::RecordId>, Record> confirmed_;
  bool looking_ = false;
  std::size_t lost_ = 0;
};

class SqliteBacking final : public Backing {
 public:
  store::StateStore* open_state(test::User& user, std::size_t number) override {
    store::SqliteStateOptions options;
    options.vfs = Disk::vfs;
    options.wal_autocheckpoint_pages = 30;
    auto opened = store::SqliteState::open(Disk::path("user" + std::to_string(number)), user.secret, options,
                                           Telemetry(user.metrics, user.log), *user.random);
    if (!opened) {
      return nullptr;
    }
    return (states_[number] = std::make_unique<WaitingState>(std::move(*opened))).get();
  }
  void close_state(std::size_t number) override { states_.erase(number); }
  store::Store& open_store(test::StorageNode& node, std::size_t number) override {
    store::SqliteStoreOptions options;
    options.vfs = Disk::vfs;
    options.wal_autocheckpoint_pages = 30;
    auto opened = store::SqliteStore::open(Disk::path("node" + std::to_string(number)), {}, options,
                                           Telemetry(node.metrics, node.log), node.random);
    if (!opened) {
      throw std::runtime_error("a node's store cannot be opened");
    }
    stores_.push_back(std::make_unique<WaitingStore>(std::move(*opened)));
    return *stores_.back();
  }
  std::size_t lost_by_nodes() override {
    std::size_t lost = 0;
    for (const auto& store : stores_) {
      lost += store->lost();
    }
    return lost;
  }

 private:
  std::map<std::size_t, std::unique_ptr<WaitingState>> states_;
  std::vector<std::unique_ptr<WaitingStore>> stores_;
};

}  // namespace

std::unique_ptr<Backing> sqlite_backing() {
  return std::make_unique<SqliteBacking>();
}

}  // namespace toxasync::failure
