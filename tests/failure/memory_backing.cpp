// SPDX-License-Identifier: GPL-3.0-or-later
#include <map>
#include <utility>

#include "backing.hpp"

namespace toxasync::failure {

namespace {

void allocate_a_job() {
  static_cast<void>(std::make_unique<std::uint64_t>());
}

class TestState final : public store::StateStore {
 public:
  explicit TestState(const std::unique_ptr<store::MemoryState>& inner) noexcept : inner_(inner) {}

  std::vector<store::StateEntry> load() override {
    allocate_a_job();
    const test::TestCode test;
    return inner_->load();
  }
  void commit(store::StateBatch batch, Done done) override {
    allocate_a_job();
    const test::TestCode test;
    inner_->commit(std::move(batch), [done = std::move(done)](bool durable) {
      const test::ProductCode product;
      if (done) {
        done(durable);
      }
    });
  }
  std::size_t poll() override {
    const test::TestCode test;
    return inner_->poll();
  }
  bool flush(milliseconds timeout) override { return inner_->flush(timeout); }
  [[nodiscard]] int wake_fd() const noexcept override { return -1; }

 private:
  const std::unique_ptr<store::MemoryState>& inner_;
};

class TestStore final : public store::Store {
 public:
  explicit TestStore(store::Store& inner) noexcept : inner_(inner) {}

  void put(store::Token token, const store::Box& box, const store::RecordId& id, ByteView value,
           UnixTime expires_at, UnixTime now) override {
    allocate_a_job();
    const test::TestCode test;
    inner_.put(token, box, id, value, expires_at, now);
  }
  void list(store::Token token, const store::Mailbox& mailbox, std::span<const store::BoxTag> boxes,
            std::uint64_t after, const store::ListLimits& limits, UnixTime now) override {
    allocate_a_job();
    const test::TestCode test;
    inner_.list(token, mailbox, boxes, after, limits, now);
  }
  void remove(store::Token token, const store::Mailbox& mailbox,
              std::span<const store::RecordId> ids) override {
    allocate_a_job();
    const test::TestCode test;
    inner_.remove(token, mailbox, ids);
  }
  void cancel(store::Token token, const store::Mailbox& mailbox, const store::RecordId& id,
              const store::Commitment& commitment) override {
    allocate_a_job();
    const test::TestCode test;
    inner_.cancel(token, mailbox, id, commitment);
  }
  void expire(UnixTime now, std::size_t max_rows) override {
    const test::TestCode test;
    inner_.expire(now, max_rows);
  }
  void set_capacity(std::uint64_t bytes) override { inner_.set_capacity(bytes); }
  [[nodiscard]] store::StoreStats stats() const override { return inner_.stats(); }
  void submit() override {
    const test::TestCode test;
    inner_.submit();
  }
  std::size_t poll(store::StoreListener& listener) override {
    const test::TestCode test;
    ProductListener product(listener);
    return inner_.poll(product);
  }
  [[nodiscard]] int wake_fd() const noexcept override { return -1; }

 private:
  class ProductListener final : public store::StoreListener {
   public:
    explicit ProductListener(store::StoreListener& listener) noexcept : listener_(listener) {}
    void on_put(store::Token token, const store::PutResult& result) noexcept override {
      const test::ProductCode product;
      listener_.on_put(token, result);
    }
    void on_list(store::Token token, store::ListResult&& result) noexcept override {
      const test::ProductCode product;
      listener_.on_list(token, std::move(result));
    }
    void on_remove(store::Token token, const store::RemoveResult& result) noexcept override {
      const test::ProductCode product;
      listener_.on_remove(token, result);
    }
    void on_cancel(store::Token token, store::CancelStatus status) noexcept override {
      const test::ProductCode product;
      listener_.on_cancel(token, status);
    }
    void on_expired(bool more) noexcept override {
      const test::ProductCode product;
      listener_.on_expired(more);
    }

   private:
    store::StoreListener& listener_;
  };

  store::Store& inner_;
};

class MemoryBacking final : public Backing {
 public:
  store::StateStore* open_state(test::User& user, std::size_t number) override {
    return &states_.try_emplace(number, user.state).first->second;
  }
  void close_state(std::size_t /*number*/) override {}
  store::Store& open_store(test::StorageNode& node, std::size_t number) override {
    return stores_.try_emplace(number, node.store).first->second;
  }

 private:
  std::map<std::size_t, TestState> states_;
  std::map<std::size_t, TestStore> stores_;
};

}  // namespace

std::unique_ptr<Backing> memory_backing() {
  return std::make_unique<MemoryBacking>();
}

}  // namespace toxasync::failure
