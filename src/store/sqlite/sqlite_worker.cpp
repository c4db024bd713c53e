// SPDX-License-Identifier: GPL-3.0-or-later
#include "store/sqlite/sqlite_worker.hpp"

#include <exception>
#include <system_error>
#include <utility>

namespace toxasync::store {

Result<std::unique_ptr<SqliteWorker>, OpenError> SqliteWorker::start(SqliteEngine& engine,
                                                                     const WorkerOptions& options) {
  try {
    return std::unique_ptr<SqliteWorker>(new SqliteWorker(engine, options));
  } catch (const std::system_error&) {
    return OpenError::io;
  }
}

SqliteWorker::SqliteWorker(SqliteEngine& engine, const WorkerOptions& options)
    : engine_(engine), options_(options), queue_(options) {
  queue_.start({[this](JobList& group) { process(group); }, [this](bool idle) { engine_.after_group(idle); },
                [this] { return engine_.step_backup(); }});
}

void SqliteWorker::process(JobList& group) {
  if (!queue_.fail_followers(group)) {
    return;
  }
  const DbStatus status = attempt(group);
  if (status == DbStatus::ok) {
    return;
  }
  const bool singly = options_.on_failure == WorkerOptions::OnFailure::retry_singly;
  if (singly && status != DbStatus::failed && group.size() > 1) {
    process_one_by_one(group);
    return;
  }
  if (!singly) {
    queue_.note_failure();
  }
  for (const auto& job : group) {
    if (!job->is_settled()) {
      job->fail(status == DbStatus::full ? JobFailure::full : JobFailure::failed);
    }
  }
}

void SqliteWorker::process_one_by_one(JobList& group) {
  JobList waiting;
  waiting.swap(group);
  while (!waiting.empty()) {
    JobList single;
    single.splice(single.end(), waiting, waiting.begin());
    process(single);
    group.splice(group.end(), single);
  }
}

DbStatus SqliteWorker::attempt(JobList& group) {
  DbStatus status = DbStatus::failed;
  try {
    status = transaction(group);
  } catch (const std::exception&) {
    status = DbStatus::failed;  // Out of memory.
  }
  if (status != DbStatus::ok) {
    engine_.rollback(status);
  }
  return status;
}

DbStatus SqliteWorker::transaction(JobList& group) {
  DbStatus status = engine_.begin();
  for (auto job = group.begin(); status == DbStatus::ok && job != group.end(); ++job) {
    if (!(*job)->is_settled()) {
      status = static_cast<SqliteJob&>(**job).apply();
    }
  }
  return status == DbStatus::ok ? engine_.commit() : status;
}

}  // namespace toxasync::store
