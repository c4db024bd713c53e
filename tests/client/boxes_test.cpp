// SPDX-License-Identifier: GPL-3.0-or-later
#include <boost/test/unit_test.hpp>
#include <set>

#include "rig.hpp"

// Retrieves that name boxes: docs/protocol.md, sections 3 and 6.

namespace toxasync::test {
namespace {

using protocol::Page;
using protocol::RetrieveOp;

/// A mailbox of as many writers as the test wants, at one node.
struct Boxes : Rig {
  [[nodiscard]] static crypto::FriendKey writer(std::size_t n) {
    crypto::FriendKey key;
    store_le(static_cast<std::uint32_t>(n + 1), key.data());
    return key;
  }
  [[nodiscard]] crypto::MailboxAddress box(std::size_t n) const {
    return {whole.p(), whole.write_point(writer(n))};
  }
  client::OperationId fetch(std::size_t writers, bool subscribe = false) {
    std::vector<crypto::Point> points;
    for (std::size_t i = 0; i < writers; ++i) {
      points.push_back(whole.write_point(writer(i)));
    }
    asked_for = protocol::box_lists(whole.owner(), whole.p(), points, protocol::lists_for(writers));
    const auto id = client->retrieve({node.id(), whole.p(), whole.owner().clone(), asked_for, subscribe},
                                     listener, clock.now());
    run();
    return id;
  }
  /// A box that has the tag of a filler in the last request.
  [[nodiscard]] crypto::BoxName of_a_filler() const {
    const auto& list = asked_for->front();
    const auto filler = std::ranges::find_if(list.tags, [&](const crypto::BoxTag& tag) {
      return std::ranges::find(list.boxes, tag, &protocol::ListedBox::tag) == list.boxes.end();
    });
    crypto::BoxName name;
    std::ranges::copy(*filler, name.begin());
    return name;
  }

