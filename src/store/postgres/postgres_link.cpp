// SPDX-License-Identifier: GPL-3.0-or-later
#include "store/postgres/postgres_link.hpp"

#include <poll.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

namespace toxasync::store {
namespace {

// Types by their numbers in the server's catalogue (pg_type.dat), which never change.
constexpr std::uint32_t type_bytea = 17;
constexpr std::uint32_t type_bigint = 20;

template <std::unsigned_integral T>
void append_be(Bytes& out, T value) {
  for (std::size_t i = sizeof(T); i-- > 0;) {
    out.push_back(static_cast<std::uint8_t>(value >> (8 * i)));
  }
}

// array_recv in the server's arrayfuncs.c: dimensions, whether there are nulls, type, length, lower bound.
Bytes array_header(std::uint32_t type, std::size_t size, bool nulls) {
  Bytes out;
  append_be<std::uint32_t>(out, size == 0 ? 0 : 1);
  append_be<std::uint32_t>(out, nulls ? 1 : 0);
  append_be(out, type);
  if (size != 0) {
    append_be(out, static_cast<std::uint32_t>(size));
    append_be<std::uint32_t>(out, 1);
  }
  return out;
}

std::vector<std::string> split(const std::string& list) {
  std::vector<std::string> parts(1);
  for (const char letter : list) {
    if (letter == ',') {
      parts.emplace_back();
    } else {
      parts.back() += letter;
    }
  }
  return parts;
}

std::string one_line(const char* text) {
  std::string line = text == nullptr ? "" : text;
  while (!line.empty() && line.back() == '\n') {
    line.pop_back();
  }
  std::ranges::replace(line, '\n', ' ');
  return line;
}

std::string field(const PGresult* result, int code) {
  return one_line(PQresultErrorField(result, code));
}

}  // namespace

std::string_view fault_of_connection_string(const std::string& text) noexcept {
  PQconninfoOption* const options = PQconninfoParse(text.c_str(), nullptr);
  const bool readable = options != nullptr;
  bool password = false;
  for (const PQconninfoOption* option = options; option != nullptr && option->keyword != nullptr; ++option) {
    // What libpq marks as secret: password, sslpassword, and what other versions add.
    password = password || (option->val != nullptr && *option->dispchar == '*');
  }
  PQconninfoFree(options);
  if (!readable) {
    return "must be a libpq connection string, such as postgresql://toxasync@db.example/toxasync";
  }
  return password ? "must not contain a password, which others could read here: put it into ~/.pgpass, or "
                    "into the "
                    "file that PGPASSFILE or `passfile=` names"
                  : "";
}

PostgresParameters& PostgresParameters::integer(std::int64_t value) {
  append_be(values_.emplace_back(), static_cast<std::uint64_t>(value));
  return *this;
}

PostgresParameters& PostgresParameters::blob(ByteView value) {
  values_.emplace_back(value.begin(), value.end());
  return *this;
}

PostgresParameters& PostgresParameters::integers(const std::vector<std::int64_t>& values) {
  Bytes out = array_header(type_bigint, values.size(), false);
  for (const std::int64_t value : values) {
    append_be<std::uint32_t>(out, sizeof(value));
    append_be(out, static_cast<std::uint64_t>(value));
  }
  values_.push_back(std::move(out));
  return *this;
}

PostgresParameters& PostgresParameters::blobs(const std::vector<ByteView>& values) {
  const bool nulls = std::ranges::any_of(values, [](ByteView value) { return value.data() == nullptr; });
  Bytes out = array_header(type_bytea, values.size(), nulls);
  for (const ByteView value : values) {
    if (value.data() == nullptr) {
      append_be(out, ~std::uint32_t{0});
      continue;
    }
    append_be(out, static_cast<std::uint32_t>(value.size()));
    out.insert(out.end(), value.begin(), value.end());
  }
  values_.push_back(std::move(out));
  return *this;
}

std::int64_t PostgresRows::integer(int row, int column) const noexcept {
  const ByteView bytes = blob(row, column);
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < bytes.size() && bytes.size() == sizeof(value); ++i) {
    value = value << 8U | bytes[i];
  }
  return static_cast<std::int64_t>(value);
}

