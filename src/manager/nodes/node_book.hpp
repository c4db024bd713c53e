// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <array>
#include <map>
#include <set>
#include <span>
#include <vector>

#include "manager/core/part.hpp"
#include "manager/core/services.hpp"
#include "manager/nodes/address_budget.hpp"
#include "protocol/bundle.hpp"

namespace toxasync::manager {

/// How a node became known, the most trusted way first.
enum class Origin : std::uint8_t {
  configured = 0,  ///< Our user named it.
  friends = 1,     ///< A friend's bundle names it, or did.
  peers = 2,       ///< Another node named it.
  dht = 3,         ///< It answered at the address of a neighbour in the DHT.
};

/// Whether our user or a friend has chosen it. Of the others one attacker can make up any number.
constexpr bool is_chosen(Origin origin) noexcept {
  return origin <= Origin::friends;
}

/// What is known of one storage node.
struct BookedNode {
  protocol::NodeId id{};
  // On disk:
  Origin origin = Origin::dht;
  UnixTime learnt{};
  std::vector<Endpoint> heard;  ///< Its addresses, as `origin` gave them.
  Bytes descriptor;             ///< The last one that an answer has proven to be its own; or empty.
  Endpoint answered_at;         ///< Where its last answer came from; family 0: unknown.
  UnixTime last_answer{};       ///< Authentic; {}: never.
  UnixTime silent_since{};      ///< The first failure since then; {}: none.
  std::uint32_t failures = 0;   ///< Since then, as counted by NodeBook::failures_apart.
  std::uint32_t lost = 0;       ///< Thousandths of lost messages, decayed up to
  UnixTime lost_at{};           ///< this time.
  UnixTime asked{};             ///< When it was asked for other nodes,
  UnixTime ask_at{};            ///< and from when it may be asked again.
  FriendKey vouched_by{};       ///< The friend on whose word it was picked as a home node; or zero.
  // In memory:
  /// Of an address: since when nothing has come from it.
  struct Silence {
    SteadyTime since = never;  ///< The first packet that was sent there since then.
    SteadyTime next{};         ///< When the next one may be sent, if it has been silent for long.
  };
  /// An address where the node receives.
  struct Answering {
    Silence silence;
    bool proven = false;  ///< In this run; else it was the last one in an earlier run.
  };
  std::map<Endpoint, Answering> answering;            ///< Of `given`.
  std::map<Endpoint, Silence> configured;             ///< Of `heard`, where our user named them.
  std::vector<Endpoint> described;                    ///< The descriptor's addresses.
  std::map<FriendKey, std::vector<Endpoint>> claims;  ///< What friends' bundles say.
  std::vector<Endpoint> given;                        ///< What the client tries, in this order.
  SteadyTime failed = long_ago;                       ///< The last failure that was counted.
  bool unsaved = false;
};

/// Everything that is known of storage nodes: their ids, addresses, since when, whether they answer, and
/// whether they kept what they confirmed (docs/protocol.md, section 7, "Placement"). Gives the client
/// the addresses of each.
///
/// The addresses of a node, in this order: those of its signed descriptor, the one where it answered last,
/// those that our user gave, those that friends give (the first address of each, then the second ones), and
/// the rest. Only an answer sealed with the descriptor's N makes a descriptor count, so that an old one that
/// somebody sends again does not.
class NodeBook final : public Part, public client::AddressGuard {
 public:
  /// Where a node has answered, or our user says that it does, packets are sent as needed until it has been
  /// silent for so long; then one in so long, or in so long where our user says so.
  static constexpr milliseconds silence = 1h;
  static constexpr milliseconds packets_in_silence_apart = 10min;
  static constexpr milliseconds packets_to_configured_apart = 1min;
  /// Nodes that neither we nor any friend uses. Past that the first to go is one that lost mail or was given
  /// up, else one that never answered, else one that nobody chose; of several the one longest not heard of.
  static constexpr std::size_t most_unused = 256;
  static constexpr std::size_t endpoints_tried = 16;
  /// Failures of a node count only while another one answers (else it is our own network), and one in so
  /// long.
  static constexpr milliseconds failures_apart = 10min;
  /// A node is given up after so many failures that have gone on for so long.
  static constexpr std::uint32_t failures_to_give_up = 12;
  static constexpr seconds silent_to_give_up = days(3);
  /// A lost message counts less as time passes; while they count for a whole one or more, the node is
  /// demoted: one message demotes for a week, two for a fortnight, four for three weeks.
  static constexpr seconds lost_halves_after = days(7);
  static constexpr std::uint32_t lost_message = 1000;
  static constexpr std::uint32_t lost_at_most = 16 * lost_message;
  /// What counts as answering now, where a home node is picked.
  static constexpr seconds lately = 24h;
  static constexpr milliseconds save_after = 10min;

  explicit NodeBook(const Services& services) : services_(services) {}

  [[nodiscard]] std::span<const Table> tables() const noexcept override {
    static constexpr std::array tables{Table::node, Table::host};
    return tables;
  }
  bool load(const store::StateEntry& entry) override;
  /// Our own node, which we do not use.
  void set_self(const protocol::NodeId& id);
  /// Whether it is, or was, a home node of ours: such a node is not forgotten, and not named to others.
  void set_home(const protocol::NodeId& id, bool home);
  /// Whether our user names it as a home node now.
  void set_named(const protocol::NodeId& id, bool named);