  ScriptedNode& node = add_node();
  crypto::FriendsMailbox whole = whole_mailbox();
  protocol::BoxLists asked_for;
};

BOOST_AUTO_TEST_SUITE(client_boxes)

BOOST_AUTO_TEST_CASE(mail_in_every_box_is_fetched_and_says_whose_it_is) {
  for (const std::size_t writers : {1U, 2U, 127U, 128U, 129U, 300U}) {
    Boxes rig;
    std::map<Bytes, crypto::Point> put;
    for (std::size_t i = 0; i < writers; ++i) {
      const Bytes envelope = rig.envelope(i % 7 == 0 ? limits::large_envelope : limits::small_envelope);
      put[envelope] = rig.box(i).w;
      rig.node.put(rig.box(i), envelope);
    }
    const auto id = rig.fetch(writers);
    BOOST_TEST(rig.complete(id));
    const auto& got = rig.listener.envelopes[id];
    BOOST_TEST_REQUIRE(got.size() == writers);
    for (std::size_t i = 0; i < got.size(); ++i) {
      BOOST_TEST((put.at(got[i]) == rig.listener.written[id][i]));
      put.erase(got[i]);
    }
    BOOST_TEST(put.empty());
    BOOST_TEST(rig.node.deleted.size() == writers);
    for (const auto& [name, mail] : rig.node.boxes) {
      BOOST_TEST(mail.empty());
    }
  }
}

BOOST_FIXTURE_TEST_CASE(one_list_after_the_other_is_asked_for_in_one_session, Boxes) {
  const auto id = fetch(257);
  BOOST_TEST(complete(id));
  BOOST_TEST_REQUIRE(node.retrieves.size() == 3U);
  std::set<crypto::Point> sessions;
  for (const auto& seen : node.requests) {
    sessions.insert(seen.header.session);
  }
  BOOST_TEST(sessions.size() == 1U);
  std::set<std::array<crypto::BoxTag, 128>> lists;
  for (const auto& request : node.retrieves) {
    lists.insert(request.boxes);
    BOOST_TEST(std::ranges::is_sorted(request.boxes));
    BOOST_TEST((request.mailbox == whole.p()));
  }
  BOOST_TEST(lists.size() == 3U);
}

BOOST_FIXTURE_TEST_CASE(each_list_is_read_from_its_start_and_deleted_by_itself, Boxes) {
  for (std::size_t i = 0; i < 200; ++i) {
    node.put(box(i), envelope());
  }
  std::map<crypto::EnvelopeId, crypto::BoxTag> lies_in;
  for (std::size_t i = 0; i < 200; ++i) {
    lies_in[node.mail(box(i)).front().id] = crypto::box_tag(box(i));
  }
  const auto id = fetch(200);
  BOOST_TEST(complete(id));
  auto list = node.retrieves.front().boxes;
  for (const auto& request : node.retrieves) {
    if (request.boxes != list) {
      BOOST_TEST(request.cursor == 0U);
      BOOST_TEST(request.ids_to_delete.empty());
      list = request.boxes;
    }
    for (const auto& deleted : request.ids_to_delete) {
      BOOST_TEST(std::ranges::find(request.boxes, lies_in.at(deleted)) != request.boxes.end());
    }
  }
  BOOST_TEST(node.deleted.size() == 200U);
}

BOOST_FIXTURE_TEST_CASE(what_lies_in_a_box_that_is_not_named_stays, Boxes) {
  node.put(box(0), envelope());
  node.put(box(1), envelope());
  const auto id = fetch(1);
  BOOST_TEST(complete(id));
  BOOST_TEST(listener.envelopes[id].size() == 1U);
  BOOST_TEST((listener.written[id].front() == box(0).w));
  BOOST_TEST(node.mail(box(1)).size() == 1U);
}

BOOST_FIXTURE_TEST_CASE(an_envelope_under_the_tag_of_a_filler_is_left_alone, Boxes) {
  node.put(box(0), envelope());
  node.pages_hook = [this](const auto&, std::vector<Page>& pages) {
    Page& page = pages.front();
    page.envelopes.insert(page.envelopes.begin(), {of_a_filler(), envelope()});
    page.cursor = std::max<std::uint64_t>(page.cursor, 1);
  };
  const auto id = fetch(1);
  node.pages_hook = {};
  BOOST_TEST(listener.envelopes[id].size() == 1U);
  BOOST_TEST((listener.written[id].front() == box(0).w));
  BOOST_TEST(node.deleted.size() == 1U);
}

BOOST_FIXTURE_TEST_CASE(a_mailbox_of_nothing_but_that_is_read_to_its_end, Boxes) {
  std::uint64_t left = 40;
  node.pages_hook = [&](const protocol::RetrieveRequest& request, std::vector<Page>& pages) {
    pages.assign(1, Page{});
    pages[0].counter = request.counter;
    pages[0].cursor = request.cursor + 1;
    pages[0].envelopes.push_back({of_a_filler(), envelope()});
    pages[0].flags = --left > 0 ? Page::flag_more : 0;
  };
  const auto id = fetch(1);
  BOOST_TEST(complete(id));
  BOOST_TEST(node.retrieves.size() == 40U);
  BOOST_TEST(listener.windows == 0U);
  BOOST_TEST(node.deleted.empty());
}

/// Two W whose boxes in the mailbox have the same tag: of a few thousand there are two.
std::vector<crypto::Point> of_one_tag(const crypto::Point& p, SeededRandom& random) {
  std::map<crypto::BoxTag, crypto::Point> seen;
  for (;;) {
    const auto w = random.id<crypto::Point>();
    const auto [place, fresh] = seen.emplace(crypto::box_tag({p, w}), w);
    if (!fresh) {
      return {place->second, w};
    }
  }
}

BOOST_FIXTURE_TEST_CASE(mail_of_two_writers_with_one_tag_is_fetched, Boxes) {
  for (const std::size_t mails : {1U, 30U}) {
    auto points = of_one_tag(whole.p(), random);
    std::map<Bytes, crypto::Point> put;
    for (std::size_t i = 0; i < mails; ++i) {
      for (const auto& w : points) {
        const Bytes bytes = envelope();
        put[bytes] = w;
        node.put({whole.p(), w}, bytes);
      }
    }
    const auto lists = protocol::box_lists(whole.owner(), whole.p(), points, 1);
    const auto id =
        client->retrieve({node.id(), whole.p(), whole.owner().clone(), lists}, listener, clock.now());
    run();
    BOOST_TEST(complete(id));
    BOOST_TEST_REQUIRE(listener.envelopes[id].size() == put.size());
    for (std::size_t i = 0; i < put.size(); ++i) {
      BOOST_TEST((put.at(listener.envelopes[id][i]) == listener.written[id][i]));
    }
    for (const auto& w : points) {
      BOOST_TEST(node.mail({whole.p(), w}).empty());
    }
  }
}

/// W of boxes that have one of these tags: somebody has tried until they had them.
std::vector<crypto::Point> with_tags_of(const protocol::BoxList& list, const crypto::Point& p,
                                        SeededRandom& random, std::size_t count) {
  const std::set<crypto::BoxTag> tags(list.tags.begin(), list.tags.end());
  std::vector<crypto::Point> found;
  while (found.size() < count) {
    const auto w = random.id<crypto::Point>();
    if (tags.contains(crypto::box_tag({p, w}))) {
      found.push_back(w);
    }
  }
  return found;
}

BOOST_FIXTURE_TEST_CASE(boxes_made_to_have_our_tags_are_read_past, Boxes) {
  network.keep_log(false);
  const std::vector<crypto::Point> points{box(0).w};
  const auto lists = protocol::box_lists(whole.owner(), whole.p(), points, 1);
  std::vector<std::uint64_t> cursors;
  for (const std::size_t made_up : {3U, 17U}) {  // what is in one box does not count as in another
    for (const auto& w : with_tags_of(lists->front(), whole.p(), random, made_up)) {
      for (int i = 0; i < 1000; ++i) {
        node.put({whole.p(), w}, envelope());
      }
    }
    node.put(box(0), envelope());
    const auto fetch_behind = [&] {
      const auto id = client->retrieve({node.id(), whole.p(), whole.owner().clone(), lists, false, cursors},
                                       listener, clock.now());
      run();
      cursors = listener.retrieved.at(id).result.cursors;
      return id;
    };
    auto id = fetch_behind();
    BOOST_TEST(complete(id) == (made_up == 3U));
    if (!complete(id)) {
      BOOST_TEST(listener.retrieved.at(id).result.endless);
      id = fetch_behind();
    }
    BOOST_TEST(complete(id));
    BOOST_TEST(listener.retrieved.at(id).result.skipped);
    BOOST_TEST(listener.envelopes[id].size() == 1U);
    BOOST_TEST(node.mail(box(0)).empty());
  }
}

BOOST_FIXTURE_TEST_CASE(mail_of_a_writer_whose_tag_is_a_fillers_is_fetched, Boxes) {
  crypto::Point w = random.id<crypto::Point>();
  const auto made = protocol::box_lists(whole.owner(), whole.p(), {&w, 1}, 1);
  std::set<crypto::BoxTag> fillers(made->front().tags.begin(), made->front().tags.end());
  fillers.erase(crypto::box_tag({whole.p(), w}));
  while (!fillers.contains(crypto::box_tag({whole.p(), w}))) {
    w = random.id<crypto::Point>();
  }
  const auto lists = protocol::box_lists(whole.owner(), whole.p(), {&w, 1}, 1);
  node.put({whole.p(), w}, envelope());
  const auto id =
      client->retrieve({node.id(), whole.p(), whole.owner().clone(), lists}, listener, clock.now());
  run();
  BOOST_TEST(complete(id));
  BOOST_TEST((listener.written[id] == std::vector{w}));
  BOOST_TEST(node.mail({whole.p(), w}).empty());
}

BOOST_FIXTURE_TEST_CASE(a_box_that_was_not_named_is_refused, Boxes) {
  const auto before = telemetry[Counter::refused_message_malformed];
  node.put(box(0), envelope());
  node.pages_hook = [](const protocol::RetrieveRequest& request, std::vector<Page>& pages) {
    auto& shown = pages.front().envelopes.back().box;
    while (std::ranges::find(request.boxes, id_from<crypto::BoxTag>(shown)) != request.boxes.end()) {
      ++shown[0];
    }
  };
  const auto id = fetch(1);
  BOOST_TEST(!complete(id));
  BOOST_TEST(listener.envelopes.empty());
  BOOST_TEST(node.deleted.empty());
  BOOST_TEST(telemetry[Counter::refused_message_malformed] >= before + 5);
}

BOOST_FIXTURE_TEST_CASE(mail_shown_in_another_box_is_taken_as_that_boxes, Boxes) {
  // The id is that of the box named: the client asks for the deletion of what it was shown.
  const Bytes bytes = envelope();
  node.put(box(0), bytes);
  node.pages_hook = [&](const protocol::RetrieveRequest& request, std::vector<Page>& pages) {
    for (auto& shown : pages.front().envelopes) {
      shown.box = crypto::box_name(box(1));
    }
    if (node.retrieves.size() > 1) {
      pages.assign(1, Page{});
      pages[0].counter = request.counter;
    }
  };
  const auto id = fetch(2);
  BOOST_TEST(complete(id));
  BOOST_TEST((listener.written[id] == std::vector{box(1).w}));
  BOOST_TEST((node.deleted == std::set{crypto::envelope_id(box(1), bytes)}));
  BOOST_TEST(node.mail(box(0)).size() == 1U);
}

BOOST_FIXTURE_TEST_CASE(a_retrieve_that_fails_in_a_later_list_is_not_complete, Boxes) {
  node.put(box(0), envelope());
  node.pages_hook = [this](const protocol::RetrieveRequest& request, std::vector<Page>& pages) {
    if (std::ranges::find(request.boxes, crypto::box_tag(box(0))) == request.boxes.end()) {
      pages.clear();
    }
  };
  const auto id = fetch(129);
  BOOST_TEST(!complete(id));
  BOOST_TEST(listener.retrieved.at(id).result.reachable);
  BOOST_TEST(listener.envelopes[id].size() == 1U);  // the first list was fetched
  BOOST_TEST(node.deleted.size() == 1U);
}

BOOST_FIXTURE_TEST_CASE(all_lists_are_subscribed_to_and_the_last_request_is_answered, Boxes) {
  const auto id = fetch(257, true);
  BOOST_TEST(complete(id));
  for (const auto& request : node.retrieves) {
    BOOST_TEST((request.op == RetrieveOp::subscribe));
  }
  const auto last = node.requests.back();
  node.answer(transport.endpoint(), last.header,
              Page::announcement(last.counter, since_1970_s(clock.unix_time())));
  run();
  BOOST_TEST((listener.announced == std::vector{id}));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace toxasync::test
