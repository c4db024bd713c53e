// SPDX-License-Identifier: GPL-3.0-or-later
#include "adapters/udp/datagram.hpp"

#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "adapters/addresses/asio_endpoint.hpp"

namespace toxasync {

using boost::system::error_code;
using udp = boost::asio::ip::udp;

namespace {

/// Room for one control message about an address, of either family.
union Control {
  cmsghdr header;  ///< For its alignment.
  std::uint8_t bytes[CMSG_SPACE(sizeof(in6_pktinfo))];
};

error_code last_error() noexcept {
  return {errno, boost::system::system_category()};
}

/// The local address that the system reports with a datagram.
void read_local_address(msghdr& message, Route& from) noexcept {
  const auto keep = [&from](const auto& address) {
    static_assert(sizeof(address) == 4 || sizeof(address) == 16);
    from.sendback_size = sizeof(address);
    std::memcpy(from.sendback.data(), &address, sizeof(address));
  };
  for (cmsghdr* part = CMSG_FIRSTHDR(&message); part != nullptr; part = CMSG_NXTHDR(&message, part)) {
    if (part->cmsg_level == IPPROTO_IP && part->cmsg_type == IP_PKTINFO) {
      in_pktinfo info{};
      std::memcpy(&info, CMSG_DATA(part), sizeof(info));
      keep(info.ipi_spec_dst);
    } else if (part->cmsg_level == IPPROTO_IPV6 && part->cmsg_type == IPV6_PKTINFO) {
      in6_pktinfo info{};
      std::memcpy(&info, CMSG_DATA(part), sizeof(info));
      keep(info.ipi6_addr);
    }
  }
}

template <class Info>
void put_control(msghdr& message, Control& control, int level, int type, const Info& info) noexcept {
  message.msg_control = control.bytes;
  message.msg_controllen = CMSG_SPACE(sizeof(info));
  cmsghdr* const part = CMSG_FIRSTHDR(&message);
  part->cmsg_level = level;
  part->cmsg_type = type;
  part->cmsg_len = CMSG_LEN(sizeof(info));
  std::memcpy(CMSG_DATA(part), &info, sizeof(info));
}

/// False: not an address of that family.
bool put_local_address(msghdr& message, Control& control, ByteView local, bool v4) noexcept {
  in_pktinfo info4{};
  in6_pktinfo info6{};
  if (v4 && local.size() == sizeof(info4.ipi_spec_dst)) {
    std::memcpy(&info4.ipi_spec_dst, local.data(), local.size());
    put_control(message, control, IPPROTO_IP, IP_PKTINFO, info4);
    return true;
  }
  if (!v4 && local.size() == sizeof(info6.ipi6_addr)) {
    std::memcpy(&info6.ipi6_addr, local.data(), local.size());
    put_control(message, control, IPPROTO_IPV6, IPV6_PKTINFO, info6);
    return true;
  }
  return false;
}

}  // namespace

bool request_local_address(udp::socket& socket) noexcept {
  error_code failed;
  const bool v4 = socket.local_endpoint(failed).address().is_v4();
  const int on = 1;
  return !failed && ::setsockopt(socket.native_handle(), v4 ? IPPROTO_IP : IPPROTO_IPV6,
                                 v4 ? IP_PKTINFO : IPV6_RECVPKTINFO, &on, sizeof(on)) == 0;
}

std::size_t ReceivedDatagrams::receive(udp::socket& socket, std::size_t count, error_code& failed) noexcept {
  std::array<udp::endpoint, max> peers;
  std::array<Control, max> controls{};
  std::array<iovec, max> data{};
  std::array<mmsghdr, max> messages{};
  const std::size_t wanted = std::min(count, max);
  for (std::size_t i = 0; i < wanted; ++i) {
    data[i] = {room_[i].data(), room_[i].size()};
    msghdr& header = messages[i].msg_hdr;
    header.msg_name = peers[i].data();
    header.msg_namelen = static_cast<socklen_t>(peers[i].capacity());
    header.msg_iov = &data[i];
    header.msg_iovlen = 1;
    header.msg_control = controls[i].bytes;
    header.msg_controllen = sizeof(controls[i].bytes);
  }
  const int received = ::recvmmsg(socket.native_handle(), messages.data(), static_cast<unsigned>(wanted),
                                  MSG_DONTWAIT, nullptr);
  if (received < 0) {
    failed = last_error();
    return 0;
  }
  failed = {};
  for (std::size_t i = 0; i < static_cast<std::size_t>(received); ++i) {
    peers[i].resize(messages[i].msg_hdr.msg_namelen);
    sizes_[i] = messages[i].msg_len;
    from_[i].transport = TransportKind::udp;
    from_[i].endpoint = from_asio(peers[i]);
    from_[i].sendback_size = 0;
    read_local_address(messages[i].msg_hdr, from_[i]);
  }
  return static_cast<std::size_t>(received);
}

void send_datagram(udp::socket& socket, const udp::endpoint& to, ByteView local, ByteView packet,
                   error_code& failed) noexcept {
  udp::endpoint peer = to;
  iovec data{const_cast<std::uint8_t*>(packet.data()), packet.size()};  // it is only read
  Control control{};
  msghdr message{};
  message.msg_name = peer.data();
  message.msg_namelen = static_cast<socklen_t>(peer.size());
  message.msg_iov = &data;
  message.msg_iovlen = 1;
  if (!local.empty() && !put_local_address(message, control, local, to.address().is_v4())) {
    failed = boost::system::errc::make_error_code(boost::system::errc::invalid_argument);
    return;
  }
  failed = ::sendmsg(socket.native_handle(), &message, MSG_DONTWAIT) >= 0 ? error_code() : last_error();
}

}  // namespace toxasync
