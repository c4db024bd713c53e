// SPDX-License-Identifier: GPL-3.0-or-later
#include "store/postgres/postgres_store.hpp"

#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <exception>
#include <set>
#include <system_error>
#include <utility>
#include <variant>
#include <vector>

#include "crypto/symmetric.hpp"

namespace toxasync::store {
namespace {

class PostgresJob final : public Job {
 public:
  explicit PostgresJob(StoreOperation&& operation) noexcept : operation_(std::move(operation)) {}

  void fail(JobFailure why) noexcept override {
    std::visit([why](auto& what) { what.fail(why); }, operation_);
  }
  bool deliver(StoreListener& listener) {
    return std::visit([&listener](auto& what) { return what.deliver(listener); }, operation_);
  }
  [[nodiscard]] StoreOperation& operation() noexcept { return operation_; }

 private:
  StoreOperation operation_;
};

WorkerOptions worker_options(const StoreLimits& limits) {
  WorkerOptions options;
  options.queue_bytes = limits.queue_bytes;
  return options;
}

/// Decides where one transaction ends and the next one begins.
class Slicer {
 public:
  /// True: `next` must not be in the same transaction. Lists are read after its writes, so nothing that
  /// follows them may change what they show.
  bool parts(const StoreOperation& next) {
    const bool alone = std::holds_alternative<ExpireOperation>(next);
    const Mailbox* mailbox = nullptr;
    bool lists = false;
    if (const auto* put = std::get_if<PutOperation>(&next)) {
      mailbox = &put->box.mailbox;
    } else if (const auto* remove = std::get_if<RemoveOperation>(&next)) {
      mailbox = &remove->mailbox;
    } else if (const auto* cancel = std::get_if<CancelOperation>(&next)) {
      mailbox = &cancel->mailbox;
    } else if (const auto* list = std::get_if<ListOperation>(&next)) {
      mailbox = &list->mailbox;
      lists = true;
    }
    const bool parted =
        !empty_ && (alone || after_alone_ || (!lists && mailbox != nullptr && listed_.contains(*mailbox)));
    if (parted) {
      listed_.clear();
    }
    if (lists) {
      listed_.insert(*mailbox);
    }
    empty_ = false;
    after_alone_ = alone;
    return parted;
  }

 private:
  std::set<Mailbox> listed_;
  bool empty_ = true;
  bool after_alone_ = false;
};

}  // namespace

Result<std::unique_ptr<PostgresStore>, std::string> PostgresStore::open(const std::string& url,
                                                                        const StoreLimits& limits,
                                                                        const PostgresStoreOptions& options,
                                                                        const Telemetry& telemetry,
                                                                        Random& random) {
  const int stop_fd = crypto::initialise() ? ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK) : -1;
  if (stop_fd < 0) {
    return std::string(
        "the system provides no random numbers, or too many files are open (raise LimitNOFILE)");
  }
  auto store =
      std::unique_ptr<PostgresStore>(new PostgresStore(url, limits, options, telemetry, random, stop_fd));
  if (auto why = store->table_.open()) {
    return std::move(*why);
  }
  try {
    PostgresStore* const self = store.get();
    store->queue_.start({[self](JobList& group) { self->process(group); }, [](bool /*idle*/) {}});
  } catch (const std::system_error&) {
    return std::string("cannot start a thread: too many threads, or out of memory");
  }
  return store;
}

PostgresStore::PostgresStore(const std::string& url, const StoreLimits& limits,
                             const PostgresStoreOptions& options, const Telemetry& telemetry, Random& random,
                             int stop_fd)
    : limits_(limits),
      stop_fd_(stop_fd),
      table_(url, limits, options, telemetry, random, stop_fd),
      queue_(worker_options(limits)) {}

PostgresStore::~PostgresStore() {
  const std::uint64_t one = 1;
  (void)!::write(stop_fd_, &one, sizeof(one));  // Cannot fail: the counter is at 0.
  queue_.stop();
  ::close(stop_fd_);
}

void PostgresStore::push(StoreOperation&& operation, std::size_t cost) {
  queue_.push(std::make_unique<PostgresJob>(std::move(operation)), cost);
}

void PostgresStore::put(Token token, const Box& box, const RecordId& id, ByteView value, UnixTime expires_at,
                        UnixTime now) {
  PutOperation put{token, box, id, Bytes(value.begin(), value.end()), expires_at, now, {}};
  const std::size_t cost = put.cost();
  push(std::move(put), cost);
}

void PostgresStore::list(Token token, const Mailbox& mailbox, std::span<const BoxTag> boxes,
                         std::uint64_t after, const ListLimits& limits, UnixTime now) {
  ListOperation list{token, mailbox, {boxes.begin(), boxes.end()}, after, limits, now, {}};
  const std::size_t cost = list.cost(limits_);
  push(std::move(list), cost);
}

void PostgresStore::remove(Token token, const Mailbox& mailbox, std::span<const RecordId> ids) {
  RemoveOperation remove{token, mailbox, {ids.begin(), ids.end()}, {}};
  const std::size_t cost = remove.cost();
  push(std::move(remove), cost);
}

void PostgresStore::cancel(Token token, const Mailbox& mailbox, const RecordId& id,
                           const Commitment& commitment) {
  push(CancelOperation{token, mailbox, id, commitment}, CancelOperation::cost());
}

void PostgresStore::expire(UnixTime now, std::size_t max_rows) {
  // One job a slice: other operations run in between.
  for (std::size_t left = std::min(max_rows, max_expire_rows); left > 0;) {
    const std::size_t slice = std::min(left, PostgresTable::expire_slice);
    push(ExpireOperation{now, slice, false}, ExpireOperation::cost());
    left -= slice;
  }
}

void PostgresStore::process(JobList& group) {
  auto left = group.begin();  // What has no result yet starts here.
  try {
    Slicer slicer;
    std::vector<StoreOperation*> slice;
    for (auto job = group.begin(); job != group.end(); ++job) {
      StoreOperation& operation = static_cast<PostgresJob&>(**job).operation();
      if ((*job)->is_settled()) {
        continue;
      }
      if (slicer.parts(operation)) {
        table_.run(slice);
        slice.clear();
        left = job;
      }
      slice.push_back(&operation);
    }
    if (!slice.empty()) {
      table_.run(slice);
    }
  } catch (const std::exception&) {  // Out of memory.
    for (; left != group.end(); ++left) {
      if (!(*left)->is_settled()) {
        (*left)->fail(JobFailure::failed);
      }
    }
  }
}

std::size_t PostgresStore::poll(StoreListener& listener) {
  std::size_t delivered = 0;
  for (const auto& job : queue_.collect_finished()) {
    delivered += static_cast<PostgresJob&>(*job).deliver(listener) ? 1 : 0;
  }
  return delivered;
}

}  // namespace toxasync::store
