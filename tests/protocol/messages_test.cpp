// SPDX-License-Identifier: GPL-3.0-or-later
#include <boost/archive/binary_iarchive.hpp>
#include <boost/archive/binary_oarchive.hpp>
#include <boost/serialization/array.hpp>
#include <boost/serialization/vector.hpp>
#include <boost/test/unit_test.hpp>
#include <functional>
#include <sstream>

#include "samples.hpp"

// Every message of docs/protocol.md, sections 5 and 6: its layout, its limits, and that nothing else is taken
// for it.

namespace toxasync::protocol {
namespace {

using test::encoded;

BOOST_AUTO_TEST_SUITE(messages)

BOOST_AUTO_TEST_CASE(every_message_comes_back_as_it_was) {
  test::for_each_message_and_text([](const char* name, const auto& message) {
    const Bytes bytes = encoded(message);
    std::decay_t<decltype(message)> back{};
    BOOST_TEST((wire::decode(bytes, back) == wire::Error::none), name);
    BOOST_TEST((encoded(back) == bytes), name);
  });
}

BOOST_AUTO_TEST_CASE(every_message_cut_at_any_length_is_refused) {
  test::for_each_message_and_text([](const char* name, const auto& message) {
    const Bytes bytes = encoded(message);
    for (std::size_t size = 0; size < bytes.size(); ++size) {
      std::decay_t<decltype(message)> back{};
      BOOST_REQUIRE_MESSAGE(wire::decode(ByteView(bytes).first(size), back) != wire::Error::none,
                            name << " cut to " << size);
    }
  });
}

BOOST_AUTO_TEST_CASE(every_message_with_a_byte_more_is_refused) {
  test::for_each_message_and_text([](const char* name, const auto& message) {
    Bytes bytes = encoded(message);
    bytes.push_back(0);
    std::decay_t<decltype(message)> back{};
    BOOST_TEST((wire::decode(bytes, back) == wire::Error::trailing), name);
  });
}

BOOST_AUTO_TEST_CASE(no_message_is_written_into_room_too_small_for_it) {
  test::for_each_message_and_text([](const char* name, const auto& message) {
    Bytes bytes = encoded(message);
    BOOST_TEST((wire::encode(message, MutableBytes(bytes).first(bytes.size() - 1)).error() ==
                wire::Error::truncated),
               name);
  });
}

BOOST_AUTO_TEST_CASE(the_largest_messages_have_the_documented_sizes_and_fit) {
  const std::vector<std::pair<std::string, std::size_t>> expected = {
      {"store request", 8 + 1 + 4 + 4 + 32 + 32 + 16 + 2 + 1168},
      {"store response", 8 + 1 + 8 + 8 + 2},
      {"retrieve request", 8 + 1 + 1 + 32 + 16 + 8 + 128 * 3 + 2 + 51 * 16},
      {"page of three", 8 + 1 + 1 + 8 + 8 + 1 + 2 + 2 + 3 * (8 + 2 + 400)},
      {"page of one", 8 + 1 + 1 + 8 + 8 + 1 + 2 + 2 + 8 + 2 + 1168},
      {"peers", 8 + 8 + 2 + 4 * (2 + 231)},
      {"node descriptor", 1 + 32 + 32 + 8 + 8 + 8 + 2 + 4 * 19},
      {"bundle head", 8 + 8 + 8 + 32 + 32 + 16 + 32 + 8 + 2 + 32 + 32 + 2 + 5 * (32 + 2 + 4 * 19) + 64},
      {"bundle keys", 8 + 8 + 2 + 2 + 40 * 32},
      {"bundle taken", 8 + 8 + 8},
      {"live envelope", 4 + 32 + 2 + 1168},
      {"live receipt", 8 + 2 + 80 * 16},
      {"frame header", 1 + 1 + 16 + 32 + 24}};
  std::size_t place = 0;
  test::for_each_message([&](const std::string& name, const auto& message) {
    const std::size_t size = encoded(message).size();
    BOOST_TEST_MESSAGE(name << ": " << size << " bytes");
    BOOST_REQUIRE(place < expected.size());
    BOOST_TEST(name == expected[place].first);
    BOOST_TEST(size == expected[place].second, name);
    BOOST_TEST(size <= (place < 6 ? limits::message : limits::friend_message), name);
    ++place;
  });
  BOOST_TEST(place == expected.size());
  BOOST_TEST(limits::message == 1280U);
  BOOST_TEST(limits::friend_message == 1369U);
}

BOOST_AUTO_TEST_SUITE_END()

template <class T>
void invert(T& value) {
  if constexpr (std::is_integral_v<T>) {
    value = static_cast<T>(~value);
  } else if constexpr (std::is_enum_v<T>) {
    auto number = static_cast<std::underlying_type_t<T>>(value);
    invert(number);
    value = static_cast<T>(number);
  } else {
    for (auto& item : value) {
      invert(item);
    }
  }
}

/// A field of a message: its size in bytes, and how to change every byte of it; or the count before a vector.
template <class Message>
struct Field {
  const char* name;
  std::size_t size;
  void (*change)(Message&);
  std::uint16_t count = 0;
};

#define TOXASYNC_FIELD(member, size)                 \
  {                                                  \
#member, size, [](auto& m) { invert(m.member); } \
  }
#define TOXASYNC_COUNT(items) \
  { "count", 2, nullptr, items }

/// That the fields, in the order of the document, fill the message, and that changing one changes exactly its
/// bytes.
template <class Message>
void check_layout(const Message& message, std::initializer_list<Field<Message>> fields) {
  const Bytes before = encoded(message);
  std::size_t offset = 0;
  for (const Field<Message>& field : fields) {
    if (field.change == nullptr) {
      BOOST_TEST(load_le<std::uint16_t>(before.data() + offset) == field.count);
    } else {
      Message changed = message;
      field.change(changed);
      const Bytes after = encoded(changed);
      BOOST_REQUIRE(after.size() == before.size());
      for (std::size_t i = 0; i < before.size(); ++i) {
        const bool inside = i >= offset && i < offset + field.size;
        BOOST_REQUIRE_MESSAGE((after[i] != before[i]) == inside, field.name << ", byte " << i);
      }
    }
    offset += field.size;
  }
  BOOST_TEST(offset == before.size());
}

BOOST_AUTO_TEST_SUITE(layout)

BOOST_AUTO_TEST_CASE(a_store_request_is_laid_out_as_the_document_says) {
  check_layout<StoreRequest>(
      test::store_request(),
      {TOXASYNC_FIELD(counter, 8), TOXASYNC_FIELD(op, 1), TOXASYNC_FIELD(epoch, 4), TOXASYNC_FIELD(ttl_s, 4),
       TOXASYNC_FIELD(mailbox.p, 32), TOXASYNC_FIELD(mailbox.w, 32), TOXASYNC_FIELD(write_tag, 16),
       TOXASYNC_COUNT(1168), TOXASYNC_FIELD(payload, 1168)});
  const Bytes bytes = encoded(test::store_request());
  TOXASYNC_TEST_BYTES(ByteView(bytes).first(17), *from_hex("0102030405060708"
                                                           "01"
                                                           "11121314"
                                                           "21222324"));
  TOXASYNC_TEST_BYTES(ByteView(bytes).subspan(StoreRequest::tag_offset, 16), test::store_request().write_tag);
}

BOOST_AUTO_TEST_CASE(a_store_response_is_laid_out_as_the_document_says) {
  check_layout<StoreResponse>(
      test::store_response(),
      {TOXASYNC_FIELD(counter, 8), TOXASYNC_FIELD(status, 1), TOXASYNC_FIELD(expires_at_s, 8),
       TOXASYNC_FIELD(node_time_s, 8), TOXASYNC_FIELD(retry_after_s, 2)});
}

BOOST_AUTO_TEST_CASE(a_retrieve_request_is_laid_out_as_the_document_says) {
  check_layout<RetrieveRequest>(test::retrieve_request(),
                                {TOXASYNC_FIELD(counter, 8), TOXASYNC_FIELD(op, 1), TOXASYNC_FIELD(window, 1),
                                 TOXASYNC_FIELD(mailbox, 32), TOXASYNC_FIELD(owner_tag, 16),
                                 TOXASYNC_FIELD(cursor, 8), TOXASYNC_FIELD(boxes, std::size_t{128} * 3),
                                 TOXASYNC_COUNT(51), TOXASYNC_FIELD(ids_to_delete, std::size_t{51} * 16)});
  TOXASYNC_TEST_BYTES(ByteView(encoded(test::retrieve_request())).subspan(RetrieveRequest::tag_offset, 16),
                      test::retrieve_request().owner_tag);
}

BOOST_AUTO_TEST_CASE(a_page_is_laid_out_as_the_document_says) {
  check_layout<Page>(
      test::page(),
      {TOXASYNC_FIELD(counter, 8), TOXASYNC_FIELD(index, 1), TOXASYNC_FIELD(count, 1),
       TOXASYNC_FIELD(node_time_s, 8), TOXASYNC_FIELD(cursor, 8), TOXASYNC_FIELD(flags, 1),
       TOXASYNC_FIELD(retry_after_s, 2), TOXASYNC_COUNT(3), TOXASYNC_FIELD(envelopes[0].box, 8),
       TOXASYNC_COUNT(400), TOXASYNC_FIELD(envelopes[0].bytes, 400), TOXASYNC_FIELD(envelopes[1].box, 8),
       TOXASYNC_COUNT(400), TOXASYNC_FIELD(envelopes[1].bytes, 400), TOXASYNC_FIELD(envelopes[2].box, 8),
       TOXASYNC_COUNT(400), TOXASYNC_FIELD(envelopes[2].bytes, 400)});
}

BOOST_AUTO_TEST_CASE(an_answer_about_peers_is_laid_out_as_the_document_says) {
  auto peers = test::peers();
  peers.descriptors.resize(2);
  check_layout<Peers>(peers, {TOXASYNC_FIELD(counter, 8), TOXASYNC_FIELD(node_time_s, 8), TOXASYNC_COUNT(2),
                              TOXASYNC_COUNT(231), TOXASYNC_FIELD(descriptors[0].bytes, 231),
                              TOXASYNC_COUNT(231), TOXASYNC_FIELD(descriptors[1].bytes, 231)});
}

BOOST_AUTO_TEST_CASE(a_node_descriptor_is_laid_out_as_the_document_says) {
  auto descriptor = test::node_descriptor();
  descriptor.addresses.resize(1);
  check_layout<NodeDescriptor>(
      descriptor,
      {TOXASYNC_FIELD(version, 1), TOXASYNC_FIELD(id, 32), TOXASYNC_FIELD(key, 32),
       TOXASYNC_FIELD(valid_from_s, 8), TOXASYNC_FIELD(valid_until_s, 8), TOXASYNC_FIELD(capacity_bytes, 8),
       TOXASYNC_COUNT(1), TOXASYNC_FIELD(addresses[0].endpoint.family, 1),
       TOXASYNC_FIELD(addresses[0].endpoint.ip, 16), TOXASYNC_FIELD(addresses[0].endpoint.port, 2)});
  TOXASYNC_TEST_BYTES(ByteView(encoded(descriptor)).last(19), *from_hex("04"
                                                                        "08080808000000000000000000000000"
                                                                        "0102"));
}

BOOST_AUTO_TEST_CASE(a_bundle_head_is_laid_out_as_the_document_says) {
  auto head = test::bundle_head();
  head.home_nodes.resize(1);
  head.home_nodes[0].addresses.resize(1);
  check_layout<BundleHead>(
      head, {TOXASYNC_FIELD(version.instance, 8), TOXASYNC_FIELD(version.version, 8),
             TOXASYNC_FIELD(replaces, 8), TOXASYNC_FIELD(root.m, 32), TOXASYNC_FIELD(root.write_secret, 32),
             TOXASYNC_FIELD(root_mac, 16), TOXASYNC_FIELD(last_resort, 32), TOXASYNC_FIELD(use_until_s, 8),
             TOXASYNC_FIELD(one_time_count, 2), TOXASYNC_FIELD(keys_hash, 32), TOXASYNC_FIELD(signer, 32),
             TOXASYNC_COUNT(1), TOXASYNC_FIELD(home_nodes[0].id, 32), TOXASYNC_COUNT(1),
             TOXASYNC_FIELD(home_nodes[0].addresses[0].endpoint.family, 1),
             TOXASYNC_FIELD(home_nodes[0].addresses[0].endpoint.ip, 16),
             TOXASYNC_FIELD(home_nodes[0].addresses[0].endpoint.port, 2), TOXASYNC_FIELD(signature, 64)});
  const Bytes alone = encoded(head);
  protocol::WholeBundle whole{head, {test::counting<crypto::Point>(1), test::counting<crypto::Point>(2)}};
  Bytes expected = alone;
  for (const Bytes& next : {Bytes{2, 0}, test::counting_bytes(32, 1), test::counting_bytes(32, 2)}) {
    expected.insert(expected.end(), next.begin(), next.end());
  }
  TOXASYNC_TEST_BYTES(encoded(whole), expected);
}

BOOST_AUTO_TEST_CASE(the_other_friend_messages_are_laid_out_as_the_document_says) {
  check_layout<BundleKeys>(
      test::bundle_keys(),
      {TOXASYNC_FIELD(version.instance, 8), TOXASYNC_FIELD(version.version, 8), TOXASYNC_FIELD(first, 2),
       TOXASYNC_COUNT(40), TOXASYNC_FIELD(keys, std::size_t{40} * 32)});
  check_layout<BundleTaken>(
      {{crypto::Instance{1}, 2}, crypto::Instance{3}},
      {TOXASYNC_FIELD(version.instance, 8), TOXASYNC_FIELD(version.version, 8), TOXASYNC_FIELD(receiver, 8)});
  check_layout<LiveEnvelope>(test::live_envelope(), {TOXASYNC_FIELD(epoch, 4), TOXASYNC_FIELD(mailbox, 32),
                                                     TOXASYNC_COUNT(1168), TOXASYNC_FIELD(envelope, 1168)});
  check_layout<LiveReceipt>(test::live_receipt(), {TOXASYNC_FIELD(instance, 8), TOXASYNC_COUNT(80),
                                                   TOXASYNC_FIELD(ids, std::size_t{80} * 16)});
}

BOOST_AUTO_TEST_CASE(a_frame_header_is_laid_out_as_the_document_says) {
  check_layout<FrameHeader>(test::frame_header(),
                            {TOXASYNC_FIELD(kind, 1), TOXASYNC_FIELD(version, 1), TOXASYNC_FIELD(cookie, 16),
                             TOXASYNC_FIELD(session, 32), TOXASYNC_FIELD(nonce, 24)});
}

BOOST_AUTO_TEST_SUITE_END()

/// That a message whose vector has one item more than it may is neither written nor read.
template <class Message, class Items>
void check_limit(Message message, Items& (*items)(Message&), std::size_t limit, std::size_t count_offset) {
  Items& list = items(message);
  BOOST_REQUIRE(list.size() == limit);
  Bytes bytes = encoded(message);
  BOOST_REQUIRE(load_le<std::uint16_t>(bytes.data() + count_offset) == limit);
  list.push_back(list.back());
  Bytes room(2 * bytes.size());
  BOOST_TEST((wire::encode(message, room).error() == wire::Error::too_long));
  store_le(static_cast<std::uint16_t>(limit + 1), bytes.data() + count_offset);
  bytes.resize(bytes.size() + 200);  // enough for the item
  Message back{};
  BOOST_TEST((wire::decode(bytes, back) == wire::Error::too_long));
  store_le<std::uint16_t>(0xffff, bytes.data() + count_offset);
  BOOST_TEST((wire::decode(bytes, back) == wire::Error::too_long));
}

/// That a message whose vector must have an item is neither written nor read without.
template <class Message, class Items>
void check_not_empty(Message message, Items& (*items)(Message&), std::size_t count_offset, std::size_t tail) {
  items(message).clear();
  Bytes bytes(2 * limits::frame);
  BOOST_TEST((wire::encode(message, bytes).error() == wire::Error::too_short));
  bytes.assign(count_offset + 2 + tail, 0);
  Message back{};
  BOOST_TEST((wire::decode(bytes, back) == wire::Error::too_short));
}

BOOST_AUTO_TEST_SUITE(list_limits)

BOOST_AUTO_TEST_CASE(one_item_past_the_limit_of_any_list_is_refused) {
  check_limit<StoreRequest, Bytes>(
      test::store_request(), [](StoreRequest & m) -> auto& { return m.payload; }, 1168, 97);
  check_limit<RetrieveRequest, std::vector<crypto::EnvelopeId>>(
      test::retrieve_request(), [](RetrieveRequest & m) -> auto& { return m.ids_to_delete; }, 51, 450);
  check_limit<Page, std::vector<PagedEnvelope>>(
      test::page(), [](Page & m) -> auto& { return m.envelopes; }, 3, 29);
  check_limit<Page, Bytes>(
      test::page_of_one_large(), [](Page & m) -> auto& { return m.envelopes[0].bytes; }, 1168, 39);
  check_limit<Peers, std::vector<PeerDescriptor>>(
      test::peers(), [](Peers & m) -> auto& { return m.descriptors; }, 4, 16);
  check_limit<Peers, Bytes>(
      test::peers(), [](Peers & m) -> auto& { return m.descriptors[0].bytes; }, 231, 18);
  check_limit<NodeDescriptor, std::vector<Address>>(
      test::node_descriptor(), [](NodeDescriptor & m) -> auto& { return m.addresses; }, 4, 89);
  check_limit<BundleHead, std::vector<HomeNode>>(
      test::bundle_head(), [](BundleHead & m) -> auto& { return m.home_nodes; }, 5, 210);
  check_limit<BundleHead, std::vector<Address>>(
      test::bundle_head(), [](BundleHead & m) -> auto& { return m.home_nodes[0].addresses; }, 4, 244);
  check_limit<BundleKeys, std::vector<crypto::Point>>(
      test::bundle_keys(), [](BundleKeys & m) -> auto& { return m.keys; }, 40, 18);
  check_limit<WholeBundle, std::vector<crypto::Point>>(
      test::whole_bundle(), [](WholeBundle & m) -> auto& { return m.keys; }, 200, 826);
  check_limit<LiveEnvelope, Bytes>(
      test::live_envelope(), [](LiveEnvelope & m) -> auto& { return m.envelope; }, 1168, 36);
  check_limit<LiveReceipt, std::vector<crypto::MessageId>>(
      test::live_receipt(), [](LiveReceipt & m) -> auto& { return m.ids; }, 80, 8);
}

BOOST_AUTO_TEST_CASE(a_list_that_must_not_be_empty_is_refused_when_it_is) {
  check_not_empty<BundleHead, std::vector<HomeNode>>(
      test::bundle_head(), [](BundleHead & m) -> auto& { return m.home_nodes; }, 210, 64);
  check_not_empty<BundleKeys, std::vector<crypto::Point>>(
      test::bundle_keys(), [](BundleKeys & m) -> auto& { return m.keys; }, 18, 0);
  check_not_empty<LiveReceipt, std::vector<crypto::MessageId>>(
      test::live_receipt(), [](LiveReceipt & m) -> auto& { return m.ids; }, 8, 0);
  BundleHead head = test::bundle_head();
  Bytes bytes = encoded(head);
  head.home_nodes[1].addresses.clear();
  Bytes room(2 * limits::frame);
  BOOST_TEST((wire::encode(head, room).error() == wire::Error::too_short));
  store_le<std::uint16_t>(0, bytes.data() + 212 + 110 + 32);
  BOOST_TEST((wire::decode(bytes, head) == wire::Error::too_short));
}

BOOST_AUTO_TEST_CASE(a_page_with_an_unknown_flag_is_not_valid) {
  Page page;
  for (int flags = 0; flags < 256; ++flags) {
    page.flags = static_cast<std::uint8_t>(flags);
    BOOST_TEST(page.valid() == (flags <= 3), "flags " << flags);
  }
}

BOOST_AUTO_TEST_CASE(an_announcement_says_nothing_else) {
  const Page good = Page::announcement(7, 1000);
  BOOST_TEST(good.is_announcement());
  BOOST_TEST(!good.valid());  // no answer
  const auto changed = [&](const std::function<void(Page&)>& change) {
    Page page = good;
    change(page);
    return page.is_announcement();
  };
  BOOST_TEST(!changed([](Page& page) { page.flags = 0; }));
  BOOST_TEST(!changed([](Page& page) { page.flags |= Page::flag_more; }));
  BOOST_TEST(!changed([](Page& page) { page.flags |= Page::flag_try_later; }));
  BOOST_TEST(!changed([](Page& page) { page.flags |= 8; }));
  BOOST_TEST(!changed([](Page& page) { page.index = 1; }));
  BOOST_TEST(!changed([](Page& page) { page.count = 2; }));
  BOOST_TEST(!changed([](Page& page) { page.cursor = 1; }));
  BOOST_TEST(!changed([](Page& page) { page.retry_after_s = 1; }));
  BOOST_TEST(!changed([](Page& page) { page.envelopes.emplace_back(); }));
}

BOOST_AUTO_TEST_CASE(a_page_outside_its_window_is_not_valid) {
  Page page;
  for (int count = 0; count < 256; ++count) {
    for (int index = 0; index < 256; ++index) {
      page.count = static_cast<std::uint8_t>(count);
      page.index = static_cast<std::uint8_t>(index);
      BOOST_REQUIRE(page.valid() == (count >= 1 && count <= 16 && index < count));
    }
  }
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(stock_archives)

BOOST_AUTO_TEST_CASE(the_same_records_go_through_the_stock_binary_archives) {
  test::for_each_message_and_text([](const char* name, const auto& message) {
    std::stringstream stream;
    {
      boost::archive::binary_oarchive out(stream);
      out << message;
    }
    std::decay_t<decltype(message)> back{};
    {
      boost::archive::binary_iarchive in(stream);
      in >> back;
    }
    BOOST_TEST((encoded(back) == encoded(message)), name);
  });
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace toxasync::protocol
