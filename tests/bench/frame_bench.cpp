// SPDX-License-Identifier: GPL-3.0-or-later
#include "bench_support.hpp"
#include "protocol/frame.hpp"

namespace toxasync::protocol {
namespace {

/// One direction of a session and a frame in it.
struct Session {
  bench::Scene scene;
  crypto::Secret<32> key = crypto::Secret<32>::random(scene.random);
  FrameHeader header{FrameKind::store, frame_version, {}, scene.sender.public_key, {}};
  ByteArray<limits::plaintext> plain{};
  FrameBytes frame{};
  Session() { seal_frame(header, key, plain, frame); }
};

void frame_seal(benchmark::State& state) {
  Session session;
  for (auto _ : state) {
    seal_frame(session.header, session.key, session.plain, session.frame);
    benchmark::ClobberMemory();
  }
}
BENCHMARK(frame_seal);

void open(benchmark::State& state, Session& session) {
  for (auto _ : state) {
    const auto header = read_frame_header(session.frame);
    benchmark::DoNotOptimize(open_frame(*header, session.key, session.frame, session.plain));
    benchmark::ClobberMemory();
  }
}

void frame_open(benchmark::State& state) {
  Session session;
  open(state, session);
}
BENCHMARK(frame_open);

void frame_open_forged(benchmark::State& state) {
  Session session;
  session.frame.back() ^= 1;
  open(state, session);
}
BENCHMARK(frame_open_forged);

void frame_header_reject(benchmark::State& state) {
  Session session;
  session.frame[0] = 0xa4;
  for (auto _ : state) {
    benchmark::DoNotOptimize(read_frame_header(session.frame));
  }
}
BENCHMARK(frame_header_reject);

void session_keys_agree(benchmark::State& state) {
  bench::Scene scene;
  for (auto _ : state) {
    benchmark::DoNotOptimize(session_keys(scene.sender.secret, scene.recipient.public_key,
                                          scene.sender.public_key, scene.recipient.public_key));
  }
}
BENCHMARK(session_keys_agree);

void replay_window_accept(benchmark::State& state) {
  ReplayWindow window;
  std::uint64_t counter = 0;
  for (auto _ : state) {
    benchmark::DoNotOptimize(window.accept(++counter));
  }
}
BENCHMARK(replay_window_accept);

}  // namespace
}  // namespace toxasync::protocol