  /// A node, and its addresses in place of those that an equally or less trusted origin gave.
  void learn(const client::KnownNode& node, Origin origin);
  /// A node by its descriptor, verified; `at`: where it was found (family 0: nowhere).
  void learn(ByteView descriptor, const Endpoint& at, Origin origin);
  /// The home nodes in a friend's bundles, in place of those that they named before.
  void claim(const FriendKey& whose, std::span<const protocol::HomeNode> nodes);

  void on_news(const client::NodeNews& news, Now now);
  // AddressGuard. What our user named is limited only while it is silent.
  [[nodiscard]] bool may_send(const protocol::NodeId& id, const Endpoint& to, Now now) const override;
  void on_sent(const protocol::NodeId& id, const Endpoint& to, Now now) override;
  [[nodiscard]] bool is_proven(const protocol::NodeId& id, const Endpoint& at) const override;
  void on_proven(const protocol::NodeId& id, const Endpoint& at) override;
  void on_heard(const protocol::NodeId& id, const Endpoint& from) override;
  [[nodiscard]] bool has_answered(const protocol::NodeId& id) const override;
  /// It had confirmed a message and does not have it any longer.
  void on_message_lost(const protocol::NodeId& id);
  /// It has broken a rule: demoted as for a lost message.
  void on_fault(const protocol::NodeId& id) { on_message_lost(id); }
  /// It was asked for other nodes now, and may be asked again from `ask_at` on.
  void set_asked(const protocol::NodeId& id, UnixTime ask_at);

  /// Marks in the future, of a clock that was wrong.
  void clamp(const CertainDate& date);

  /// Whether it has lost mail lately.
  [[nodiscard]] bool demoted(const protocol::NodeId& id) const;
  /// Whether it has not answered for long.
  [[nodiscard]] bool given_up(const protocol::NodeId& id) const;
  /// The addresses to give to others, 4 at most: its descriptor's and our user's; else what we have.
  [[nodiscard]] std::vector<Endpoint> addresses(const protocol::NodeId& id) const;

  /// Rendezvous hashing: the nodes that keep what is addressed to P, the first in the order of H256(P|node
  /// id) of those that our user or a friend names now, that have answered, and that are good. Never one that
  /// was found: whoever can compute P can make such nodes near it, and would see who looks there, and when.
  [[nodiscard]] std::vector<protocol::NodeId> nearest(const crypto::Point& p, std::size_t count) const;
  /// Nodes that may serve as home nodes beside `others`: they answered lately and lost nothing, each public
  /// address in another network (IPv4 /16, IPv6 /32), no two on the word of the same friend, whatever that
  /// friend says later, and at most one that neither our user nor a friend has named, where others are known.
  /// Those that are named first, else at random, so that not all clients pick the same ones.
  [[nodiscard]] std::vector<protocol::NodeId> pick_home_nodes(std::size_t count,
                                                              std::span<const protocol::NodeId> others = {});
  /// Whether it answered within lately.
  [[nodiscard]] bool answers(const BookedNode& node) const;
  /// Nodes that are neither demoted nor given up.
  [[nodiscard]] std::size_t good() const;
  /// The signed descriptors of nodes that may be named to others: those that we found or other nodes named,
  /// never those that our user or friends use; answering, and good. `count` at most.
  [[nodiscard]] std::vector<Bytes> descriptors_to_share(std::size_t count) const;

  template <class Visit>
  void for_each(Visit visit) const {
    for (const auto& [id, node] : nodes_) {
      visit(node);
    }
  }
  [[nodiscard]] const BookedNode* find(const protocol::NodeId& id) const;

  void tick(Now now) override;
  [[nodiscard]] SteadyTime next_deadline() const noexcept override { return save_at_; }

 private:
  [[nodiscard]] BookedNode* entry(const protocol::NodeId& id);
  BookedNode* add(const protocol::NodeId& id, Origin origin);
  [[nodiscard]] bool is_usable(const Endpoint& endpoint) const noexcept;
  [[nodiscard]] std::vector<Endpoint> usable(std::vector<Endpoint> endpoints) const;
  /// Replaces the addresses of its descriptor.
  void describe(BookedNode& node, Bytes descriptor) const;
  /// Gives the client its addresses, if they have changed.
  void update_client(BookedNode& node);
  [[nodiscard]] std::vector<Endpoint> to_try(const BookedNode& node) const;
  void drop_claim(BookedNode& node, const FriendKey& whose);
  void make_room();
  void forget(const protocol::NodeId& id);
  void changed(BookedNode& node);
  void save();
  [[nodiscard]] UnixTime unix_now() const { return services_.clock.now().unix_time(); }
  [[nodiscard]] std::uint32_t lost_now(const BookedNode& node) const;
  [[nodiscard]] bool is_good(const BookedNode& node) const;
  [[nodiscard]] bool is_given_up(const BookedNode& node) const;

  const Services& services_;
  std::set<protocol::NodeId> homes_;
  std::set<protocol::NodeId> named_;
  std::optional<protocol::NodeId> self_;
  std::map<protocol::NodeId, BookedNode> nodes_;
  std::map<FriendKey, std::vector<protocol::NodeId>> claimed_;
  AddressBudget addresses_;
  protocol::NodeId answered_last_{};      ///< The node that did,
  SteadyTime answered_ = long_ago;        ///< when,
  SteadyTime other_answered_ = long_ago;  ///< and when one that is not it.
  SteadyTime save_at_ = never;
};

}  // namespace toxasync::manager