ByteView PostgresRows::blob(int row, int column) const noexcept {
  return {reinterpret_cast<const std::uint8_t*>(PQgetvalue(result_.get(), row, column)),
          static_cast<std::size_t>(PQgetlength(result_.get(), row, column))};
}

bool PostgresLink::connect(const std::string& url, std::chrono::milliseconds per_server) {
  close();
  PQconninfoOption* const parsed = PQconninfoParse(url.c_str(), nullptr);
  PQconninfoFree(parsed);
  if (parsed == nullptr) {
    lose("invalid connection string");  // libpq would repeat it, with the password.
    return false;
  }
  if (servers_.empty()) {
    // The names of the servers may come from a service file or the environment, which libpq resolves.
    if (connect_to(url, {}, Clock::now() + per_server)) {
      return true;
    }
    if (servers_.size() <= 1) {
      servers_.clear();
      return false;
    }
  }
  for (std::size_t i = 0; i < servers_.size(); ++i) {
    const std::size_t index = (good_server_ + i) % servers_.size();
    if (connect_to(url, servers_[index], Clock::now() + per_server)) {
      good_server_ = index;
      return true;
    }
  }
  return false;
}

bool PostgresLink::connect_to(const std::string& url, const Server& server, Clock::time_point deadline) {
  // When a name is given twice the last one counts; the parameters within the URL count at its position.
  std::vector<const char*> names{"fallback_application_name", "tcp_user_timeout", "keepalives_idle",
                                 "keepalives_interval", "dbname"};
  std::vector<const char*> values{"toxasync", "10000", "5", "5", url.c_str()};
  const auto add = [&](const char* name, const std::string& value) {
    if (!value.empty()) {
      names.push_back(name);
      values.push_back(value.c_str());
    }
  };
  add("host", server.host);
  add("hostaddr", server.hostaddr);
  add("port", server.port);
  for (const auto& [name, value] :
       {std::pair("target_session_attrs", "read-write"), std::pair("client_encoding", "UTF8")}) {
    names.push_back(name);
    values.push_back(value);
  }
  names.push_back(nullptr);
  values.push_back(nullptr);
  connection_.reset(PQconnectStartParams(names.data(), values.data(), 1));
  PGconn* const connection = connection_.get();
  if (connection == nullptr) {
    lose("out of memory");
    return false;
  }
  PQsetNoticeReceiver(connection, &PostgresLink::on_notice, this);
  if (servers_.empty()) {
    learn_servers();
    if (servers_.size() > 1) {
      close();
      return false;
    }
  }
  PostgresPollingStatusType next = PGRES_POLLING_WRITING;
  while (PQstatus(connection) != CONNECTION_BAD && next != PGRES_POLLING_OK && next != PGRES_POLLING_FAILED) {
    if (!wait(next == PGRES_POLLING_WRITING, deadline)) {
      lose("the server does not answer");
      return false;
    }
    next = PQconnectPoll(connection);
  }
  if (next != PGRES_POLLING_OK || PQsetnonblocking(connection, 1) != 0 ||
      PQenterPipelineMode(connection) != 1) {
    lose(nullptr);
    return false;
  }
  queued_ = 0;
  queue_failed_ = false;
  return true;
}

void PostgresLink::learn_servers() {
  std::vector<std::string> hosts, addresses, ports;
  PQconninfoOption* const options = PQconninfo(connection_.get());
  for (const PQconninfoOption* option = options; option != nullptr && option->keyword != nullptr; ++option) {
    for (const auto& [name, list] : {std::pair("host", &hosts), {"hostaddr", &addresses}, {"port", &ports}}) {
      if (std::strcmp(option->keyword, name) == 0 && option->val != nullptr) {
        *list = split(option->val);
      }
    }
  }
  PQconninfoFree(options);
  const std::size_t count = std::max<std::size_t>({hosts.size(), addresses.size(), 1});
  const auto at = [](const std::vector<std::string>& list, std::size_t i) {
    return list.size() == 1 ? list.front() : i < list.size() ? list[i] : std::string();
  };
  for (std::size_t i = 0; i < count; ++i) {
    servers_.push_back({at(hosts, i), at(addresses, i), at(ports, i)});
  }
}

