// SPDX-License-Identifier: GPL-3.0-or-later
#include "store/sqlite/sqlite_statement.hpp"

#include "store/sqlite/sqlite_api.hpp"

namespace toxasync::store {

DbStatus status_of(int code) noexcept {
  switch (code & 0xff) {
    case SQLITE_OK:
    case SQLITE_ROW:
    case SQLITE_DONE:
      return DbStatus::ok;
    case SQLITE_FULL:
      return DbStatus::full;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return DbStatus::damaged;
    default:
      return DbStatus::failed;
  }
}

void Statement::Finalise::operator()(sqlite3_stmt* handle) const noexcept {
  sqlite().finalize(handle);
}

Query::~Query() {
  if (handle_ != nullptr) {
    sqlite().reset(handle_);
    sqlite().clear_bindings(handle_);
  }
}

Query& Query::bind_integer(std::int64_t value) noexcept {
  const int code = handle_ ? sqlite().bind_int64(handle_, ++bound_, value) : SQLITE_MISUSE;
  if (code != SQLITE_OK) {
    status_ = status_of(code);
  }
  return *this;
}

Query& Query::bind(ByteView value) noexcept {
  int code = SQLITE_MISUSE;
  if (handle_ != nullptr) {
    ++bound_;
    code = value.empty() ? sqlite().bind_zeroblob(handle_, bound_, 0)
                         : sqlite().bind_blob64(handle_, bound_, value.data(), value.size(), SQLITE_STATIC);
  }
  if (code != SQLITE_OK) {
    status_ = status_of(code);
  }
  return *this;
}

bool Query::next() noexcept {
  if (status_ != DbStatus::ok) {
    return false;
  }
  const int code = handle_ ? sqlite().step(handle_) : SQLITE_MISUSE;
  status_ = status_of(code);
  return code == SQLITE_ROW;
}

DbStatus Query::run() noexcept {
  while (next()) {
  }
  return status_;
}

std::int64_t Query::integer(int column) const noexcept {
  return sqlite().column_int64(handle_, column);
}

ByteView Query::blob(int column) const noexcept {
  const auto* data = static_cast<const std::uint8_t*>(sqlite().column_blob(handle_, column));
  const int size = sqlite().column_bytes(handle_, column);
  return data == nullptr ? ByteView{} : ByteView{data, static_cast<std::size_t>(size)};
}

bool Query::is_null(int column) const noexcept {
  return sqlite().column_type(handle_, column) == SQLITE_NULL;
}

}  // namespace toxasync::store
