// SPDX-License-Identifier: GPL-3.0-or-later
#include "protocol/frame.hpp"

#include <set>

#include "source.hpp"
#include "target.hpp"
#include "tests/support/seeded_random.hpp"

// Frames: the header that anybody can write, the box, and the window of counters.

namespace {

using namespace toxasync;

void read_header(ByteView packet) {
  const auto header = protocol::read_frame_header(packet);
  if (!header) {
    return;
  }
  ByteArray<limits::frame_header> again;
  fuzz::check(wire::encode(*header, again) && fuzz::same(again, packet.first(again.size())),
              "a frame header encodes to the bytes it was read from");
  fuzz::check(!protocol::is_request(header->kind) || packet.size() == limits::frame,
              "a request is a whole frame");
  if (protocol::is_request(header->kind)) {
    const auto reply = protocol::make_cookie_reply(*header, {}, Bytes(limits::descriptor));
    fuzz::check(reply.size() <= packet.size(), "a cookie reply is not longer than the request");
    const auto read = protocol::read_frame_header(reply);
    fuzz::check(read && read->nonce == header->nonce && read->session == header->session,
                "a cookie reply repeats session and nonce");
  }
}

/// Sealed, and changed in one place by the input: it opens if and only if nothing was changed.
void seal_and_open(fuzz::Source& source) {
  static test::SeededRandom random(1);
  static const auto key = crypto::Secret<32>::random(random);
  auto header = source.message<protocol::FrameHeader>();
  const std::size_t at = source.number<std::uint16_t>() % limits::frame;
  const std::uint8_t change = source.number();
  ByteArray<limits::plaintext> plain{};
  const ByteView chosen = source.bytes(plain.size());
  std::copy(chosen.begin(), chosen.end(), plain.begin());

  protocol::FrameBytes frame;
  protocol::seal_frame(header, key, plain, frame);
  frame[at] ^= change;
  const auto read = protocol::read_frame_header(frame);
  if (!read) {
    return;
  }
  constexpr std::size_t cookie_at = 2;
  const bool in_cookie =
      at >= cookie_at && at < cookie_at + limits::cookie;  // the node has its own check for that
  ByteArray<limits::plaintext> opened{};
  const bool opens = protocol::open_frame(*read, key, frame, opened);
  fuzz::check(opens == (change == 0 || in_cookie), "a frame opens if and only if it is as it was sealed");
  fuzz::check(!opens || opened == plain, "what was opened is what was sealed");
}

/// Against a set of all counters that were accepted.
void count(fuzz::Source& source) {
  protocol::ReplayWindow window;
  std::set<std::uint64_t> accepted;
  std::uint64_t counter = 0;
  while (!source.empty()) {
    const std::uint8_t step = source.number();
    counter = step == 0xff ? source.number<std::uint64_t>() : counter + step - 64;
    const std::uint64_t highest = accepted.empty() ? 0 : *accepted.rbegin();
    const bool fits =
        counter != 0 && !accepted.contains(counter) && (counter > highest || highest - counter < 64);
    fuzz::check(window.accept(counter) == fits, "the window accepts each of the last 64 counters once");
    if (fits) {
      accepted.insert(counter);
    }
  }
}

}  // namespace

TOXASYNC_FUZZ_TARGET(frame) {
  fuzz::Source source(in);
  switch (source.below(3)) {
    case 0:
      return read_header(source.bytes(in.size()));
    case 1:
      return seal_and_open(source);
    default:
      return count(source);
  }
}
