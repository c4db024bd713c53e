// SPDX-License-Identifier: GPL-3.0-or-later
#include <boost/test/unit_test.hpp>

#include "protocol/box_list.hpp"
#include "samples.hpp"
#include "tests/crypto/fixture.hpp"
#include "tests/vectors/vectors.hpp"

// The known answers of tests/vectors/frame.json, descriptor.json and bundle.json.

namespace toxasync::protocol {
namespace {

using test::encoded;
using test::for_each_vector;
using test::Vector;

constexpr const char* frames_file = "frame.json";
constexpr const char* descriptors_file = "descriptor.json";
constexpr const char* bundles_file = "bundle.json";

/// That `message` encodes to the vector's bytes, and those decode to it.
template <class Message>
void check_bytes(const Message& message, const Bytes& expected) {
  TOXASYNC_TEST_BYTES(encoded(message), expected);
  Message back{};
  BOOST_TEST((wire::decode(expected, back) == wire::Error::none));
  TOXASYNC_TEST_BYTES(encoded(back), expected);
}

crypto::MailboxAddress address(const Vector& v) {
  return {v.id<crypto::Point>("P"), v.id<crypto::Point>("W")};
}

/// 128 tags that stand end to end.
auto box_tags(const Bytes& bytes) {
  std::array<crypto::BoxTag, limits::boxes_per_list> tags{};
  BOOST_REQUIRE(bytes.size() == tags.size() * limits::box_tag);
  for (std::size_t i = 0; i < tags.size(); ++i) {
    tags[i] = id_from<crypto::BoxTag>(ByteView(bytes).subspan(i * limits::box_tag));
  }
  return tags;
}

std::vector<Address> addresses(const Vector& v) {
  std::vector<Address> out;
  for (const Vector& item : v.objects("addresses")) {
    out.push_back(
        {{item.number<std::uint8_t>("family"), item.array<16>("ip"), item.number<std::uint16_t>("port")}});
  }
  return out;
}

BOOST_FIXTURE_TEST_SUITE(frame_vectors, test::CryptoFixture)

BOOST_AUTO_TEST_CASE(every_list_of_the_frame_vectors_is_checked) {
  test::check_lists_of(frames_file, {"sessions", "box_lists", "store", "store_response", "retrieve", "page",
                                     "peers_request", "peers", "frames", "bad_frames"});
}

BOOST_AUTO_TEST_CASE(session_keys_are_those_of_the_vectors_at_both_ends) {
  for_each_vector(frames_file, "sessions", [](const Vector& v) {
    const auto x = crypto::KeyPair::from_secret(crypto::Secret<32>(v.array<32>("x")));
    const auto n = crypto::KeyPair::from_secret(crypto::Secret<32>(v.array<32>("n")));
    TOXASYNC_TEST_BYTES(x.public_key, v.bytes("X"));
    TOXASYNC_TEST_BYTES(n.public_key, v.bytes("N"));
    ByteArray<32> shared{};
    BOOST_TEST(crypto::x25519(shared, x.secret.bytes(), n.public_key));
    TOXASYNC_TEST_BYTES(shared, v.bytes("shared"));
    for (const auto& keys : {session_keys(x.secret, n.public_key, x.public_key, n.public_key),
                             session_keys(n.secret, x.public_key, x.public_key, n.public_key)}) {
      BOOST_REQUIRE(keys.has_value());
      TOXASYNC_TEST_BYTES(keys->client_to_node.view(), v.bytes("k_c2s"));
      TOXASYNC_TEST_BYTES(keys->node_to_client.view(), v.bytes("k_s2c"));
    }
  });
}

BOOST_AUTO_TEST_CASE(lists_of_boxes_are_those_of_the_vectors) {
  for_each_vector(frames_file, "box_lists", [](const Vector& v) {
    const auto scalars = v.arrays<32>("owner_scalars");
    const auto scalar = [&](std::size_t i) { return crypto::Secret<32>::copy_of(scalars.at(i)); };
    const auto owner =
        scalars.size() == 1 ? crypto::OwnerKey(scalar(0)) : crypto::OwnerKey(scalar(0), scalar(1));
    const auto writers = v.ids<crypto::Point>("writers");
    const auto expected = v.list("lists");
    const auto lists = box_lists(owner, v.id<crypto::Point>("P"), writers, expected.size());
    BOOST_REQUIRE(lists->size() == expected.size());
    for (std::size_t i = 0; i < lists->size(); ++i) {
      BOOST_TEST((lists->at(i).tags == box_tags(expected[i])));
    }
  });
}

BOOST_AUTO_TEST_CASE(messages_to_and_from_nodes_are_those_of_the_vectors) {
  for_each_vector(frames_file, "store", [](const Vector& v) {
    check_bytes(
        StoreRequest{v.number<std::uint64_t>("counter"), static_cast<StoreOp>(v.number<std::uint8_t>("op")),
                     v.number<std::uint32_t>("epoch"), v.number<std::uint32_t>("ttl"), address(v),
                     v.array<16>("write_tag"), v.bytes("payload")},
        v.bytes("bytes"));
  });
  for_each_vector(frames_file, "store_response", [](const Vector& v) {
    check_bytes(StoreResponse{v.number<std::uint64_t>("counter"),
                              static_cast<StoreStatus>(v.number<std::uint8_t>("status")),
                              v.number<std::uint64_t>("expires_at"), v.number<std::uint64_t>("node_time"),
                              v.number<std::uint16_t>("retry_after")},
                v.bytes("bytes"));
  });
  for (const char* list : {"retrieve", "peers_request"}) {
    for_each_vector(frames_file, list, [](const Vector& v) {
      check_bytes(RetrieveRequest{v.number<std::uint64_t>("counter"),
                                  static_cast<RetrieveOp>(v.number<std::uint8_t>("op")),
                                  v.number<std::uint8_t>("window"), v.id<crypto::Point>("P"),
                                  v.array<16>("owner_tag"), v.number<std::uint64_t>("cursor"),
                                  box_tags(v.bytes("boxes")), v.ids<crypto::EnvelopeId>("ids")},
                  v.bytes("bytes"));
    });
  }
  for_each_vector(frames_file, "peers", [](const Vector& v) {
    Peers peers{v.number<std::uint64_t>("counter"), v.number<std::uint64_t>("node_time"), {}};
    for (Bytes& descriptor : v.list("descriptors")) {
      peers.descriptors.push_back({std::move(descriptor)});
    }
    check_bytes(peers, v.bytes("bytes"));
  });
  for_each_vector(frames_file, "page", [](const Vector& v) {
    Page page{v.number<std::uint64_t>("counter"),     v.number<std::uint8_t>("index"),
              v.number<std::uint8_t>("count"),        v.number<std::uint64_t>("node_time"),
              v.number<std::uint64_t>("cursor"),      v.number<std::uint8_t>("flags"),
              v.number<std::uint16_t>("retry_after"), {}};
    const auto boxes = v.ids<crypto::BoxName>("boxes");
    for (Bytes& envelope : v.list("envelopes")) {
      page.envelopes.push_back({boxes.at(page.envelopes.size()), std::move(envelope)});
    }
    BOOST_TEST(page.is_announcement() == (v.text("name") == "announcement"));
    check_bytes(page, v.bytes("bytes"));
  });
}

BOOST_AUTO_TEST_CASE(a_tag_over_a_vectors_request_is_the_one_in_it) {
  const auto check = [](const char* list, crypto::TagKind kind, const char* session, const char* field,
                        std::size_t offset, const char* point) {
    const auto sessions = test::vector_file(frames_file).get_child("sessions");
    for (const auto& [key, item] : sessions) {
      const Vector s(item);
      if (s.text("name") != session) {
        continue;
      }
      for_each_vector(frames_file, list, [&](const Vector& v) {
        ByteArray<32> shared{};
        BOOST_TEST(crypto::x25519(shared, s.array<32>("n"), v.id<crypto::Point>(point)));
        TOXASYNC_TEST_BYTES(crypto::request_tag(kind, shared, s.id<crypto::Point>("N"),
                                                s.id<crypto::Point>("X"), v.bytes("bytes"), offset),
                            v.bytes(field));
      });
    }
  };
  check("store", crypto::TagKind::write, "storing", "write_tag", StoreRequest::tag_offset, "W");
  check("retrieve", crypto::TagKind::owner, "polling", "owner_tag", RetrieveRequest::tag_offset, "P");
}

BOOST_AUTO_TEST_CASE(whole_frames_are_those_of_the_vectors_and_open) {
  for_each_vector(frames_file, "frames", [](const Vector& v) {
    const Bytes message = v.bytes("message");
    ByteArray<limits::plaintext> plain{};
    store_le(static_cast<std::uint16_t>(message.size()), plain.data());
    std::ranges::copy(message, plain.begin() + 2);
    const FrameHeader header{static_cast<FrameKind>(v.number<std::uint8_t>("kind")),
                             v.number<std::uint8_t>("version"), v.array<16>("cookie"),
                             v.id<crypto::Point>("X"), v.array<24>("nonce")};
    const auto keys = session_keys(crypto::Secret<32>(v.array<32>("x")), v.id<crypto::Point>("N"),
                                   v.id<crypto::Point>("X"), v.id<crypto::Point>("N"));
    BOOST_REQUIRE(keys.has_value());
    const auto& key = v.text("direction") == "c2s" ? keys->client_to_node : keys->node_to_client;
    TOXASYNC_TEST_BYTES(key.view(), v.bytes("k"));
    FrameBytes frame{};
    seal_frame(header, key, plain, frame);
    TOXASYNC_TEST_BYTES(frame, v.bytes("frame"));

    const auto read = read_frame_header(frame);
    BOOST_REQUIRE(read.has_value());
    TOXASYNC_TEST_BYTES(encoded(*read), encoded(header));
    ByteArray<limits::plaintext> opened{};
    BOOST_REQUIRE(open_frame(*read, key, frame, opened));
    TOXASYNC_TEST_BYTES(opened, plain);
  });
}

/// Where the opening of a frame ended, in the words of the vectors.
std::string stage_of(const Vector& v) {
  const Bytes packet = v.bytes("frame");
  const auto header = read_frame_header(packet);
  if (!header || packet.size() != limits::frame || !crypto::is_canonical(header->session)) {
    return "format";
  }
  const bool to_node = v.text("direction") == "c2s";
  const auto keys = to_node ? session_keys(crypto::Secret<32>(v.array<32>("n")), header->session,
                                           header->session, v.id<crypto::Point>("N"))
                            : session_keys(crypto::Secret<32>(v.array<32>("x")), v.id<crypto::Point>("N"),
                                           header->session, v.id<crypto::Point>("N"));
  ByteArray<limits::plaintext> plain{};
  if (!keys || !open_frame(*header, to_node ? keys->client_to_node : keys->node_to_client, packet, plain)) {
    return "box";
  }
  StoreRequest store;
  StoreResponse response;
  RetrieveRequest retrieve;
  Page page;
  Peers peers;
  const bool decoded =
      wire::decode_padded(plain, store).has_value() || wire::decode_padded(plain, response).has_value() ||
      wire::decode_padded(plain, retrieve).has_value() || wire::decode_padded(plain, page).has_value() ||
      wire::decode_padded(plain, peers).has_value();
  return decoded ? "opened" : "padding";
}

BOOST_AUTO_TEST_CASE(frames_are_refused_as_the_vectors_say) {
  for_each_vector(frames_file, "bad_frames",
                  [](const Vector& v) { BOOST_TEST(stage_of(v) == v.text("stage")); });
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_FIXTURE_TEST_SUITE(descriptor_vectors, test::CryptoFixture)

BOOST_AUTO_TEST_CASE(every_list_of_the_descriptor_vectors_is_checked) {
  test::check_lists_of(descriptors_file, {"descriptors", "bad_descriptors", "cookie_replies"});
}

BOOST_AUTO_TEST_CASE(signed_descriptors_are_those_of_the_vectors) {
  for_each_vector(descriptors_file, "descriptors", [](const Vector& v) {
    const crypto::SigningKey signer(v.array<32>("seed"));
    TOXASYNC_TEST_BYTES(signer.public_key(), v.bytes("node_id"));
    const NodeDescriptor descriptor{v.number<std::uint8_t>("version"),
                                    v.id<NodeId>("node_id"),
                                    v.id<crypto::Point>("N"),
                                    v.number<std::uint64_t>("valid_from"),
                                    v.number<std::uint64_t>("valid_until"),
                                    v.number<std::uint64_t>("capacity"),
                                    addresses(v)};
    TOXASYNC_TEST_BYTES(signer.sign({}, v.bytes("signed")), v.bytes("signature"));
    TOXASYNC_TEST_BYTES(descriptor.encode_signed(signer), v.bytes("bytes"));
    const auto back = NodeDescriptor::decode_signed(v.bytes("bytes"));
    BOOST_REQUIRE(back.has_value());
    TOXASYNC_TEST_BYTES(encoded(*back), encoded(descriptor));
  });
}

BOOST_AUTO_TEST_CASE(the_descriptors_that_the_vectors_refuse_are_refused) {
  for_each_vector(descriptors_file, "bad_descriptors", [](const Vector& v) {
    BOOST_TEST(!NodeDescriptor::decode_signed(v.bytes("bytes")).has_value());
  });
}

BOOST_AUTO_TEST_CASE(cookie_replies_are_those_of_the_vectors) {
  for_each_vector(descriptors_file, "cookie_replies", [](const Vector& v) {
    const FrameHeader request{static_cast<FrameKind>(v.number<std::uint8_t>("request_kind")),
                              v.number<std::uint8_t>("version"), Cookie{}, v.id<crypto::Point>("X"),
                              v.array<24>("nonce")};
    BOOST_TEST(static_cast<int>(response_to(request.kind)) == v.number<int>("kind"));
    const Bytes reply = make_cookie_reply(request, v.array<16>("cookie"), v.bytes("descriptor"));
    TOXASYNC_TEST_BYTES(reply, v.bytes("frame"));
    BOOST_TEST(read_frame_header(reply).has_value());
    BOOST_TEST(NodeDescriptor::decode_signed(ByteView(reply).subspan(limits::frame_header)).has_value());
  });
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_FIXTURE_TEST_SUITE(bundle_vectors, test::CryptoFixture)

/// That `message` makes the vector's packet, and the packet reads as it.
template <class Message>
void check_packet(FriendPacketType type, const Message& message, const Vector& v) {
  const Bytes packet = v.bytes("packet");
  TOXASYNC_TEST_BYTES(make_friend_packet(type, message), packet);
  const auto read = read_friend_packet(packet);
  BOOST_REQUIRE(read.has_value());
  BOOST_TEST((read->type == type));
  Message back{};
  BOOST_TEST((wire::decode(read->message, back) == wire::Error::none));
  TOXASYNC_TEST_BYTES(encoded(back), encoded(message));
}

crypto::Instance instance(const Vector& v, const std::string& field = "instance") {
  return crypto::Instance{v.number<std::uint64_t>(field)};
}

BundleVersion version(const Vector& v) {
  return {instance(v), v.number<std::uint64_t>("version")};
}

BOOST_AUTO_TEST_CASE(every_list_of_the_bundle_vectors_is_checked) {
  test::check_lists_of(bundles_file, {"root_macs", "heads", "keys", "taken", "envelopes", "receipts", "nacks",
                                      "whole", "bad_whole"});
}

BOOST_AUTO_TEST_CASE(root_macs_are_those_of_the_vectors_at_both_ends) {
  for_each_vector(bundles_file, "root_macs", [](const Vector& v) {
    ByteArray<32> by_sender{};
    ByteArray<32> by_receiver{};
    BOOST_TEST(crypto::x25519(by_sender, v.array<32>("m"), v.id<crypto::Point>("S")));
    BOOST_TEST(crypto::x25519(by_receiver, v.array<32>("s"), v.id<crypto::Point>("M")));
    TOXASYNC_TEST_BYTES(by_sender, v.bytes("key"));
    TOXASYNC_TEST_BYTES(by_receiver, v.bytes("key"));
    TOXASYNC_TEST_BYTES(root_mac(by_receiver, v.id<crypto::Point>("M"), v.id<crypto::FriendKey>("R"),
                                 v.id<crypto::FriendKey>("S"), version(v)),
                        v.bytes("mac"));
  });
}

BOOST_AUTO_TEST_CASE(signed_bundle_heads_are_those_of_the_vectors) {
  for_each_vector(bundles_file, "heads", [](const Vector& v) {
    const auto root = crypto::KeyPair::from_secret(crypto::Secret<32>(v.array<32>("m")));
    BundleHead head{version(v),
                    instance(v, "replaces"),
                    {v.id<crypto::Point>("M"), crypto::Wiped<32>(v.array<32>("u"))},
                    v.array<16>("root_mac"),
                    v.id<crypto::Point>("last_resort"),
                    v.number<std::uint64_t>("use_until"),
                    v.number<std::uint16_t>("one_time_count"),
                    v.array<32>("keys_hash"),
                    {},
                    {},
                    {}};
    for (const Vector& node : v.objects("home_nodes")) {
      head.home_nodes.push_back({node.id<NodeId>("node_id"), addresses(node)});
    }
    BOOST_TEST((head.root == crypto::friends_root(root, v.id<crypto::FriendKey>("S"))));
    const crypto::SigningKey signer(v.array<32>("seed"));
    TOXASYNC_TEST_BYTES(signer.sign({}, v.bytes("signed")), v.bytes("signature"));
    head.sign(signer, v.id<crypto::FriendKey>("R"), v.id<crypto::FriendKey>("S"));
    TOXASYNC_TEST_BYTES(head.signer, v.bytes("signer"));
    TOXASYNC_TEST_BYTES(head.signature, v.bytes("signature"));
    BOOST_TEST(head.is_signed(v.id<crypto::FriendKey>("R"), v.id<crypto::FriendKey>("S")));
    check_packet(FriendPacketType::bundle_head, head, v);
  });
}

/// Where the taking of a whole bundle ended, in the words of the vectors.
std::string stage_of_bundle(const Vector& v) {
  WholeBundle bundle;
  if (wire::decode(v.bytes("bytes"), bundle) != wire::Error::none ||
      !crypto::is_canonical(bundle.head.last_resort)) {
    return "format";
  }
  if (!bundle.head.is_signed(v.id<crypto::FriendKey>("R"), v.id<crypto::FriendKey>("S"))) {
    return "signature";
  }
  ByteArray<32> shared{};
  if (!crypto::x25519(shared, v.array<32>("s"), bundle.head.root.m) ||
      bundle.head.root_mac != root_mac(shared, bundle.head.root.m, v.id<crypto::FriendKey>("R"),
                                       v.id<crypto::FriendKey>("S"), bundle.head.version)) {
    return "root MAC";
  }
  return bundle.keys.size() == bundle.head.one_time_count &&
                 one_time_hash(bundle.keys) == bundle.head.keys_hash
             ? "taken"
             : "keys";
}

BOOST_AUTO_TEST_CASE(whole_bundles_are_those_of_the_vectors) {
  for_each_vector(bundles_file, "whole", [](const Vector& v) {
    WholeBundle bundle;
    BOOST_REQUIRE((wire::decode(v.bytes("head"), bundle.head) == wire::Error::none));
    bundle.keys = v.ids<crypto::Point>("keys");
    check_bytes(bundle, v.bytes("bytes"));
    BOOST_TEST(v.bytes("bytes").size() <= limits::whole_bundle);
    BOOST_TEST(stage_of_bundle(v) == "taken");
  });
}

BOOST_AUTO_TEST_CASE(bundles_are_refused_as_the_vectors_say) {
  for_each_vector(bundles_file, "bad_whole",
                  [](const Vector& v) { BOOST_TEST(stage_of_bundle(v) == v.text("stage")); });
}

LiveReceipt live_receipt(const Vector& v) {
  return {instance(v), v.ids<crypto::MessageId>("ids")};
}

BOOST_AUTO_TEST_CASE(friend_packets_are_those_of_the_vectors) {
  for_each_vector(bundles_file, "keys", [](const Vector& v) {
    check_packet(FriendPacketType::bundle_keys,
                 BundleKeys{version(v), v.number<std::uint16_t>("first"), v.ids<crypto::Point>("keys")}, v);
  });
  for_each_vector(bundles_file, "taken", [](const Vector& v) {
    check_packet(FriendPacketType::bundle_taken, BundleTaken{version(v), instance(v, "receiver")}, v);
  });
  for_each_vector(bundles_file, "envelopes", [](const Vector& v) {
    check_packet(
        FriendPacketType::envelope,
        LiveEnvelope{v.number<std::uint32_t>("epoch"), v.id<crypto::Point>("P"), v.bytes("envelope")}, v);
  });
  for_each_vector(bundles_file, "receipts",
                  [](const Vector& v) { check_packet(FriendPacketType::receipt, live_receipt(v), v); });
  for_each_vector(bundles_file, "nacks",
                  [](const Vector& v) { check_packet(FriendPacketType::nack, live_receipt(v), v); });
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace toxasync::protocol
