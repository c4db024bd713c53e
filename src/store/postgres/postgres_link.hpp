// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <libpq-fe.h>

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.hpp"
#include "base/time.hpp"

namespace toxasync::store {

/// What is wrong with a configured connection string, in words; empty: nothing.
std::string_view fault_of_connection_string(const std::string& text) noexcept;

/// The outcome of a round trip, by how the caller can react.
enum class LinkStatus : std::uint8_t {
  ok,
  conflict,  ///< A conflict with another transaction: this one may be tried again.
  full,      ///< The server's disk is full.
  late,      ///< No answer in time; the connection was kept for it: see owes().
  refused,   ///< The server reported an error; the connection stays open.
  lost,      ///< The connection is closed: it broke, took too long, or leads to a read-only server.
};

/// Parameters of one statement, in PostgreSQL's binary format.
class PostgresParameters {
 public:
  PostgresParameters& integer(std::int64_t value);
  PostgresParameters& time(UnixTime value) { return integer(value.time_since_epoch().count()); }
  PostgresParameters& blob(ByteView value);
  PostgresParameters& integers(const std::vector<std::int64_t>& values);
  /// Of type bytea[]; a view without data is NULL.
  PostgresParameters& blobs(const std::vector<ByteView>& values);

  [[nodiscard]] const std::vector<Bytes>& values() const noexcept { return values_; }

 private:
  std::vector<Bytes> values_;
};

/// The rows of one statement, in binary format.
class PostgresRows {
 public:
  explicit PostgresRows(PGresult* result) : result_(result) {}
  [[nodiscard]] int count() const noexcept { return PQntuples(result_.get()); }
  /// 0 where the column is no bigint.
  [[nodiscard]] std::int64_t integer(int row, int column) const noexcept;
  [[nodiscard]] UnixTime time(int row, int column) const noexcept {
    return UnixTime{seconds{integer(row, column)}};
  }
  [[nodiscard]] ByteView blob(int row, int column) const noexcept;
  /// As "COMMIT".
  [[nodiscard]] std::string_view tag() const noexcept { return PQcmdStatus(result_.get()); }

 private:
  struct Clear {
    void operator()(PGresult* result) const noexcept { PQclear(result); }
  };
  std::unique_ptr<PGresult, Clear> result_;
};

/// One connection in pipeline mode, used from one thread. Waits with a deadline, and no longer than
/// `stop_grace` once `stop_fd` is readable.
class PostgresLink {
 public:
  using Clock = std::chrono::steady_clock;
  static constexpr std::chrono::milliseconds stop_grace{2000};
  enum class IfLate : std::uint8_t { close, keep };

  explicit PostgresLink(int stop_fd) noexcept : stop_fd_(stop_fd) {}

  /// Tries the servers in `url` one after the other, the last working one first. The system resolves names,
  /// without a deadline of ours. False: error() has the reason.
  bool connect(const std::string& url, std::chrono::milliseconds per_server);
  void close() noexcept;
  /// False also when the server has closed an idle connection.
  [[nodiscard]] bool is_open() noexcept;

  /// Prepares a statement for the life of the connection. `text` has $1, $2, ...
  void prepare(const char* name, const char* text);
  /// Queues a prepared statement, or text without parameters.
  void execute(const char* name, const PostgresParameters& parameters);
  void query(const char* text);
  /// Sends what was queued, and reads the answers, one for each. Fewer when it is not ok: see error().
  LinkStatus round_trip(std::vector<PostgresRows>& answers, std::chrono::milliseconds timeout,
                        IfLate if_late = IfLate::close);
  LinkStatus round_trip(std::chrono::milliseconds timeout);

  /// A late answer has not come yet, and nothing can be sent before. Does not wait.
  [[nodiscard]] bool owes() noexcept;

  /// A warning came during the last round trip.
  [[nodiscard]] bool warned() const noexcept { return warned_; }
  /// The last failure, as the server worded it; without secrets.
  [[nodiscard]] const std::string& error() const noexcept { return error_; }
  /// SQLSTATE of the last failure; empty when the server did not report it.
  [[nodiscard]] const std::string& sqlstate() const noexcept { return sqlstate_; }

 private:
  struct Finish {
    void operator()(PGconn* connection) const noexcept { PQfinish(connection); }
  };
  /// One of several servers in the URL; empty: as the URL says.
  struct Server {
    std::string host, hostaddr, port;
  };
  bool connect_to(const std::string& url, const Server& server, Clock::time_point deadline);
  void learn_servers();
  bool wait(bool to_write, Clock::time_point deadline);
  LinkStatus lose(const char* why);
  LinkStatus note_error(const PGresult* result);
  static void on_notice(void* self, const PGresult* notice) noexcept;

  int stop_fd_;
  std::optional<Clock::time_point> stop_by_;  // Set when stop_fd_ was seen readable.
  std::unique_ptr<PGconn, Finish> connection_;
  std::vector<Server> servers_;
  std::size_t good_server_ = 0;
  std::size_t queued_ = 0;
  bool queue_failed_ = false;
  bool owed_ = false;
  bool warned_ = false;
  std::string error_;
  std::string sqlstate_;
};

}  // namespace toxasync::store
