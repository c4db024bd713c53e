// SPDX-License-Identifier: GPL-3.0-or-later
#include "crypto/mailbox.hpp"

#include <limits>

namespace toxasync::crypto {

namespace {

ByteArray<4> encode(Epoch epoch) noexcept {
  ByteArray<4> bytes;
  store_le(epoch, bytes.data());
  return bytes;
}

Secret<32> derive(ByteView key, std::string_view label, Epoch epoch) {
  return Secret<32>(h256(key, {as_bytes(label), encode(epoch)}));
}

/// The writable side, from the key that writers share and the point that b is applied to.
std::optional<WritableMailbox> writable(ByteView key, const Point& target, const Secret<32>& b, Epoch epoch,
                                        RootKind kind) {
  Secret<32> w = derive(key, "toxasync/1 write", epoch);
  MailboxAddress address;
  address.w = x25519_base(w.bytes());
  ByteArray<32> p;
  if (!x25519(p, b.bytes(), target)) {
    return std::nullopt;
  }
  address.p = Point(p);
  return WritableMailbox{epoch, address, std::move(w), kind};
}

std::optional<OwnedMailbox> owned(ByteView key, const Point& target, const Secret<32>& inner, Epoch epoch,
                                  RootKind kind) {
  Secret<32> b = derive(key, "toxasync/1 mbox", epoch);
  auto mailbox = writable(key, target, b, epoch, kind);
  if (!mailbox) {
    return std::nullopt;
  }
  return OwnedMailbox{std::move(*mailbox), OwnerKey(std::move(b), inner.clone())};
}

ByteArray<32> public_root_key(const FriendKey& recipient, const ByteArray<4>& nospam) noexcept {
  return h256({}, {as_bytes("toxasync/1 pub"), recipient, nospam});
}

}  // namespace

std::optional<Epoch> epoch_at(UnixTime time) noexcept {
  if (time < limits::epoch_origin) {
    return std::nullopt;
  }
  const std::int64_t epoch = (time - limits::epoch_origin) / limits::epoch_length;
  if (epoch > std::numeric_limits<Epoch>::max()) {
    return std::nullopt;
  }
  return static_cast<Epoch>(epoch);
}

BoxKey box_key(const MailboxAddress& address) noexcept {
  return BoxKey(h256({}, {address.p, address.w}));
}

BoxTag box_tag(const MailboxAddress& address) noexcept {
  return id_from<BoxTag>(box_key(address));
}

bool OwnerKey::apply(ByteArray<32>& out, const Point& q) const noexcept {
  if (!inner_) {
    return x25519(out, outer_.bytes(), q);
  }
  Wiped<32> middle;
  if (!x25519(middle, inner_->bytes(), q)) {
    return false;
  }
  Point point(middle);
  const bool applied = x25519(out, outer_.bytes(), point);
  wipe(point);
  return applied;
}

std::optional<WritableMailbox> friends_mailbox(const Point& root_public, Epoch epoch) {
  return writable(root_public, root_public, derive(root_public, "toxasync/1 mbox", epoch), epoch,
                  RootKind::friends);
}

std::optional<OwnedMailbox> own_friends_mailbox(const KeyPair& root, Epoch epoch) {
  return owned(root.public_key, root.public_key, root.secret, epoch, RootKind::friends);
}

std::optional<WritableMailbox> public_mailbox(const FriendKey& recipient, const ByteArray<4>& nospam,
                                              Epoch epoch) {
  const ByteArray<32> key = public_root_key(recipient, nospam);
  return writable(key, point_of(recipient), derive(key, "toxasync/1 mbox", epoch), epoch, RootKind::open);
}

std::optional<OwnedMailbox> own_public_mailbox(const KeyPair& self, const ByteArray<4>& nospam, Epoch epoch) {
  return owned(public_root_key(self.friend_key(), nospam), self.public_key, self.secret, epoch,
               RootKind::open);
}

std::optional<OwnedMailbox> pair_mailbox(const Secret<32>& self_secret, const FriendKey& peer,
                                         const FriendKey& from, const FriendKey& to, Epoch epoch) {
  Wiped<32> z;
  if (!x25519(z, self_secret.bytes(), point_of(peer))) {
    return std::nullopt;
  }
  Secret<32> p(h256(z, {as_bytes("toxasync/1 pair p"), from, to, encode(epoch)}));
  Secret<32> w(h256(z, {as_bytes("toxasync/1 pair w"), from, to, encode(epoch)}));
  const MailboxAddress address{x25519_base(p.bytes()), x25519_base(w.bytes())};
  return OwnedMailbox{WritableMailbox{epoch, address, std::move(w), RootKind::pair}, OwnerKey(std::move(p))};
}

Tag request_tag(TagKind kind, const ByteArray<32>& shared, const Point& node_key, const Point& session_key,
                ByteView request, std::size_t tag_offset) noexcept {
  constexpr Tag zero{};
  const auto label = as_bytes(kind == TagKind::owner ? "toxasync/1 owner" : "toxasync/1 wtag");
  return h128(shared, {label, node_key, session_key, request.first(tag_offset), zero,
                       request.subspan(tag_offset + zero.size())});
}

}  // namespace toxasync::crypto
