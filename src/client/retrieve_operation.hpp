// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <map>
#include <set>
#include <span>
#include <vector>

#include "base/metrics.hpp"
#include "base/result.hpp"
#include "client/session.hpp"
#include "client/types.hpp"
#include "crypto/envelope.hpp"
#include "protocol/page.hpp"
#include "protocol/retrieve_request.hpp"

namespace toxasync::client {

/// Reads one mailbox on one node to its end, one list of boxes after the other, each window after window, and
/// deletes there what was handed over:
///
///     request(cursor, ids to delete) -> pages -> hand over -> (continue) -> request ... -> nothing came:
///     next list, or ended
///
/// The attempts of each request are an Exchange's. Everything in a page comes from the node, and may be
/// hostile. docs/protocol.md, section 6.
class RetrieveOperation {
 public:
  enum class Step : std::uint8_t {
    wait,       ///< For more pages of the window.
    hand_over,  ///< hand_over_envelopes(), and then nothing until resume().
    request,    ///< The next request is due.
    ended,      ///< See result().
  };

  /// Read in one retrieve: a limit for a node that never ends a mailbox. An honest one keeps 1000 envelopes
  /// in a box, and as many may come meanwhile; an empty page of it that is not the last is for 256 that have
  /// expired and are not dropped yet, so there are 500 at most.
  static constexpr std::size_t most_envelopes_of_box = 2000;
  static constexpr std::size_t most_empty_pages = 2000;
  /// In all boxes together, and in those of others with our tags.
  static constexpr std::size_t most_envelopes = 16000;

  /// `window` is the number of pages to ask for at once, 1 to limits::window.
  RetrieveOperation(RetrieveJob job, std::uint8_t window) noexcept;

  [[nodiscard]] SessionName session() const noexcept;
  /// owner(N), with which the node checks the owner tag. False when N is refused.
  [[nodiscard]] bool agree(crypto::Wiped<32>& shared, const crypto::Point& node_key) const noexcept;
  /// The tag field is zero.
  [[nodiscard]] protocol::RetrieveRequest request(std::uint64_t counter) const;

  /// A page that answers an attempt of the latest request: what is next, or why it is refused (and the
  /// operation goes on as if it had not come).
  /// `late`: the node has taken more time than a retrieve may.
  [[nodiscard]] Result<Step, Counter> on_page(protocol::Page page, bool late);
  /// The latest attempt timed out: what came of its window, without a gap from the start, counts as all
  /// of it. Step::wait when nothing came.
  [[nodiscard]] Step on_timeout(bool late);

  [[nodiscard]] bool is_handed_over() const noexcept { return handed_over_; }
  [[nodiscard]] std::vector<FetchedEnvelope> hand_over_envelopes();
  /// What was handed over may be deleted, except `keep`: a request is due. Call it only when
  /// is_handed_over().
  void resume(std::span<const crypto::EnvelopeId> keep);

  [[nodiscard]] bool subscribes() const noexcept { return job_.subscribe; }
  /// An announcement came before the answer to the request that it follows.
  void announced() noexcept { announced_ = true; }
  [[nodiscard]] bool is_announced() const noexcept { return announced_; }

  [[nodiscard]] RetrieveResult result() const { return result_; }

 private:
  [[nodiscard]] std::optional<Counter> fault(const protocol::Page& page) const noexcept;
  [[nodiscard]] bool cursor_rises(const protocol::Page& page) const noexcept;
  [[nodiscard]] Step close_window(bool late);
  void end_early(std::uint64_t cursor);
  [[nodiscard]] const protocol::BoxList& list() const noexcept { return (*job_.lists)[list_]; }
  void add_page(const protocol::Page& page);
  void add_envelope(const crypto::Point& w, const Bytes& bytes);

  RetrieveJob job_;
  std::uint8_t window_;
  RetrieveResult result_;
  bool handed_over_ = false;
  bool announced_ = false;

  // The next request.
  std::size_t list_ = 0;  ///< Of the job's lists.
  std::uint64_t cursor_ = 0;
  std::vector<crypto::EnvelopeId> ids_to_delete_;  ///< Of the last window.

  // The window being collected, all of it in answer to one attempt: those of two may differ.
  std::uint64_t collecting_ = 0;                  ///< The attempt's counter.
  std::map<std::uint8_t, protocol::Page> pages_;  ///< By index.

  std::vector<FetchedEnvelope> envelopes_;  ///< To be handed over.
  std::set<crypto::EnvelopeId> seen_;       ///< Handed over in this retrieve; bounded by most_envelopes.
  std::set<crypto::EnvelopeId> left_;       ///< Of those, what stays on the node.
  std::size_t read_ = 0;
  std::size_t empty_pages_ = 0;
  std::array<std::uint16_t, limits::boxes_per_list> read_of_box_{};  ///< Of the present list.
};

}  // namespace toxasync::client
