// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "base/time.hpp"

/// Every size and count limit of the protocol (docs/protocol.md, sections 4 to 8), checked against each other
/// here, so that nothing we can produce is refused by us. Sizes are bytes.
namespace toxasync::limits {

// --- Frames (section 6) ---
constexpr std::size_t frame = 1372;  ///< Every request and answer. toxcore's receiver truncates at 2048.
constexpr std::size_t friend_packet = 1373;  ///< TOX_MAX_CUSTOM_PACKET_SIZE, packet id included.
constexpr std::size_t tox_message = 1372;    ///< TOX_MAX_MESSAGE_LENGTH.
constexpr std::size_t point = 32;
constexpr std::size_t aead_tag = 16;
constexpr std::size_t aead_nonce = 24;
constexpr std::size_t cookie = 16;
constexpr std::size_t frame_header = 1 + 1 + cookie + point + aead_nonce;
constexpr std::size_t plaintext = frame - frame_header - aead_tag;  ///< In the box: len 2, message, zeros.
constexpr std::size_t length_prefix = 2;                            ///< Of the message, and of every vector.
constexpr std::size_t message = plaintext - length_prefix;
static_assert(frame_header == 74 && plaintext == 1282);

// --- Envelopes (section 4) ---
constexpr std::size_t tag = 16;
constexpr std::size_t id = 16;
constexpr std::size_t cancel_secret = 16;
constexpr std::size_t envelope_header_plain = 32 + 8 + 8 + 16;
constexpr std::size_t envelope_header = envelope_header_plain + aead_tag;
constexpr std::size_t envelope_prefix = 1 + 16 + point + envelope_header;
constexpr std::size_t envelope_body_fields = 8 + 8 + 8 + 4 + 1 + 1 + 1 + 2;
constexpr std::size_t envelope_overhead = envelope_prefix + aead_tag + envelope_body_fields;
constexpr std::size_t small_envelope = 400;
constexpr std::size_t large_envelope = 1168;
constexpr std::size_t small_text = small_envelope - envelope_overhead;
constexpr std::size_t large_text = large_envelope - envelope_overhead;
static_assert(envelope_header == 80 && envelope_overhead == 178 && small_text == 222 && large_text == 990);

constexpr bool is_envelope_size(std::size_t size) noexcept {
  return size == small_envelope || size == large_envelope;
}

constexpr std::size_t message_text = 65536;       ///< Whole text of one message, UTF-8.
constexpr std::size_t friend_request_text = 921;  ///< TOX_MAX_FRIEND_REQUEST_LENGTH.
static_assert(friend_request_text <= large_text, "a friend request is one envelope");
constexpr std::size_t parts = 72;  ///< What the format allows for one message.
constexpr std::size_t parts_needed(std::size_t text_size) noexcept {
  return text_size == 0 ? 1 : (text_size + large_text - 1) / large_text;
}
static_assert(parts_needed(message_text) <= parts, "a message of the largest size must fit in its parts");
static_assert(parts_needed(tox_message) == 2);
constexpr std::size_t incomplete_parts_bytes = 262144;  ///< Per friend.
static_assert(incomplete_parts_bytes >= 2 * message_text);

// --- Store and retrieve (section 6) ---
constexpr std::size_t store_fields = 8 + 1 + 4 + 4 + point + point + tag + length_prefix;
static_assert(store_fields + large_envelope <= message, "a large envelope must fit in a store request");
constexpr std::size_t cancel_payload = id + cancel_secret;
constexpr std::size_t store_response = 8 + 1 + 8 + 8 + 2;
constexpr std::size_t box_tag = 3;
constexpr std::size_t box_name = 8;
constexpr std::size_t boxes_per_list =
    128;  ///< Always so many are named, so that their number does not show.
constexpr std::size_t retrieve_fields =
    8 + 1 + 1 + point + tag + 8 + boxes_per_list * box_tag + length_prefix;
constexpr std::size_t ids_per_request = 51;
static_assert(retrieve_fields + ids_per_request * id <= message);
constexpr std::size_t page_fields = 8 + 1 + 1 + 8 + 8 + 1 + 2 + length_prefix;
constexpr std::size_t envelopes_per_page = 3;
static_assert(page_fields + envelopes_per_page * (box_name + length_prefix + small_envelope) <= message);
static_assert(page_fields + box_name + length_prefix + large_envelope <= message);
constexpr std::size_t window = 16;  ///< Pages that one request may ask for.
static_assert(window * envelopes_per_page <= ids_per_request,
              "a whole window must be deleted by one request");

// --- Node descriptor (section 6) ---
constexpr std::size_t address = 19;
constexpr std::size_t addresses_per_node = 4;
constexpr std::size_t signature = 64;
constexpr std::size_t descriptor =
    1 + 32 + point + 8 + 8 + 8 + length_prefix + addresses_per_node * address + signature;
static_assert(frame_header + descriptor <= frame, "a cookie reply must not be longer than the request");
constexpr std::size_t peers_per_answer = 4;  ///< Other nodes that one answer names.
static_assert(8 + 8 + length_prefix + peers_per_answer * (length_prefix + descriptor) <= message);

// --- Friend channel (section 5) ---
constexpr std::size_t friend_packet_header = 4;  ///< Packet id, magic, version, type.
constexpr std::size_t friend_message = friend_packet - friend_packet_header;
constexpr std::size_t keys_per_packet = 40;
constexpr std::size_t one_time_keys = 200;  ///< In one bundle.
constexpr std::size_t home_nodes = 5;
constexpr std::size_t receipt_ids = 80;
static_assert(8 + 8 + 2 + length_prefix + keys_per_packet * point <= friend_message);
constexpr std::size_t bundle_head = 8 + 8 + 8 + point + 32 + 16 + point + 8 + 2 + 32 + 32 + length_prefix +
                                    home_nodes * (32 + length_prefix + addresses_per_node * address) +
                                    signature;
static_assert(bundle_head <= friend_message);
constexpr std::size_t whole_bundle = bundle_head + length_prefix + one_time_keys * point;
static_assert(whole_bundle <= message_text);
constexpr std::size_t instances_per_friend = 3;  ///< Installations of one friend that are served.
static_assert(4 + point + length_prefix + large_envelope <= friend_message);
static_assert(8 + length_prefix + receipt_ids * id <= friend_message);

// --- Time (section 2) ---
constexpr UnixTime epoch_origin{days(20089)};  ///< 2025-01-01T00:00:00Z
constexpr seconds epoch_length = 6h;
constexpr std::array<seconds, 4> times_to_live = {days(1), days(3), days(7), days(14)};
constexpr seconds default_time_to_live = times_to_live.front();
constexpr seconds largest_time_to_live = times_to_live.back();
constexpr seconds late_store_grace = 10min;
/// How long a node announces new mail: longer than most waits between two polls, so that subscriptions follow
/// each other without a gap.
constexpr seconds subscription = 10min;

constexpr bool is_time_to_live(seconds wanted) noexcept {
  for (const seconds allowed : times_to_live) {
    if (wanted == allowed) {
      return true;
    }
  }
  return false;
}

}  // namespace toxasync::limits
