// SPDX-License-Identifier: GPL-3.0-or-later
#include "bench_support.hpp"

// Envelopes beside the operations that they are made of. `ladders` is the time of the whole divided by that
// of its X25519 operations alone: what it is above 1 is everything else.

namespace toxasync::crypto {
namespace {

bench::Scene& scene() {
  static bench::Scene instance;
  return instance;
}

void ladder() {
  ByteArray<32> out;
  benchmark::DoNotOptimize(x25519(out, scene().sender.secret.bytes(), scene().recipient.public_key));
  benchmark::DoNotOptimize(out);
}

void report_ladders(benchmark::State& state, double seconds, int ladders) {
  state.counters["ladders"] = seconds / (ladders * bench::seconds_per_call(ladder, 50));
}

void x25519_ladder(benchmark::State& state) {
  for (auto _ : state) {
    ladder();
  }
}
BENCHMARK(x25519_ladder);

void x25519_generate(benchmark::State& state) {
  for (auto _ : state) {
    benchmark::DoNotOptimize(KeyPair::generate(scene().random));
  }
}
BENCHMARK(x25519_generate);

void envelope_seal(benchmark::State& state) {
  const auto body = bench::Scene::body(static_cast<std::size_t>(state.range(0)));
  const auto seal = [&body] { benchmark::DoNotOptimize(scene().seal(body)); };
  for (auto _ : state) {
    seal();
  }
  report_ladders(state, bench::seconds_per_call(seal, 20), 5);
}
BENCHMARK(envelope_seal)->Arg(222)->Arg(990);

void envelope_open(benchmark::State& state) {
  auto& s = scene();
  const Bytes envelope = s.seal(bench::Scene::body(static_cast<std::size_t>(state.range(0))));
  const auto open = [&] {
    const auto header = open_header(s.mailbox, envelope);
    benchmark::DoNotOptimize(open_body(s.mailbox, s.recipient, s.pre_key, *header, envelope));
  };
  for (auto _ : state) {
    open();
  }
  report_ladders(state, bench::seconds_per_call(open, 20), 5);
}
BENCHMARK(envelope_open)->Arg(222)->Arg(990);

void envelope_header_reject(benchmark::State& state) {
  auto& s = scene();
  Bytes envelope = s.seal(bench::Scene::body(10));
  envelope[limits::envelope_prefix - 1] ^= 1;
  const auto reject = [&] { benchmark::DoNotOptimize(open_header(s.mailbox, envelope)); };
  for (auto _ : state) {
    reject();
  }
  report_ladders(state, bench::seconds_per_call(reject, 20), 2);
}
BENCHMARK(envelope_header_reject);

void mailbox_for_an_epoch(benchmark::State& state) {
  const auto given = friends_root(scene().root, scene().sender.friend_key());
  Epoch epoch = 0;
  for (auto _ : state) {
    benchmark::DoNotOptimize(friends_mailbox(given, epoch++));
  }
}
BENCHMARK(mailbox_for_an_epoch);

/// What a recipient makes for each friend and epoch.
void write_point_for_an_epoch(benchmark::State& state) {
  const auto mailbox = FriendsMailbox::derive(scene().root, 1000);
  for (auto _ : state) {
    benchmark::DoNotOptimize(mailbox->write_point(scene().sender.friend_key()));
  }
}
BENCHMARK(write_point_for_an_epoch);

void aead_seal_of(benchmark::State& state) {
  const Bytes plain(static_cast<std::size_t>(state.range(0)));
  Bytes out(plain.size() + aead_tag_size);
  for (auto _ : state) {
    aead_seal({}, {}, {}, plain, out);
    benchmark::ClobberMemory();
  }
}
BENCHMARK(aead_seal_of)->Arg(64)->Arg(255)->Arg(1023)->Arg(1282);

void hash256_of(benchmark::State& state) {
  const Bytes input(static_cast<std::size_t>(state.range(0)));
  for (auto _ : state) {
    benchmark::DoNotOptimize(h256({}, {input}));
  }
}
BENCHMARK(hash256_of)->Arg(64)->Arg(400)->Arg(1232);

/// As a node makes and checks its cookies: a keyed H128 of a window, an address, a sendback and X.
void cookie_like_hash128(benchmark::State& state) {
  const ByteArray<32> key{};
  const ByteArray<64> input{};
  for (auto _ : state) {
    benchmark::DoNotOptimize(h128(key, {input}));
  }
}
BENCHMARK(cookie_like_hash128);

void secret_take_and_give(benchmark::State& state) {
  for (auto _ : state) {
    benchmark::DoNotOptimize(Secret<32>());
  }
}
BENCHMARK(secret_take_and_give);

}  // namespace
}  // namespace toxasync::crypto
