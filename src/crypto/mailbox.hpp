// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <optional>

#include "base/time.hpp"
#include "crypto/curve.hpp"
#include "wire/archive.hpp"
#include "wire/limits.hpp"

// Epochs, roots, mailbox addresses and tags: docs/protocol.md, sections 2 and 3.

namespace toxasync::crypto {

/// Six-hour periods since 2025-01-01T00:00:00Z.
using Epoch = std::uint32_t;

/// Nothing before 2025 or past the last epoch.
std::optional<Epoch> epoch_at(UnixTime time) noexcept;
constexpr UnixTime epoch_start(Epoch epoch) noexcept {
  return limits::epoch_origin + static_cast<std::int64_t>(epoch) * limits::epoch_length;
}

/// What a node sees of a mailbox.
struct MailboxAddress {
  Point p{};  ///< Mail is sealed to it; its private half lists and deletes.
  Point w{};  ///< Its private half writes.

  bool operator==(const MailboxAddress&) const = default;
};

/// The box that its holder of w writes to in the mailbox of P.
BoxKey box_key(const MailboxAddress& address) noexcept;
BoxTag box_tag(const MailboxAddress& address) noexcept;
BoxName box_name(const MailboxAddress& address) noexcept;

/// Whose mailboxes are derived from a root (section 3), and so what may be in them (section 4).
enum class RootKind : std::uint8_t {
  friends,  ///< Everything between friends.
  open,     ///< The public root: anybody can write to it. Friend requests only.
  pair,     ///< Of two friends, one of which may not know the other's mailboxes: bundles only.
};

/// A friends root as one friend is given it: enough to find its mailboxes, and to write to a box of theirs in
/// each.
struct FriendsRoot {
  Point m{};
  Wiped<32> write_secret;  ///< u

  static constexpr std::size_t min_encoded_size = 2 * limits::point;

  bool operator==(const FriendsRoot&) const = default;
  static void fields(auto& ar, auto& self) { wire::fields(ar, self.m, wire::array_of(self.write_secret)); }
};

/// What the writer of a box knows of it, and of the mailbox that it is in.
struct WritableMailbox {
  Epoch epoch = 0;
  MailboxAddress address;
  Secret<32> write_secret;   ///< w
  Secret<32> header_secret;  ///< h: proves who wrote. Zeros in the public and pair roots.
  RootKind kind = RootKind::friends;
  FriendKey writer{};  ///< Where it is the owner's: who writes there. Zeros in the public root.

  [[nodiscard]] WritableMailbox clone() const {
    return {epoch, address, write_secret.clone(), header_secret.clone(), kind, writer};
  }
};

/// The private half of a mailbox: one scalar, or two whose product is never computed.
class OwnerKey {
 public:
  explicit OwnerKey(Secret<32> outer) : outer_(std::move(outer)) {}
  OwnerKey(Secret<32> outer, Secret<32> inner) : outer_(std::move(outer)), inner_(std::move(inner)) {}

  /// owner(Q). False when Q or the result is refused.
  [[nodiscard]] bool apply(ByteArray<32>& out, const Point& q) const noexcept;
  /// Tags that are nobody's, by which a list is filled up; the same each time for the mailbox of `p`. With
  /// the numbers from 10 * `tens` on.
  using Fillers = std::array<BoxTag, 10>;
  [[nodiscard]] Fillers fillers(const Point& p, std::uint32_t tens) const noexcept;

  [[nodiscard]] OwnerKey clone() const {
    return inner_ ? OwnerKey(outer_.clone(), inner_->clone()) : OwnerKey(outer_.clone());
  }

 private:
  Secret<32> outer_;
  std::optional<Secret<32>> inner_;
};

/// What the owner of the mailbox knows of a box.
struct OwnedMailbox {
  WritableMailbox mailbox;
  OwnerKey owner;

  [[nodiscard]] OwnedMailbox clone() const { return {mailbox.clone(), owner.clone()}; }
};

// Each returns nothing when a point it is given is refused.

/// Friends root: what its owner gives to a friend, and the friend's box.
FriendsRoot friends_root(const KeyPair& root, const FriendKey& writer) noexcept;
std::optional<WritableMailbox> friends_mailbox(const FriendsRoot& root, Epoch epoch);

/// The owner's side of a friends root in one epoch: a mailbox with a box for each friend.
class FriendsMailbox {
 public:
  /// Nothing: not reached with a root of ours, whose points are good.
  static std::optional<FriendsMailbox> derive(const KeyPair& root, Epoch epoch);

  [[nodiscard]] Epoch epoch() const noexcept { return epoch_; }
  [[nodiscard]] const Point& p() const noexcept { return p_; }
  [[nodiscard]] const OwnerKey& owner() const noexcept { return owner_; }
  /// W of a friend's box.
  [[nodiscard]] Point write_point(const FriendKey& writer) const;
  [[nodiscard]] OwnedMailbox box(const FriendKey& writer) const;

 private:
  FriendsMailbox(const KeyPair& root, Epoch epoch, const Point& p, OwnerKey owner)
      : epoch_(epoch), p_(p), root_{root.secret.clone(), root.public_key}, owner_(std::move(owner)) {}

  Epoch epoch_;
  Point p_;
  KeyPair root_;
  OwnerKey owner_;
};

/// Public root: from the recipient's Tox key and nospam.
std::optional<WritableMailbox> public_mailbox(const FriendKey& recipient, const ByteArray<4>& nospam,
                                              Epoch epoch);
std::optional<OwnedMailbox> own_public_mailbox(const KeyPair& self, const ByteArray<4>& nospam, Epoch epoch);

/// Pair root: mail from `from` to `to`, one of which is `self`. Both ends own it.
std::optional<OwnedMailbox> pair_mailbox(const Secret<32>& self_secret, const FriendKey& peer,
                                         const FriendKey& from, const FriendKey& to, Epoch epoch);

using Tag = ByteArray<limits::tag>;

/// Which right a tag proves.
enum class TagKind : std::uint8_t { owner, write };

/// The tag of an encoded request whose tag field, at `tag_offset`, counts as zero. `shared` is the key
/// agreement of the mailbox's private half with N, or of n with P (owner) or W (write). The request must
/// reach past the field.
Tag request_tag(TagKind kind, const ByteArray<32>& shared, const Point& node_key, const Point& session_key,
                ByteView request, std::size_t tag_offset) noexcept;

}  // namespace toxasync::crypto
