// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <map>
#include <unordered_map>

#include "manager/contact/bundle_exchange.hpp"
#include "manager/contact/contact_listener.hpp"
#include "manager/contact/contact_nodes.hpp"
#include "manager/core/services.hpp"
#include "manager/nodes/node_health.hpp"
#include "wire/storage_time.hpp"

namespace toxasync::manager {

/// Friend requests of ours in the public mailboxes of people who are offline (docs/protocol.md, "First
/// contact"): each is kept on disk until it was stored on a node and two weeks have passed, it was cancelled,
/// or it was answered; and offered again once a day, sealed for the epoch of the day. One that is cancelled
/// stays until no node has it, also beside a new one to the same person.
class RequestOutbox final : private client::StoreResultListener {
 public:
  static constexpr std::size_t most_requests = 64;  ///< Those being cancelled included.
  /// Two weeks of rounds, of which none was confirmed. Past that there is no new one.
  static constexpr std::size_t rounds_kept = 32;
  /// For how long a new request waits for the end of a cancelled one to the same person, which would be shown
  /// in its place.
  static constexpr milliseconds after_cancelled = 10min;
  /// Home nodes that our user named: one of them may be the recipient's.
  static constexpr std::size_t home_nodes_used = limits::home_nodes;
  static constexpr std::size_t nearest_used = 3;  ///< And of the nearest.
  static constexpr std::size_t nodes_in_round = home_nodes_used + nearest_used;
  static constexpr seconds kept = limits::largest_time_to_live;
  static constexpr seconds offer_every = 24h;
  /// A copy has come to its node so long after it was sent, or never will (Canceller::packet_lifetime).
  static constexpr milliseconds packet_lifetime = 5min;
  static constexpr milliseconds look_again = 30s;  ///< While there is something to be done.
  static constexpr milliseconds longest_look = 1h;
  static constexpr std::size_t operations_under_way = 16;

  RequestOutbox(const Services& services, const ContactNodes& nodes, const BundleExchange& bundles,
                NodeHealth& health, ContactListener& listener)
      : services_(services), nodes_(nodes), bundles_(bundles), health_(health), listener_(listener) {}

  bool load(const store::StateEntry& entry);

  Result<crypto::MessageId, RequestError> send(const ToxAddress& address, ByteView text, Now now);
  /// False: there is none. RequestState::cancelled follows.
  bool cancel(const FriendKey& to, Now now);
  /// They have come online, or their keys are here.
  void on_contact(const FriendKey& to);
  void look_again_at_all(Now now);

  void tick(Now now);
  [[nodiscard]] SteadyTime next_deadline() const noexcept;

 private:
  struct Placement {
    protocol::NodeId node{};
    std::uint8_t stored = 0;  ///< The node has said so.
    // In memory:
    bool under_way = false;
    SteadyTime sent{};  ///< The last packet of the copy, or the start of the program.

    static constexpr std::size_t min_encoded_size = 32 + 1;
    static void fields(auto& ar, auto& self) { wire::fields(ar, self.node, self.stored); }
  };
  /// The copies that were made for one epoch. Written before the first of them leaves.
  struct Round {
    crypto::Epoch epoch = 0;
    UnixTime made{};
    crypto::EnvelopeId envelope{};
    std::vector<Placement> placements;

    static constexpr std::size_t min_encoded_size = 4 + 8 + limits::id + limits::length_prefix;
    static void fields(auto& ar, auto& self) {
      wire::fields(ar, self.epoch, self.made, self.envelope, wire::bounded<nodes_in_round>(self.placements));
    }
  };
  struct Outgoing {
    // On disk:
    FriendKey to{};
    Nospam nospam{};
    crypto::MessageId id{};
    UnixTimeMs made{};
    UnixTime first_stored{};
    std::uint8_t cancelled = 0;
    std::uint8_t fetched = 0;  ///< Cancelled too late: it was fetched from a node, or may have been.
    crypto::CancelSecret cancel_secret{};
    Bytes text;
    std::vector<Round> rounds;
    Bytes envelope;  ///< Of the last round; empty when it was not written.
    /// How it ended, until that is reported; queued: it has not. There are no rounds then.
    RequestState end_state = RequestState::queued;
    // In memory:
    bool writing = false;  ///< Nothing leaves before it is on disk.
    SteadyTime look{};
    SteadyTime since{};  ///< Taken, or loaded.

    [[nodiscard]] std::pair<FriendKey, crypto::MessageId> key() const noexcept { return {to, id}; }
    /// The time of which a copy that is sealed then is worthless.
    [[nodiscard]] UnixTime end(UnixTime sealed) const noexcept {
      return (first_stored != UnixTime{} ? first_stored : sealed) + kept;
    }

    static void fields(auto& ar, auto& self) {
      wire::fields(ar, self.to, self.nospam, self.id, self.made, self.first_stored, self.cancelled,
                   self.fetched, self.cancel_secret, wire::bounded<limits::friend_request_text>(self.text),
                   wire::bounded<rounds_kept>(self.rounds),
                   wire::bounded<limits::large_envelope>(self.envelope), self.end_state);
    }
  };
  using Key = std::pair<FriendKey, crypto::MessageId>;
  struct Operation {
    Key request;
    crypto::EnvelopeId envelope{};
    protocol::NodeId node{};
    bool cancel = false;
  };

  /// The end of it is on disk.
  void report_end(const RequestStatus& end);
  void on_stored(client::OperationId operation, const client::StoreResult& result, Now now) override;
  [[nodiscard]] std::optional<RequestError> refusal(const ToxAddress& address, ByteView text, Now now) const;
  void advance(Outgoing& request, Now now);  ///< It may be gone after it, as after each of these:
  void make_round(Outgoing& request, crypto::Epoch epoch, Now now);
  void store_copies(Outgoing& request, Now now);
  void cancel_copies(Outgoing& request, Now now);
  void finish(const Key& key, RequestState state);
  [[nodiscard]] bool waits_for_another(const Outgoing& request, Now now) const;
  void drop_ended_rounds(Outgoing& request) const;
  bool start(Outgoing& request, const Round& round, Placement& placement, bool cancel, Now now);
  void stored(Outgoing& request, Placement& placement, Now now);

  [[nodiscard]] bool is_over(Outgoing& request) const;
  [[nodiscard]] static UnixTime known_to_nodes_until(const Outgoing& request, const Round& round);
  [[nodiscard]] static bool wants_round(const Outgoing& request, crypto::Epoch epoch, UnixTime now);
  [[nodiscard]] std::vector<Placement> placements(const crypto::Point& p) const;
  [[nodiscard]] Outgoing* find(const Key& key) noexcept;
  /// The request to somebody that is not cancelled. Null: there is none.
  [[nodiscard]] const Outgoing* current(const FriendKey& to) const noexcept;
  [[nodiscard]] static store::StateWrite row(const Outgoing& request);
  void abandon_operations(const Key& key);
  [[nodiscard]] static RequestStatus status(const Outgoing& request, RequestState state);
  void report(const RequestStatus& status) const;

  const Services& services_;
  const ContactNodes& nodes_;
  const BundleExchange& bundles_;
  NodeHealth& health_;
  ContactListener& listener_;
  std::map<Key, Outgoing> requests_;
  std::vector<RequestStatus> unreported_;  ///< Ends that an earlier run has not reported.
  std::unordered_map<client::OperationId, Operation> operations_;
};

}  // namespace toxasync::manager
