// SPDX-License-Identifier: GPL-3.0-or-later
// The C library's functions as both libraries see them, for the thread that lives in the simulation. On other
// threads, and for descriptors that are no simulated sockets, they do what the C library's do.
#include <arpa/inet.h>
#include <dlfcn.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <condition_variable>
#include <cstring>
#include <mutex>
#include <utility>

#include "disk_gate.hpp"
#include "machine.hpp"

using toxasync::live::DiskGate;
using toxasync::live::Machine;
using toxasync::live::Socket;

namespace {

/// The steady clock's reading when the simulation begins: later than that of any real machine, on whose clock
/// the libraries' threads wait. So a wait for the disk never times out.
constexpr std::time_t booted_s = 1'000'000'000;

std::mutex gate_mutex;  // Guards the next three.
std::condition_variable gate_changed;
bool gate_open = true;
std::uint64_t threads = 0;
thread_local bool arrived = false;
thread_local bool at_gate = false;

Socket* simulated(int descriptor) {
  Machine* const machine = Machine::here();
  return machine == nullptr ? nullptr : machine->find(descriptor);
}

sockaddr_in to_system(const toxasync::Endpoint& endpoint) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(endpoint.port);
  std::memcpy(&address.sin_addr, endpoint.ip.data(), 4);
  return address;
}

void write_address(const toxasync::Endpoint& endpoint, void* out, socklen_t* size) {
  if (out != nullptr && size != nullptr) {
    const sockaddr_in address = to_system(endpoint);
    std::memcpy(out, &address, std::min<std::size_t>(*size, sizeof(address)));
    *size = sizeof(address);
  }
}

int failed(int error) {
  errno = error;
  return -1;
}

ssize_t send(Socket& socket, const void* bytes, std::size_t size, const void* to) {
  sockaddr_in address{};
  std::memcpy(&address, to, sizeof(address));
  if (socket.bound == nullptr || address.sin_family != AF_INET) {
    return failed(EAFNOSUPPORT);
  }
  toxasync::Route route;
  route.endpoint.family = 4;
  route.endpoint.port = ntohs(address.sin_port);
  std::memcpy(route.endpoint.ip.data(), &address.sin_addr, 4);
  socket.bound->send(route, {static_cast<const std::uint8_t*>(bytes), size});
  return static_cast<ssize_t>(size);
}

ssize_t receive(Socket& socket, void* out, std::size_t size, void* from, socklen_t* from_size) {
  if (socket.inbox.empty()) {
    return failed(EWOULDBLOCK);
  }
  const Socket::Datagram datagram = std::move(socket.inbox.front());
  socket.inbox.pop_front();
  const std::size_t read = std::min(size, datagram.bytes.size());
  std::memcpy(out, datagram.bytes.data(), read);
  write_address(datagram.from, from, from_size);
  return static_cast<ssize_t>(read);
}

}  // namespace

void DiskGate::set_open(bool open) {
  const std::lock_guard lock(gate_mutex);
  gate_open = open;
  gate_changed.notify_all();
}

std::uint64_t DiskGate::threads_so_far() {
  const std::lock_guard lock(gate_mutex);
  return threads;
}

void DiskGate::await_threads(std::uint64_t count) {
  std::unique_lock lock(gate_mutex);
  gate_changed.wait(lock, [count] { return threads >= count; });
}

void DiskGate::arrive() {
  if (!std::exchange(arrived, true)) {
    const std::lock_guard lock(gate_mutex);
    ++threads;
    gate_changed.notify_all();
  }
}

void DiskGate::pass() {
  std::unique_lock lock(gate_mutex);
  gate_changed.wait(lock, [] { return gate_open; });
}

#pragma GCC visibility push(default)

