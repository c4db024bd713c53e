// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <algorithm>
#include <cstdio>
#include <cstdlib>

#include "base/bytes.hpp"
#include "wire/archive.hpp"

// What every fuzz target consists of:
//
//     TOXASYNC_FUZZ_TARGET(live) { round_trip<protocol::LiveEnvelope>(in); }
//
// With TOXASYNC_LIBFUZZER it is the entry point of a program of its own, build/fuzz/bin/fuzz_live (./dev
// fuzz). Without it all targets are in one program, which runs the files of the corpus: fuzz_replay
// (replay.cpp).

namespace toxasync::fuzz {

using Run = void (*)(ByteView in);

#ifndef TOXASYNC_LIBFUZZER
/// Makes the target known to replay.cpp, by the initialisation of a static object.
struct Registered {
  Registered(const char* name, Run run);
};
#endif

/// A finding: prints what is wrong, and ends the program.
inline void check(bool holds, const char* promise) {
  if (!holds) {
    std::fprintf(stderr, "fuzz: this does not hold: %s\n", promise);
    std::abort();
  }
}

inline bool same(ByteView a, ByteView b) noexcept {
  return std::equal(a.begin(), a.end(), b.begin(), b.end());
}

/// What decodes must encode to the same bytes again: no two byte strings mean the same message.
template <class Message>
void round_trip(ByteView in) {
  Message message;
  if (wire::decode(in, message) == wire::Error::none) {
    Bytes out(in.size());
    const auto size = wire::encode(message, out);
    check(size && same(ByteView(out).first(*size), in), "a message encodes to the bytes it was decoded from");
  }
}

/// The same of the plaintext of a frame.
template <class Message>
void round_trip_padded(ByteView in) {
  Message message;
  if (const auto encoded = wire::decode_padded(in, message)) {
    Bytes out(in.size());
    const auto again = wire::encode_padded(message, out);
    check(again && same(out, in), "a padded message encodes to the bytes it was decoded from");
  }
}

}  // namespace toxasync::fuzz

#ifdef TOXASYNC_LIBFUZZER
#define TOXASYNC_FUZZ_TARGET(name)                                                    \
  static void toxasync_fuzz_##name(::toxasync::ByteView in);                          \
  extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) { \
    toxasync_fuzz_##name({data, size});                                               \
    return 0;                                                                         \
  }                                                                                   \
  static void toxasync_fuzz_##name([[maybe_unused]] ::toxasync::ByteView in)
#else
#define TOXASYNC_FUZZ_TARGET(name)                                                                    \
  static void toxasync_fuzz_##name(::toxasync::ByteView in);                                          \
  static const ::toxasync::fuzz::Registered toxasync_registered_##name(#name, &toxasync_fuzz_##name); \
  static void toxasync_fuzz_##name([[maybe_unused]] ::toxasync::ByteView in)
#endif
