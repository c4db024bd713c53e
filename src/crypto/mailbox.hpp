// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <optional>

#include "base/time.hpp"
#include "crypto/curve.hpp"
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

/// Whose mailboxes are derived from a root (section 3), and so what may be in them (section 4).
enum class RootKind : std::uint8_t {
  friends,  ///< Everything between friends.
  open,     ///< The public root: anybody can write to it. Friend requests only.
  pair,     ///< Of two friends, one of which may not know the other's mailboxes: bundles only.
};

/// What a sender knows of a mailbox.
struct WritableMailbox {
  Epoch epoch = 0;
  MailboxAddress address;
  Secret<32> write_secret;  ///< w
  RootKind kind = RootKind::friends;

  [[nodiscard]] WritableMailbox clone() const { return {epoch, address, write_secret.clone(), kind}; }
};

/// The private half of a mailbox: one scalar, or two whose product is never computed.
class OwnerKey {
 public:
  explicit OwnerKey(Secret<32> outer) : outer_(std::move(outer)) {}
  OwnerKey(Secret<32> outer, Secret<32> inner) : outer_(std::move(outer)), inner_(std::move(inner)) {}

  /// owner(Q). False when Q or the result is refused.
  [[nodiscard]] bool apply(ByteArray<32>& out, const Point& q) const noexcept;

  [[nodiscard]] OwnerKey clone() const {
    return inner_ ? OwnerKey(outer_.clone(), inner_->clone()) : OwnerKey(outer_.clone());
  }

 private:
  Secret<32> outer_;
  std::optional<Secret<32>> inner_;
};

/// What the owner knows of it.
struct OwnedMailbox {
  WritableMailbox mailbox;
  OwnerKey owner;

  [[nodiscard]] OwnedMailbox clone() const { return {mailbox.clone(), owner.clone()}; }
};

// Each returns nothing when a point it is given is refused.

/// Friends root: M as it was given to friends.
std::optional<WritableMailbox> friends_mailbox(const Point& root_public, Epoch epoch);
std::optional<OwnedMailbox> own_friends_mailbox(const KeyPair& root, Epoch epoch);

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
