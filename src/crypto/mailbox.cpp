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

std::optional<Point> apply(const Secret<32>& b, const Point& target) noexcept {
  ByteArray<32> p;
  return x25519(p, b.bytes(), target) ? std::optional(Point(p)) : std::nullopt;
}

/// The public root's writable side, from the key that all writers share and the point that b is applied to.
std::optional<WritableMailbox> writable(ByteView key, const Point& target, const Secret<32>& b, Epoch epoch) {
  const auto p = apply(b, target);
  if (!p) {
    return std::nullopt;
  }
  Secret<32> w = derive(key, "toxasync/1 write", epoch);
  const MailboxAddress address{*p, x25519_base(w.bytes())};
  return WritableMailbox{epoch, address, std::move(w), {}, RootKind::open, {}};
}

Wiped<32> friends_write_secret(const KeyPair& root, const FriendKey& writer) noexcept {
  return Wiped<32>(h256(root.secret.view(), {as_bytes("toxasync/1 writer"), writer}));
}

WritableMailbox friends_box(const Point& p, const Wiped<32>& write_secret, Epoch epoch) {
  Secret<32> w = derive(write_secret, "toxasync/1 write", epoch);
  const MailboxAddress address{p, x25519_base(w.bytes())};
  return {epoch, address, std::move(w), derive(write_secret, "toxasync/1 hsec", epoch), RootKind::friends,
          {}};
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
  return BoxKey(h256({}, {as_bytes("toxasync/1 box"), address.p, address.w}));
}

BoxTag box_tag(const MailboxAddress& address) noexcept {
  return id_from<BoxTag>(box_key(address));
}

BoxName box_name(const MailboxAddress& address) noexcept {
  return id_from<BoxName>(box_key(address));
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

OwnerKey::Fillers OwnerKey::fillers(const Point& p, std::uint32_t tens) const noexcept {
  ByteArray<4> number;
  store_le(tens, number.data());
  const Secret<32>& key = inner_ ? *inner_ : outer_;
  const auto bytes = h256(key.view(), {as_bytes("toxasync/1 fill"), p, number});
  Fillers tags;
  for (std::size_t i = 0; i < tags.size(); ++i) {
    tags.at(i) = id_from<BoxTag>(ByteView(bytes).subspan(i * sizeof(BoxTag)));
  }
  return tags;
}

FriendsRoot friends_root(const KeyPair& root, const FriendKey& writer) noexcept {
  return {root.public_key, friends_write_secret(root, writer)};
}

std::optional<WritableMailbox> friends_mailbox(const FriendsRoot& root, Epoch epoch) {
  const auto p = apply(derive(root.m, "toxasync/1 mbox", epoch), root.m);
  return p ? std::optional(friends_box(*p, root.write_secret, epoch)) : std::nullopt;
}

std::optional<FriendsMailbox> FriendsMailbox::derive(const KeyPair& root, Epoch epoch) {
  Secret<32> b = crypto::derive(root.public_key, "toxasync/1 mbox", epoch);
  const auto p = apply(b, root.public_key);
  return p ? std::optional(FriendsMailbox(root, epoch, *p, OwnerKey(std::move(b), root.secret.clone())))
           : std::nullopt;
}

Point FriendsMailbox::write_point(const FriendKey& writer) const {
  return x25519_base(crypto::derive(friends_write_secret(root_, writer), "toxasync/1 write", epoch_).bytes());
}

OwnedMailbox FriendsMailbox::box(const FriendKey& writer) const {
  auto mailbox = friends_box(p_, friends_write_secret(root_, writer), epoch_);
  mailbox.writer = writer;
  return {std::move(mailbox), owner_.clone()};
}

std::optional<WritableMailbox> public_mailbox(const FriendKey& recipient, const ByteArray<4>& nospam,
                                              Epoch epoch) {
  const ByteArray<32> key = public_root_key(recipient, nospam);
  return writable(key, point_of(recipient), derive(key, "toxasync/1 mbox", epoch), epoch);
}

std::optional<OwnedMailbox> own_public_mailbox(const KeyPair& self, const ByteArray<4>& nospam, Epoch epoch) {
  const ByteArray<32> key = public_root_key(self.friend_key(), nospam);
  Secret<32> b = derive(key, "toxasync/1 mbox", epoch);
  auto mailbox = writable(key, self.public_key, b, epoch);
  return mailbox
             ? std::optional(OwnedMailbox{std::move(*mailbox), OwnerKey(std::move(b), self.secret.clone())})
             : std::nullopt;
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
  return OwnedMailbox{WritableMailbox{epoch, address, std::move(w), {}, RootKind::pair, from},
                      OwnerKey(std::move(p))};
}

Tag request_tag(TagKind kind, const ByteArray<32>& shared, const Point& node_key, const Point& session_key,
                ByteView request, std::size_t tag_offset) noexcept {
  constexpr Tag zero{};
  const auto label = as_bytes(kind == TagKind::owner ? "toxasync/1 owner" : "toxasync/1 wtag");
  return h128(shared, {label, node_key, session_key, request.first(tag_offset), zero,
                       request.subspan(tag_offset + zero.size())});
}

}  // namespace toxasync::crypto
