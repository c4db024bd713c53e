// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <initializer_list>

#include "base/bytes.hpp"
#include "base/metrics.hpp"
#include "crypto/ids.hpp"
#include "crypto/symmetric.hpp"
#include "store/state_store.hpp"
#include "wire/archive.hpp"

// Names and encoding of the records on our disk (docs/state.md).

namespace toxasync::manager {

/// The state's tables: the first byte of a key.
enum class Table : std::uint8_t {
  root = 'R',
  last_resort = 'L',
  one_time = 'K',
  friend_record = 'F',
  friend_keys = 'T',
  friend_use = 'U',
  outbox = 'O',
  target = 'V',
  progress = 'C',
  sealed_before = 'X',
  inbox = 'I',
  part = 'P',
  seen = 'S',
  receipt_due = 'D',
  ended = 'E',
  order = 'Q',
  home_node = 'N',
  watermark = 'W',
  request_out = 'G',  ///< Also what of the pair mailboxes is done.
  request_in = 'H',   ///< Also parts of bundles in pair mailboxes, and what of the public mailbox is done.
  node = 'B',
  host = 'J',
  padding = 'Z',  ///< Of no use: written so that cover costs what mail does.
  date = 'A',
};

/// table 1 | parts
inline Bytes state_key(Table table, std::initializer_list<ByteView> parts = {}) {
  Bytes key{static_cast<std::uint8_t>(table)};
  for (const ByteView part : parts) {
    key.insert(key.end(), part.begin(), part.end());
  }
  return key;
}

inline ByteArray<8> bytes_of(crypto::Instance instance) noexcept {
  ByteArray<8> bytes;
  store_le(static_cast<std::uint64_t>(instance), bytes.data());
  return bytes;
}

/// The instance in the first bytes of `in`, which must hold at least as many.
inline crypto::Instance instance_from(ByteView in) noexcept {
  return crypto::Instance{load_le<std::uint64_t>(in.data())};
}

template <class Record>
store::StateWrite put_record(Bytes key, const Record& record) {
  Bytes value(512);
  auto size = wire::encode(record, value);
  while (!size && value.size() < (std::size_t{1} << 18)) {
    crypto::wipe(value);
    value.assign(value.size() * 4, 0);
    size = wire::encode(record, value);
  }
  value.resize(size ? *size : 0);
  return {std::move(key), std::move(value)};
}

inline store::StateWrite erase_record(Bytes key) {
  return {std::move(key), std::nullopt};
}

struct NumberRecord {
  std::uint64_t value = 0;
  static void fields(auto& ar, auto& self) { wire::fields(ar, self.value); }
};

/// Decodes a record of ours. False: damaged (counted); it is then left out.
template <class Record>
bool read_record(const Telemetry& telemetry, const store::StateEntry& entry, Record& record) {
  if (wire::decode(entry.value, record) == wire::Error::none) {
    return true;
  }
  telemetry.refuse(Counter::state_record_damaged);
  return false;
}

}  // namespace toxasync::manager
