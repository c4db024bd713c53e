// SPDX-License-Identifier: GPL-3.0-or-later
#include <boost/archive/binary_iarchive.hpp>
#include <boost/archive/binary_oarchive.hpp>
#include <boost/serialization/array.hpp>
#include <boost/serialization/vector.hpp>
#include <sstream>
#include <streambuf>

#include "bench_support.hpp"
#include "protocol/store_request.hpp"

// A store request of the largest size through our archives, and through the stock ones in the form that is
// kindest to them: no header, no tracking check, a stream buffer over memory that is there already.

namespace toxasync {
namespace {

protocol::StoreRequest store_request() {
  protocol::StoreRequest request;
  request.counter = 1;
  request.payload.assign(limits::large_envelope, 7);
  return request;
}

/// A stream buffer over given bytes.
class SpanBuffer : public std::streambuf {
 public:
  explicit SpanBuffer(MutableBytes bytes) {
    auto* const begin = reinterpret_cast<char*>(bytes.data());
    setp(begin, begin + bytes.size());
    setg(begin, begin, begin + bytes.size());
  }
};

constexpr unsigned stock_flags = boost::archive::no_header | boost::archive::no_tracking;

void save_ours(const protocol::StoreRequest& request, MutableBytes out) {
  benchmark::DoNotOptimize(wire::encode(request, out));
  benchmark::ClobberMemory();
}
void save_stock(const protocol::StoreRequest& request, MutableBytes out) {
  SpanBuffer buffer(out);
  boost::archive::binary_oarchive archive(buffer, stock_flags);
  archive << request;
  benchmark::ClobberMemory();
}
void load_ours(ByteView in, protocol::StoreRequest& request) {
  benchmark::DoNotOptimize(wire::decode(in, request));
  benchmark::ClobberMemory();
}
void load_stock(MutableBytes in, protocol::StoreRequest& request) {
  SpanBuffer buffer(in);
  boost::archive::binary_iarchive archive(buffer, stock_flags);
  archive >> request;
  benchmark::ClobberMemory();
}

void archive_save(benchmark::State& state) {
  const auto request = store_request();
  Bytes out(4096);
  for (auto _ : state) {
    save_ours(request, out);
  }
  state.counters["stock_ratio"] = bench::seconds_per_call([&] { save_stock(request, out); }, 20000) /
                                  bench::seconds_per_call([&] { save_ours(request, out); }, 20000);
}
BENCHMARK(archive_save);

void archive_save_stock(benchmark::State& state) {
  const auto request = store_request();
  Bytes out(4096);
  for (auto _ : state) {
    save_stock(request, out);
  }
}
BENCHMARK(archive_save_stock);

void archive_load(benchmark::State& state) {
  Bytes ours(4096);
  Bytes stock(4096);
  ours.resize(*wire::encode(store_request(), ours));
  save_stock(store_request(), stock);
  protocol::StoreRequest request;
  for (auto _ : state) {
    load_ours(ours, request);
  }
  state.counters["stock_ratio"] = bench::seconds_per_call([&] { load_stock(stock, request); }, 20000) /
                                  bench::seconds_per_call([&] { load_ours(ours, request); }, 20000);
}
BENCHMARK(archive_load);

void archive_load_stock(benchmark::State& state) {
  Bytes stock(4096);
  save_stock(store_request(), stock);
  protocol::StoreRequest request;
  for (auto _ : state) {
    load_stock(stock, request);
  }
}
BENCHMARK(archive_load_stock);

}  // namespace
}  // namespace toxasync