void PostgresLink::close() noexcept {
  connection_.reset();
  owed_ = false;
}

bool PostgresLink::is_open() noexcept {
  // What arrives without a request announces that the server closes the connection.
  for (int i = 0; connection_ && PQstatus(connection_.get()) == CONNECTION_OK && i < 8; ++i) {
    pollfd socket{PQsocket(connection_.get()), POLLIN, 0};
    if (::poll(&socket, 1, 0) <= 0) {
      return true;
    }
    if (PQconsumeInput(connection_.get()) == 0) {
      break;
    }
    PQclear(PQisBusy(connection_.get()) == 0 ? PQgetResult(connection_.get()) : nullptr);
  }
  close();
  return false;
}

bool PostgresLink::wait(bool to_write, Clock::time_point deadline) {
  pollfd waited[2] = {
      {PQsocket(connection_.get()), static_cast<short>(to_write ? POLLIN | POLLOUT : POLLIN), 0},
      {stop_fd_, POLLIN, 0}};
  while (true) {
    const auto until = std::min(deadline, stop_by_.value_or(deadline));
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - Clock::now());
    if (left.count() <= 0) {
      return false;
    }
    const int ready = ::poll(waited, stop_by_ || stop_fd_ < 0 ? 1 : 2, static_cast<int>(left.count()));
    if (ready < 0 && errno != EINTR) {
      return false;
    }
    if (ready > 0 && waited[0].revents != 0) {
      return true;
    }
    if (ready > 0) {
      stop_by_ = Clock::now() + stop_grace;
    }
  }
}

void PostgresLink::prepare(const char* name, const char* text) {
  queue_failed_ =
      queue_failed_ || !connection_ || PQsendPrepare(connection_.get(), name, text, 0, nullptr) != 1;
  ++queued_;
}

void PostgresLink::execute(const char* name, const PostgresParameters& parameters) {
  std::vector<const char*> values;
  std::vector<int> lengths;
  for (const Bytes& value : parameters.values()) {
    values.push_back(value.empty() ? "" : reinterpret_cast<const char*>(value.data()));
    lengths.push_back(static_cast<int>(value.size()));
  }
  const std::vector<int> binary(values.size(), 1);
  queue_failed_ = queue_failed_ || !connection_ ||
                  PQsendQueryPrepared(connection_.get(), name, static_cast<int>(values.size()), values.data(),
                                      lengths.data(), binary.data(), 1) != 1;
  ++queued_;
}

void PostgresLink::query(const char* text) {
  queue_failed_ = queue_failed_ || !connection_ ||
                  PQsendQueryParams(connection_.get(), text, 0, nullptr, nullptr, nullptr, nullptr, 1) != 1;
  ++queued_;
}

LinkStatus PostgresLink::round_trip(std::chrono::milliseconds timeout) {
  std::vector<PostgresRows> ignored;
  return round_trip(ignored, timeout);
}