extern "C" {

int socket(int domain, int type, int protocol) noexcept {
  Machine* const machine = Machine::here();
  if (machine == nullptr) {
    return static_cast<int>(syscall(SYS_socket, domain, type, protocol));
  }
  // There is IPv4 only, and there are no relays.
  return domain == AF_INET && (type & SOCK_DGRAM) != 0 ? machine->open_socket() : failed(EAFNOSUPPORT);
}

int bind(int descriptor, const sockaddr* address, socklen_t size) noexcept {
  Socket* const socket = simulated(descriptor);
  if (socket == nullptr) {
    return static_cast<int>(syscall(SYS_bind, descriptor, address, size));
  }
  sockaddr_in wanted{};
  std::memcpy(&wanted, address, std::min<std::size_t>(size, sizeof(wanted)));
  return Machine::here()->bind(*socket, ntohs(wanted.sin_port)) ? 0 : failed(EADDRINUSE);
}

int getsockname(int descriptor, sockaddr* address, socklen_t* size) noexcept {
  Socket* const socket = simulated(descriptor);
  if (socket == nullptr) {
    return static_cast<int>(syscall(SYS_getsockname, descriptor, address, size));
  }
  write_address(socket->bound == nullptr ? toxasync::Endpoint{4, {}, 0} : socket->bound->endpoint(), address,
                size);
  return 0;
}

int setsockopt(int descriptor, int level, int option, const void* value, socklen_t size) noexcept {
  return simulated(descriptor) != nullptr
             ? 0
             : static_cast<int>(syscall(SYS_setsockopt, descriptor, level, option, value, size));
}

ssize_t sendto(int descriptor, const void* bytes, std::size_t length, int flags, const sockaddr* to,
               socklen_t size) {
  Socket* const socket = simulated(descriptor);
  return socket != nullptr ? send(*socket, bytes, length, to)
                           : syscall(SYS_sendto, descriptor, bytes, length, flags, to, size);
}

ssize_t recvfrom(int descriptor, void* out, std::size_t length, int flags, sockaddr* from, socklen_t* size) {
  Socket* const socket = simulated(descriptor);
  return socket != nullptr ? receive(*socket, out, length, from, size)
                           : syscall(SYS_recvfrom, descriptor, out, length, flags, from, size);
}

ssize_t sendmsg(int descriptor, const msghdr* message, int flags) {
  Socket* const socket = simulated(descriptor);
  return socket != nullptr
             ? send(*socket, message->msg_iov[0].iov_base, message->msg_iov[0].iov_len, message->msg_name)
             : syscall(SYS_sendmsg, descriptor, message, flags);
}

int recvmmsg(int descriptor, mmsghdr* messages, unsigned count, int flags, timespec* timeout) {
  Socket* const socket = simulated(descriptor);
  if (socket == nullptr) {
    return static_cast<int>(syscall(SYS_recvmmsg, descriptor, messages, count, flags, timeout));
  }
  unsigned read = 0;
  for (; read < count && !socket->inbox.empty(); ++read) {
    msghdr& header = messages[read].msg_hdr;
    messages[read].msg_len =
        static_cast<unsigned>(receive(*socket, header.msg_iov[0].iov_base, header.msg_iov[0].iov_len,
                                      header.msg_name, &header.msg_namelen));
    header.msg_controllen = 0;
  }
  return read > 0 ? static_cast<int>(read) : failed(EWOULDBLOCK);
}

int close(int descriptor) {
  if (Machine* const machine = Machine::here()) {
    machine->close(descriptor);
  }
  return static_cast<int>(syscall(SYS_close, descriptor));
}

int clock_gettime(clockid_t which, timespec* out) noexcept {
  const Machine* const machine = Machine::any();
  if (machine == nullptr || (which != CLOCK_REALTIME && which != CLOCK_MONOTONIC)) {
    return static_cast<int>(syscall(SYS_clock_gettime, which, out));
  }
  const toxasync::Now now = machine->clock.now();
  const auto ms = which == CLOCK_REALTIME ? now.wall.time_since_epoch() : now.steady.time_since_epoch();
  out->tv_sec = ms.count() / 1000 + (which == CLOCK_REALTIME ? 0 : booted_s);
  out->tv_nsec = ms.count() % 1000 * 1'000'000;
  return 0;
}

time_t time(time_t* out) noexcept {
  timespec now{};
  clock_gettime(CLOCK_REALTIME, &now);
  if (out != nullptr) {
    *out = now.tv_sec;
  }
  return now.tv_sec;
}

// libtoxcore locks each session key in memory: half of the time of a run. Nothing of it can be seen.
int mlock(const void* /*address*/, std::size_t /*size*/) noexcept {
  return 0;
}

int munlock(const void* /*address*/, std::size_t /*size*/) noexcept {
  return 0;
}

int madvise(void* /*address*/, std::size_t /*size*/, int /*advice*/) noexcept {
  return 0;
}

int pthread_cond_wait(pthread_cond_t* condition, pthread_mutex_t* mutex) {
  using Wait = int(pthread_cond_t*, pthread_mutex_t*);
  static auto* const wait = reinterpret_cast<Wait*>(dlvsym(RTLD_NEXT, "pthread_cond_wait", "GLIBC_2.3.2"));
  if (Machine::here() != nullptr || at_gate) {
    return wait(condition, mutex);
  }
  at_gate = true;
  DiskGate::arrive();
  const int result = wait(condition, mutex);
  pthread_mutex_unlock(mutex);
  DiskGate::pass();
  pthread_mutex_lock(mutex);
  at_gate = false;
  return result;
}

}  // extern "C"

#pragma GCC visibility pop
