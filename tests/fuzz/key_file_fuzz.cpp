// SPDX-License-Identifier: GPL-3.0-or-later
#include "crypto/key_file.hpp"

#include "memory_file.hpp"
#include "node/node_keys.hpp"
#include "source.hpp"
#include "target.hpp"
#include "tests/support/manual_clock.hpp"
#include "tests/support/seeded_random.hpp"

// A node's key file: any bytes, or a payload of the fuzzer's choice under its right checksum. A node starts
// on all keys that can be read.

namespace {

using namespace toxasync;

Bytes key_file(ByteView payload) {
  constexpr std::string_view magic{"TXKEY1\n\0", 8};
  Bytes file(magic.begin(), magic.end());
  file.insert(file.end(), payload.begin(), payload.end());
  const auto checksum = crypto::h128({}, {as_bytes("toxasync/1 key file"), payload});
  file.insert(file.end(), checksum.begin(), checksum.end());
  return file;
}

void open_keys(ByteView content) {
  const fuzz::MemoryFile file(content);
  test::SeededRandom random(1);
  const test::ManualClock clock;
  auto keys = node::NodeKeys::open(file.path(), random, clock.unix_time());
  if (!keys) {
    fuzz::check(keys.error() == crypto::KeyFileError::damaged,
                "a file that is no key file is said to be damaged");
    return;
  }
  fuzz::check(crypto::is_canonical(keys->current().pair.public_key), "a session key is a point");
  fuzz::check(keys->current().valid_from <= keys->current().valid_until,
              "a session key is valid for some time");
  (void)keys->previous(clock.unix_time());
  // No file can be made beside it: each write fails, and the keys stay as they were.
  const auto before = keys->current().pair.public_key;
  const auto changed = keys->rotate(random, clock.unix_time() + days(400));
  fuzz::check(!changed || !*changed, "what cannot be written is an error");
  fuzz::check(keys->current().pair.public_key == before, "keys that could not be written are not used");
}

}  // namespace

TOXASYNC_FUZZ_TARGET(key_file) {
  constexpr std::size_t payload_size = 152;
  fuzz::Source source(in);
  if (source.below(4) == 0) {
    return open_keys(source.bytes(in.size()));
  }
  Bytes payload(payload_size);
  source.load_binary(payload.data(), payload.size());
  open_keys(key_file(payload));
}