LinkStatus PostgresLink::round_trip(std::vector<PostgresRows>& answers, std::chrono::milliseconds timeout,
                                    IfLate if_late) {
  const auto deadline = Clock::now() + timeout;
  answers.clear();
  warned_ = false;
  error_.clear();
  sqlstate_.clear();
  LinkStatus status = LinkStatus::ok;
  PGconn* const connection = connection_.get();
  const std::size_t expected = std::exchange(queued_, 0);
  if (std::exchange(queue_failed_, false) || connection == nullptr || PQpipelineSync(connection) != 1) {
    return lose(nullptr);
  }
  for (bool after_null = false; true;) {
    for (int unsent = PQflush(connection); PQisBusy(connection) != 0; unsent = PQflush(connection)) {
      if (unsent < 0) {
        return lose(nullptr);
      }
      if (!wait(unsent != 0, deadline)) {
        if (if_late == IfLate::keep) {
          owed_ = true;
          error_ = "the server does not answer";
          return LinkStatus::late;
        }
        return lose("the server does not answer");
      }
      if (PQconsumeInput(connection) == 0) {
        return lose(nullptr);
      }
    }
    PGresult* const result = PQgetResult(connection);
    if (result ==
        nullptr) {  // Marks the end of each statement's results; two in a row: nothing is left to read.
      if (std::exchange(after_null, true)) {
        return lose("incomplete answer from the server");
      }
      continue;
    }
    after_null = false;
    PostgresRows rows(result);
    switch (PQresultStatus(result)) {
      case PGRES_PIPELINE_SYNC:
        return status != LinkStatus::ok || answers.size() == expected
                   ? status
                   : lose("incomplete answer from the server");
      case PGRES_COMMAND_OK:
      case PGRES_TUPLES_OK:
        answers.push_back(std::move(rows));
        break;
      case PGRES_PIPELINE_ABORTED:
        break;
      default:
        status = note_error(result);
        if (status == LinkStatus::lost || PQstatus(connection) == CONNECTION_BAD) {
          return lose(error_.empty() ? nullptr : error_.c_str());
        }
    }
  }
}

bool PostgresLink::owes() noexcept {
  PGconn* const connection = connection_.get();
  for (bool after_null = false; owed_;) {
    if (PQflush(connection) < 0) {
      close();
      break;
    }
    if (PQisBusy(connection) != 0) {
      pollfd socket{PQsocket(connection), POLLIN, 0};
      if (::poll(&socket, 1, 0) <= 0) {
        return true;
      }
      if (PQconsumeInput(connection) == 0) {
        close();
      }
      continue;
    }
    PGresult* const result = PQgetResult(connection);
    const bool last = PQresultStatus(result) == PGRES_PIPELINE_SYNC;
    const bool missing = result == nullptr && std::exchange(after_null, true);
    after_null = result == nullptr;
    PQclear(result);
    if (missing || PQstatus(connection) == CONNECTION_BAD ||
        (last && PQtransactionStatus(connection) != PQTRANS_IDLE)) {
      close();
    }
    owed_ = owed_ && !last;
  }
  return false;
}

LinkStatus PostgresLink::note_error(const PGresult* result) {
  error_ = field(result, PG_DIAG_MESSAGE_PRIMARY);
  sqlstate_ = field(result, PG_DIAG_SQLSTATE);
  const auto is = [this](std::string_view code) { return sqlstate_.starts_with(code); };
  if (is("40") || is("55P03")) {  // Serialization failure, deadlock; a lock was not available in time.
    return LinkStatus::conflict;
  }
  if (is("53100")) {
    return LinkStatus::full;
  }
  // No SQLSTATE: the connection broke. Connection exceptions; shut down, or cancelled by statement_timeout;
  // a server that no longer accepts writes.
  if (sqlstate_.empty() || is("08") || is("57") || is("25006")) {
    return LinkStatus::lost;
  }
  return LinkStatus::refused;
}

LinkStatus PostgresLink::lose(const char* why) {
  const std::string text = why != nullptr ? why
                           : connection_  ? one_line(PQerrorMessage(connection_.get()))
                                          : "";
  if (!text.empty()) {
    error_ = text;
  }
  close();
  queued_ = 0;
  queue_failed_ = false;
  return LinkStatus::lost;
}

void PostgresLink::on_notice(void* self, const PGresult* notice) noexcept {
  const char* const severity = PQresultErrorField(notice, PG_DIAG_SEVERITY_NONLOCALIZED);
  if (severity != nullptr && std::strcmp(severity, "WARNING") == 0) {
    static_cast<PostgresLink*>(self)->warned_ = true;
  }
}

}  // namespace toxasync::store
