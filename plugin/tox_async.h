/* SPDX-License-Identifier: GPL-3.0-or-later
 * Copyright © 2026 The toxasync authors.
 */

/** @file
 * @brief Messages to friends who are offline, for clients of c-toxcore.
 *
 * A Tox_Async stands beside a Tox instance. It keeps messages on disk until the
 * friend has them, hands them to the friend directly when both are online, and
 * otherwise leaves them, sealed, on storage nodes that the friend has chosen.
 * Both sides need it; each friend must have been online together with us once,
 * which is when keys and nodes are exchanged by themselves.
 *
 * @code
 * Tox_Async_Options *options = tox_async_options_new(NULL);
 * tox_async_options_set_enabled(options, true);
 * Tox_Async *async = tox_async_new(tox, options, NULL);
 * tox_async_options_free(options);
 * tox_async_callback_message(async, on_message);
 * tox_async_node_add(async, "toxasync:<node id>@192.0.2.7:33445", NULL);
 *
 * while (running) {
 *     tox_iterate(tox, user_data);
 *     tox_async_iterate(async, user_data);
 *     sleep_ms(min(tox_iteration_interval(tox), tox_async_iteration_interval(async)));
 * }
 *
 * tox_async_kill(async);
 * tox_kill(tox);
 * @endcode
 *
 * @section conventions Conventions
 *
 * They are c-toxcore's. A function that can fail takes a pointer to an error
 * code of its own, which may be NULL and is set on success too. Every error
 * code has a function with the suffix `_to_string`, which gives a sentence that
 * can be shown to the user: what is wrong, and what to do about it. Arrays are
 * copied, never kept; their sizes are given in bytes. Text is UTF-8. Strings
 * that are returned are constant and need not be freed.
 *
 * A function may be passed NULL where it says so; a NULL Tox_Async is undefined
 * behaviour everywhere else. No function throws or ends the program.
 *
 * @section callbacks Callbacks
 *
 * As in c-toxcore there is one per event, and the last argument is the pointer
 * given to tox_async_iterate. All are called from inside tox_async_iterate, except
 * for the log callback, which any function may call, and for the callback for
 * other modules' packets, which tox_iterate calls. A callback may call any function
 * but tox_async_iterate, tox_async_flush and tox_async_kill.
 *
 * Register them before the first call of tox_async_iterate. While there is no
 * callback for messages, those that come wait on disk, and are shown when there is
 * one, in this run of the program or a later one; when thousands wait, the rest stays
 * with its senders and on the storage nodes. What else happens while there is no
 * callback for it is not told later.
 *
 * @section threads Threads
 *
 * The rule of c-toxcore holds for the Tox instance and its Tox_Async together:
 * one call at a time. The Tox instance is used during calls of these functions
 * only, and in the thread that makes them. A thread of our own writes to the disk;
 * it neither uses the Tox instance nor calls the client.
 *
 * @section lifetime Lifetime
 *
 * tox_async_new comes after tox_new, tox_async_kill before tox_kill. There can be
 * one Tox_Async for a Tox instance.
 */
#ifndef TOXASYNC_TOX_ASYNC_H
#define TOXASYNC_TOX_ASYNC_H

/* NOLINTBEGIN(modernize-deprecated-headers): a C header. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
/* NOLINTEND(modernize-deprecated-headers) */

#include <tox/tox.h>

#ifdef __cplusplus
extern "C" {
#endif

/** @{
 * @name Version
 */

#define TOX_ASYNC_VERSION_MAJOR 0
#define TOX_ASYNC_VERSION_MINOR 1
#define TOX_ASYNC_VERSION_PATCH 0

/** The version of the library that the program runs on. */
uint32_t tox_async_version_major(void);
uint32_t tox_async_version_minor(void);
uint32_t tox_async_version_patch(void);

/**
 * @return whether a program that was made for the given version can use this
 *   library.
 */
bool tox_async_version_is_compatible(uint32_t major, uint32_t minor, uint32_t patch);

/** @} */

/** @{
 * @name Sizes and types
 */

/** The size of a message id in bytes. */
#define TOX_ASYNC_MESSAGE_ID_SIZE 16

/** The size of a storage node's id in bytes. */
#define TOX_ASYNC_NODE_ID_SIZE 32

/**
 * The longest message in bytes. That is more than TOX_MAX_MESSAGE_LENGTH:
 * messages need not be split.
 */
#define TOX_ASYNC_MAX_MESSAGE_LENGTH 65536

/** The largest number of storage nodes that keep our messages. */
#define TOX_ASYNC_MAX_NODES 5

/** Room for any node's address line, its terminating zero included. */
#define TOX_ASYNC_ADDRESS_LINE_SIZE 512

/** The friend number in a message state when the friend was removed meanwhile. */
#define TOX_ASYNC_NO_FRIEND UINT32_MAX

typedef struct Tox_Async Tox_Async;
typedef struct Tox_Async_Options Tox_Async_Options;

/** What carries packets to and from storage nodes. */
typedef enum Tox_Async_Carrier {
  /**
   * The dispatcher where the library has it; else UDP where the Tox instance itself
   * uses UDP and no proxy; else the courier. An option only.
   */
  TOX_ASYNC_CARRIER_AUTO,

  /**
   * The UDP socket of the Tox instance. Needs a libtoxcore with packet dispatcher
   * access (tox_net.h, made by patches/build-toxcore.sh).
   */
  TOX_ASYNC_CARRIER_DISPATCHER,

  /** A UDP socket of our own. Its packets do not go through the Tox instance's proxy. */
  TOX_ASYNC_CARRIER_UDP,

  /**
   * A second Tox instance, hidden, with a key that is new each time, whose friends the
   * storage nodes are. Goes only by the ways that tox_async_options_set_tox_options
   * permits, so also by TCP relays and through a proxy. Has a thread of its own, on
   * which no callback is ever called.
   */
  TOX_ASYNC_CARRIER_COURIER,
} Tox_Async_Carrier;

const char* tox_async_carrier_to_string(Tox_Async_Carrier value);

typedef enum Tox_Async_Log_Level {
  TOX_ASYNC_LOG_LEVEL_DEBUG,
  TOX_ASYNC_LOG_LEVEL_INFO,
  TOX_ASYNC_LOG_LEVEL_WARNING,
  TOX_ASYNC_LOG_LEVEL_ERROR,
} Tox_Async_Log_Level;

const char* tox_async_log_level_to_string(Tox_Async_Log_Level value);

/**
 * @param area The part of the program that speaks.
 * @param message One line, without an end of line.
 * @param user_data As in the options.
 */
typedef void tox_async_log_cb(Tox_Async_Log_Level level, const char* area, const char* message,
                              void* user_data);

/** @} */

/** @{
 * @name Options
 *
 * Strings are copied.
 */

typedef enum Tox_Err_Async_Options_New {
  TOX_ERR_ASYNC_OPTIONS_NEW_OK,
  TOX_ERR_ASYNC_OPTIONS_NEW_MALLOC,
} Tox_Err_Async_Options_New;

const char* tox_err_async_options_new_to_string(Tox_Err_Async_Options_New value);

/**
 * @return options with the default values; to be freed with
 *   tox_async_options_free. NULL on failure.
 */
Tox_Async_Options* tox_async_options_new(Tox_Err_Async_Options_New* error);

/** Does nothing on NULL. */
void tox_async_options_free(Tox_Async_Options* options);

/** Sets the default values. Does nothing on NULL. */
void tox_async_options_default(Tox_Async_Options* options);

/** Whether tox_async_new is to work without TOX_ASYNC=1 in the environment. Default: false. */
void tox_async_options_set_enabled(Tox_Async_Options* options, bool enabled);
bool tox_async_options_get_enabled(const Tox_Async_Options* options);

/**
 * The file for messages and keys. It belongs to one Tox identity, is sealed with
 * its secret key, and can be used by one process at a time. NULL or empty, the
 * default: a file in the data directory, whose name is made from the identity in a
 * way that does not tell which one it is.
 *
 * @return false if there is not enough memory.
 */
bool tox_async_options_set_state_path(Tox_Async_Options* options, const char* path);
const char* tox_async_options_get_state_path(const Tox_Async_Options* options);

/**
 * The directory of that file, made if it does not exist. Not used when a state path
 * is set. NULL or empty, the default: `toxasync` in $XDG_DATA_HOME, or in
 * ~/.local/share.
 *
 * @return false if there is not enough memory.
 */
bool tox_async_options_set_data_directory(Tox_Async_Options* options, const char* path);
const char* tox_async_options_get_data_directory(const Tox_Async_Options* options);

/** Default: TOX_ASYNC_CARRIER_AUTO. */
void tox_async_options_set_carrier(Tox_Async_Options* options, Tox_Async_Carrier carrier);
Tox_Async_Carrier tox_async_options_get_carrier(const Tox_Async_Options* options);

/**
 * The options that the Tox instance was made with: the courier goes by no other ways
 * (UDP, IPv6, local discovery, hole punching, DHT announcements, proxy, DNS), and no
 * UDP socket of our own is opened unasked if they name a proxy. The rest is not looked
 * at. NULL, the default: unknown, and the courier can't be used with a Tox instance
 * that has UDP switched off.
 *
 * @return false if there is not enough memory.
 */
bool tox_async_options_set_tox_options(Tox_Async_Options* options, const struct Tox_Options* tox_options);

/** The port of our own UDP socket, if one is used. Default: 0, any. */
void tox_async_options_set_udp_port(Tox_Async_Options* options, uint16_t port);
uint16_t tox_async_options_get_udp_port(const Tox_Async_Options* options);

/**
 * Whether storage nodes with loopback, private and link-local addresses are used;
 * for tests and networks of one's own. Default: false.
 */
void tox_async_options_set_allow_local_addresses(Tox_Async_Options* options, bool allow);
bool tox_async_options_get_allow_local_addresses(const Tox_Async_Options* options);

/**
 * The mean time between two looks for mail at a storage node, in milliseconds; at least 100.
 * Default: 120000.
 */
void tox_async_options_set_poll_interval(Tox_Async_Options* options, uint32_t interval_ms);
uint32_t tox_async_options_get_poll_interval(const Tox_Async_Options* options);

/**
 * Whether storage nodes are asked to tell of new mail at once, so that it comes within
 * a second or two and not at the next look. They are looked at as often as without, for
 * what they tell can be lost. Whoever watches the network can see better when mail comes,
 * and so from whom; set false to prefer that mail waits. Default: true.
 */
void tox_async_options_set_push(Tox_Async_Options* options, bool push);
bool tox_async_options_get_push(const Tox_Async_Options* options);

/**
 * The mean time that receipts to a friend who is offline wait for others, in milliseconds; at least
 * 100. The shorter, the easier storage nodes can tell what they answer. Default: 300000.
 */
void tox_async_options_set_receipt_delay(Tox_Async_Options* options, uint32_t delay_ms);
uint32_t tox_async_options_get_receipt_delay(const Tox_Async_Options* options);

/**
 * Whether this client is a storage node for others too, where it can be: with the
 * dispatcher. It keeps what strangers leave for one another, sealed, on at most 1 % of
 * the disk that is free when it starts, from 1 MiB to 1 GiB, in two files beside the state
 * file. When these can't be used, the log tells why, and the client is no node. Also
 * false: TOX_ASYNC_NODE=0 in the environment. Default: true.
 */
void tox_async_options_set_node_enabled(Tox_Async_Options* options, bool enabled);
bool tox_async_options_get_node_enabled(const Tox_Async_Options* options);

/**
 * How long storage nodes keep our messages, in seconds: 86400, 259200, 604800 or
 * 1209600 (1, 3, 7 or 14 days). Default: 86400.
 */
void tox_async_options_set_time_to_live(Tox_Async_Options* options, uint32_t seconds);
uint32_t tox_async_options_get_time_to_live(const Tox_Async_Options* options);

/**
 * Whether the callback of tox_callback_friend_lossless_packet is taken, which
 * friends' packets come by. A client that uses such packets itself gets its own by
 * tox_async_callback_friend_lossless_packet. A client that dispatches packets itself
 * (e.g. with tox_events) sets false and calls
 * tox_async_handle_friend_lossless_packet. Default: true.
 */
void tox_async_options_set_take_packet_callback(Tox_Async_Options* options, bool take);
bool tox_async_options_get_take_packet_callback(const Tox_Async_Options* options);

/**
 * Where log lines of at least `level` go. NULL, the default: nowhere. Message text
 * and secrets are never logged; addresses and identities at level debug only.
 */
void tox_async_options_set_log_callback(Tox_Async_Options* options, tox_async_log_cb* callback,
                                        Tox_Async_Log_Level level, void* user_data);

/** @} */

/** @{
 * @name Creation, destruction, event loop
 */

typedef enum Tox_Err_Async_New {
  /** The function returned successfully. */
  TOX_ERR_ASYNC_NEW_OK,

  /** `tox` was NULL. */
  TOX_ERR_ASYNC_NEW_NULL,

  /** Not enough memory, or no thread could be started. */
  TOX_ERR_ASYNC_NEW_MALLOC,

  /** Neither the options nor the environment enable it. Not a fault. */
  TOX_ERR_ASYNC_NEW_DISABLED,

  /** The Tox instance has a Tox_Async already. */
  TOX_ERR_ASYNC_NEW_EXISTS,

  /** An option is outside its range. The log tells which. */
  TOX_ERR_ASYNC_NEW_OPTION,

  /** libsodium can't be used: the system gives no random bytes. */
  TOX_ERR_ASYNC_NEW_CRYPTO,

  /** The carrier can't be used with this Tox instance or library. The log tells why. */
  TOX_ERR_ASYNC_NEW_CARRIER,

  /** The UDP port can't be had. The log tells why. */
  TOX_ERR_ASYNC_NEW_PORT,

  /** No place for the state file: neither options, XDG_DATA_HOME nor HOME name one. */
  TOX_ERR_ASYNC_NEW_STATE_PATH,

  /* The next nine: the state file can't be used. Nothing is ever deleted because of one. */
  TOX_ERR_ASYNC_NEW_STATE_DIRECTORY_MISSING,
  TOX_ERR_ASYNC_NEW_STATE_NOT_WRITABLE,
  TOX_ERR_ASYNC_NEW_STATE_LOCKED,
  TOX_ERR_ASYNC_NEW_STATE_NOT_A_DATABASE,
  TOX_ERR_ASYNC_NEW_STATE_DAMAGED,
  TOX_ERR_ASYNC_NEW_STATE_NEWER_VERSION,
  TOX_ERR_ASYNC_NEW_STATE_NO_SPACE,
  TOX_ERR_ASYNC_NEW_STATE_WRONG_KEY,
  TOX_ERR_ASYNC_NEW_STATE_IO,
} Tox_Err_Async_New;

const char* tox_err_async_new_to_string(Tox_Err_Async_New value);

/**
 * Whether tox_async_new would go to work: the options enable it, or TOX_ASYNC=1 is
 * in the environment.
 *
 * @param options May be NULL.
 */
bool tox_async_enabled(const Tox_Async_Options* options);

/**
 * Puts a Tox_Async beside a Tox instance. Reads the state file, which blocks for as
 * long as the disk takes.
 *
 * @param options Is copied. NULL: the default values.
 *
 * @return NULL on failure.
 */
Tox_Async* tox_async_new(Tox* tox, const Tox_Async_Options* options, Tox_Err_Async_New* error);

/**
 * Blocks until everything that was accepted is on disk. Does nothing on NULL.
 */
void tox_async_kill(Tox_Async* async);

/**
 * The main loop: call it after each tox_iterate. Does nothing on NULL, so that a
 * client need not ask whether it is enabled.
 *
 * @param user_data Is given to the callbacks.
 */
void tox_async_iterate(Tox_Async* async, void* user_data);

/**
 * @return the time until tox_async_iterate should be called again, in milliseconds:
 *   1 to 50. On NULL, 50.
 */
uint32_t tox_async_iteration_interval(const Tox_Async* async);

/**
 * @return the carrier in use; never TOX_ASYNC_CARRIER_AUTO.
 */
Tox_Async_Carrier tox_async_get_carrier(const Tox_Async* async);

typedef enum Tox_Err_Async_Bootstrap {
  /** The function returned successfully. */
  TOX_ERR_ASYNC_BOOTSTRAP_OK,

  /** An argument was NULL. */
  TOX_ERR_ASYNC_BOOTSTRAP_NULL,

  /** The host is empty or longer than 255 bytes. */
  TOX_ERR_ASYNC_BOOTSTRAP_BAD_HOST,

  /** The port is 0. */
  TOX_ERR_ASYNC_BOOTSTRAP_BAD_PORT,

  /** Not enough memory. */
  TOX_ERR_ASYNC_BOOTSTRAP_MALLOC,
} Tox_Err_Async_Bootstrap;

const char* tox_err_async_bootstrap_to_string(Tox_Err_Async_Bootstrap value);

/**
 * Names a node of the Tox network by which the courier may join it. Call it along with
 * tox_bootstrap: the courier knows no other nodes. It is asked on the courier's thread,
 * again and again while the network is not joined; the last 64 are remembered. A name
 * that is being looked up holds up tox_async_kill. With another carrier nothing is done.
 *
 * @param host As in tox_bootstrap.
 *
 * @return true on success.
 */
bool tox_async_bootstrap(Tox_Async* async, const char* host, uint16_t port,
                         const uint8_t public_key[TOX_PUBLIC_KEY_SIZE], Tox_Err_Async_Bootstrap* error);

/** The same for a TCP relay, along with tox_add_tcp_relay. */
bool tox_async_add_tcp_relay(Tox_Async* async, const char* host, uint16_t port,
                             const uint8_t public_key[TOX_PUBLIC_KEY_SIZE], Tox_Err_Async_Bootstrap* error);

/**
 * @return how many storage nodes the courier is connected with; 0 with another carrier.
 */
uint32_t tox_async_get_courier_connections(const Tox_Async* async);

/**
 * The Tox public key of the courier, which is what storage nodes see.
 *
 * @return false with another carrier.
 */
bool tox_async_get_courier_key(const Tox_Async* async, uint8_t public_key[TOX_PUBLIC_KEY_SIZE]);

/**
 * @return the port of our own UDP socket; 0 with another carrier.
 */
uint16_t tox_async_get_udp_port(const Tox_Async* async);

/**
 * Whether this client is a storage node itself; see
 * tox_async_options_set_node_enabled. Its address is not known: others find it by the DHT.
 *
 * @param node_id May be NULL. Gets the node's id.
 */
bool tox_async_get_node_id(const Tox_Async* async, uint8_t node_id[TOX_ASYNC_NODE_ID_SIZE]);

/** @return the most bytes of mail that this client keeps for others; 0 if it is no node. */
uint64_t tox_async_get_node_capacity(const Tox_Async* async);

/** @return how many messages of others it keeps now, and their size in bytes. */
uint64_t tox_async_get_node_messages(const Tox_Async* async);
uint64_t tox_async_get_node_bytes(const Tox_Async* async);

/**
 * Waits until every message that was accepted before is on disk.
 *
 * @param timeout_ms The longest time to wait.
 *
 * @return false if it was not over by then. True does not mean that writing
 *   succeeded: message states tell.
 */
bool tox_async_flush(Tox_Async* async, uint32_t timeout_ms);

/** @} */

/** @{
 * @name Messages
 */

/**
 * @return whether messages to a friend can be sent: their keys and storage nodes are
 *   known. False for an unknown friend number and on NULL.
 */
bool tox_async_friend_ready(const Tox_Async* async, uint32_t friend_number);

typedef enum Tox_Err_Async_Friend_Send_Message {
  /** The function returned successfully. */
  TOX_ERR_ASYNC_FRIEND_SEND_MESSAGE_OK,

  /** `async` or `message` was NULL. */
  TOX_ERR_ASYNC_FRIEND_SEND_MESSAGE_NULL,

  /** Not enough memory. */
  TOX_ERR_ASYNC_FRIEND_SEND_MESSAGE_MALLOC,

  /** There is no friend with that number. */
  TOX_ERR_ASYNC_FRIEND_SEND_MESSAGE_FRIEND_NOT_FOUND,

  /** See tox_async_friend_ready. */
  TOX_ERR_ASYNC_FRIEND_SEND_MESSAGE_FRIEND_NOT_READY,

  /** The message type is not one. */
  TOX_ERR_ASYNC_FRIEND_SEND_MESSAGE_TYPE,

  /** The message was empty. */
  TOX_ERR_ASYNC_FRIEND_SEND_MESSAGE_EMPTY,

  /** The message was longer than TOX_ASYNC_MAX_MESSAGE_LENGTH. */
  TOX_ERR_ASYNC_FRIEND_SEND_MESSAGE_TOO_LONG,

  /** The message was not UTF-8. */
  TOX_ERR_ASYNC_FRIEND_SEND_MESSAGE_NOT_UTF8,

  /** The system's clock shows a time before 2025. */
  TOX_ERR_ASYNC_FRIEND_SEND_MESSAGE_CLOCK,

  /** Too many messages wait to be delivered. */
  TOX_ERR_ASYNC_FRIEND_SEND_MESSAGE_OUTBOX_FULL,

  /** The time to live is not one of 86400, 259200, 604800 and 1209600 s. */
  TOX_ERR_ASYNC_FRIEND_SEND_MESSAGE_TIME_TO_LIVE,
} Tox_Err_Async_Friend_Send_Message;

const char* tox_err_async_friend_send_message_to_string(Tox_Err_Async_Friend_Send_Message value);

/**
 * Sends a message to a friend, online or not. Not in addition to
 * tox_friend_send_message: the friend would see it twice.
 *
 * Returns at once. A crash before the message state is TOX_ASYNC_MESSAGE_STATE_QUEUED
 * loses the message; after that it survives the end of the program and of the machine.
 *
 * @param length From 1 to TOX_ASYNC_MAX_MESSAGE_LENGTH.
 * @param message_id May be NULL. Gets the TOX_ASYNC_MESSAGE_ID_SIZE bytes by which
 *   message states name the message; unchanged on failure.
 *
 * @return true on success.
 */
bool tox_async_friend_send_message(Tox_Async* async, uint32_t friend_number, Tox_Message_Type type,
                                   const uint8_t* message, size_t length,
                                   uint8_t message_id[TOX_ASYNC_MESSAGE_ID_SIZE],
                                   Tox_Err_Async_Friend_Send_Message* error);

/**
 * As tox_async_friend_send_message, with a time to live of its own.
 *
 * @param time_to_live How long storage nodes keep the message, in seconds: 86400, 259200,
 *   604800 or 1209600 (1, 3, 7 or 14 days); 0: as the options say.
 */
bool tox_async_friend_send_message_for(Tox_Async* async, uint32_t friend_number, Tox_Message_Type type,
                                       const uint8_t* message, size_t length, uint32_t time_to_live,
                                       uint8_t message_id[TOX_ASYNC_MESSAGE_ID_SIZE],
                                       Tox_Err_Async_Friend_Send_Message* error);

typedef enum Tox_Async_Message_State {
  /** It is on our disk. */
  TOX_ASYNC_MESSAGE_STATE_QUEUED,

  /** It is on `stored` of the `wanted` storage nodes of the friend; told for each. */
  TOX_ASYNC_MESSAGE_STATE_STORED,

  /** The friend has it on their disk. Nothing more will be told of it. */
  TOX_ASYNC_MESSAGE_STATE_DELIVERED,

  /** Its time is over, and the friend did not confirm it. Nothing more will be told of it. */
  TOX_ASYNC_MESSAGE_STATE_EXPIRED,

  /**
   * It was cancelled: every node that may have held it says that it does not, and that
   * it was not fetched there. Nothing more will be told of it.
   */
  TOX_ASYNC_MESSAGE_STATE_CANCELLED,

  /** It is lost; the reason is told. Nothing more will be told of it. */
  TOX_ASYNC_MESSAGE_STATE_FAILED,
} Tox_Async_Message_State;

const char* tox_async_message_state_to_string(Tox_Async_Message_State value);

/** Why a message failed. */
typedef enum Tox_Async_Fail_Reason {
  /** It did not. */
  TOX_ASYNC_FAIL_REASON_NONE,

  /** It could not be written to our disk. */
  TOX_ASYNC_FAIL_REASON_DISK,

  /** The friend was removed while it waited. */
  TOX_ASYNC_FAIL_REASON_FRIEND_REMOVED,
} Tox_Async_Fail_Reason;

const char* tox_async_fail_reason_to_string(Tox_Async_Fail_Reason value);

/**
 * A message of ours has gone a step further. How it ended is told also after a restart,
 * if the program ended before this callback had returned: perhaps twice, then.
 *
 * @param message_id Its TOX_ASYNC_MESSAGE_ID_SIZE bytes.
 * @param friend_number Or TOX_ASYNC_NO_FRIEND.
 * @param reason Of TOX_ASYNC_MESSAGE_STATE_FAILED.
 */
typedef void tox_async_message_state_cb(Tox_Async* async, const uint8_t message_id[TOX_ASYNC_MESSAGE_ID_SIZE],
                                        uint32_t friend_number, Tox_Async_Message_State state, uint8_t stored,
                                        uint8_t wanted, Tox_Async_Fail_Reason reason, void* user_data);

/**
 * The state of a message of ours, also after a restart.
 *
 * @param state Gets TOX_ASYNC_MESSAGE_STATE_QUEUED or _STORED. May be NULL, as may the next
 *   two.
 * @param stored On how many storage nodes it is,
 * @param wanted of how many.
 *
 * @return false if there is no such message, or its end was told.
 */
bool tox_async_message_get_state(const Tox_Async* async, const uint8_t message_id[TOX_ASYNC_MESSAGE_ID_SIZE],
                                 Tox_Async_Message_State* state, uint8_t* stored, uint8_t* wanted);

typedef enum Tox_Err_Async_Message_Cancel {
  /** The function returned successfully. */
  TOX_ERR_ASYNC_MESSAGE_CANCEL_OK,

  /** An argument was NULL. */
  TOX_ERR_ASYNC_MESSAGE_CANCEL_NULL,

  /** Not enough memory. */
  TOX_ERR_ASYNC_MESSAGE_CANCEL_MALLOC,

  /** There is no such message, or its end was told. */
  TOX_ERR_ASYNC_MESSAGE_CANCEL_NOT_FOUND,

  /** The friend has fetched it, or it went to them directly. */
  TOX_ERR_ASYNC_MESSAGE_CANCEL_TOO_LATE,
} Tox_Err_Async_Message_Cancel;

const char* tox_err_async_message_cancel_to_string(Tox_Err_Async_Message_Cancel value);

/**
 * Takes a message back that the friend has not fetched. The storage nodes are asked to
 * drop it; TOX_ASYNC_MESSAGE_STATE_CANCELLED follows when all of them have said so. If it
 * turns out that the friend was faster, TOX_ASYNC_MESSAGE_STATE_DELIVERED does.
 *
 * @return true if the nodes are being asked.
 */
bool tox_async_message_cancel(Tox_Async* async, const uint8_t message_id[TOX_ASYNC_MESSAGE_ID_SIZE],
                              Tox_Err_Async_Message_Cancel* error);

/**
 * A friend's message has come. When the callback has returned, the message is done; if
 * the program ends before that, it is shown again, with the same id.
 *
 * @param message UTF-8, without a terminating zero.
 * @param length From 1 to TOX_ASYNC_MAX_MESSAGE_LENGTH.
 * @param sent_at_ms When it was sent, by the friend's clock: milliseconds since 1970
 *   (UTC), at most the present time.
 * @param message_id Its TOX_ASYNC_MESSAGE_ID_SIZE bytes, chosen by the friend at random.
 * @param late It comes after messages that were sent later.
 */
typedef void tox_async_message_cb(Tox_Async* async, uint32_t friend_number, Tox_Message_Type type,
                                  const uint8_t* message, size_t length, uint64_t sent_at_ms,
                                  const uint8_t message_id[TOX_ASYNC_MESSAGE_ID_SIZE], bool late,
                                  void* user_data);

/**
 * tox_async_friend_ready has become true for a friend.
 */
typedef void tox_async_friend_ready_cb(Tox_Async* async, uint32_t friend_number, void* user_data);

/** NULL: no callback; messages wait, see "Callbacks". */
void tox_async_callback_message(Tox_Async* async, tox_async_message_cb* callback);
void tox_async_callback_message_state(Tox_Async* async, tox_async_message_state_cb* callback);
void tox_async_callback_friend_ready(Tox_Async* async, tox_async_friend_ready_cb* callback);

/** @} */

/** @{
 * @name Friend requests
 *
 * To people who are offline. A request waits on storage nodes for up to two weeks, and is
 * found by a client with toxasync that has the Tox id's key and its present nospam; as in
 * Tox, nobody else can send one. Requests that Tox itself carries are not touched.
 */

typedef enum Tox_Err_Async_Friend_Request_Send {
  /** The function returned successfully. */
  TOX_ERR_ASYNC_FRIEND_REQUEST_SEND_OK,

  /** An argument was NULL. */
  TOX_ERR_ASYNC_FRIEND_REQUEST_SEND_NULL,

  /** Not enough memory. */
  TOX_ERR_ASYNC_FRIEND_REQUEST_SEND_MALLOC,

  /** Not a Tox id: its checksum is wrong, or its key is none. */
  TOX_ERR_ASYNC_FRIEND_REQUEST_SEND_BAD_ADDRESS,

  /** It is our own. */
  TOX_ERR_ASYNC_FRIEND_REQUEST_SEND_OWN_ADDRESS,

  /** A friend for whom tox_async_friend_ready holds. */
  TOX_ERR_ASYNC_FRIEND_REQUEST_SEND_ALREADY_FRIEND,

  /** A request to this Tox id is under way. */
  TOX_ERR_ASYNC_FRIEND_REQUEST_SEND_ALREADY_SENT,

  /** The message was empty. */
  TOX_ERR_ASYNC_FRIEND_REQUEST_SEND_EMPTY,

  /** The message was longer than 921 bytes. */
  TOX_ERR_ASYNC_FRIEND_REQUEST_SEND_TOO_LONG,

  /** The message was not UTF-8. */
  TOX_ERR_ASYNC_FRIEND_REQUEST_SEND_NOT_UTF8,

  /** The system's clock shows a time before 2025. */
  TOX_ERR_ASYNC_FRIEND_REQUEST_SEND_CLOCK,

  /** Too many requests are under way. */
  TOX_ERR_ASYNC_FRIEND_REQUEST_SEND_TOO_MANY,
} Tox_Err_Async_Friend_Request_Send;

const char* tox_err_async_friend_request_send_to_string(Tox_Err_Async_Friend_Request_Send value);

/**
 * Leaves a friend request for somebody who is offline. In addition to tox_friend_add with
 * the same Tox id and message, which adds the friend here and asks while they are online;
 * whichever comes first is shown, and the other one only if the first was not accepted.
 *
 * Returns at once. A crash before the state is TOX_ASYNC_FRIEND_REQUEST_STATE_QUEUED loses
 * the request. One with another nospam takes the place of one that is under way.
 *
 * @param address The TOX_ADDRESS_SIZE bytes of a Tox id.
 * @param length From 1 to 921.
 *
 * @return true on success.
 */
bool tox_async_friend_request_send(Tox_Async* async, const uint8_t address[TOX_ADDRESS_SIZE],
                                   const uint8_t* message, size_t length,
                                   Tox_Err_Async_Friend_Request_Send* error);

/**
 * Takes a request back from the storage nodes, as far as it was not fetched yet. The state
 * TOX_ASYNC_FRIEND_REQUEST_STATE_CANCELLED follows when it is over. To remove the friend
 * does the same.
 *
 * @return false if no request to that key is under way, or on NULL.
 */
bool tox_async_friend_request_cancel(Tox_Async* async, const uint8_t public_key[TOX_PUBLIC_KEY_SIZE]);

typedef enum Tox_Async_Friend_Request_State {
  /** It is on our disk. */
  TOX_ASYNC_FRIEND_REQUEST_STATE_QUEUED,

  /** It is on `stored` of `wanted` storage nodes; told for each, and again each day. */
  TOX_ASYNC_FRIEND_REQUEST_STATE_STORED,

  /** They came online, or their keys came: they have accepted. The last word of it. */
  TOX_ASYNC_FRIEND_REQUEST_STATE_ANSWERED,

  /**
   * Two weeks have passed since it was first stored, or it was cancelled too late: they
   * have fetched it. The last word of it.
   */
  TOX_ASYNC_FRIEND_REQUEST_STATE_EXPIRED,

  /** No storage node has it any longer, and none has given it to anybody. The last word of it. */
  TOX_ASYNC_FRIEND_REQUEST_STATE_CANCELLED,

  /** It could not be written to our disk, and is lost. The last word of it. */
  TOX_ASYNC_FRIEND_REQUEST_STATE_FAILED,
} Tox_Async_Friend_Request_State;

const char* tox_async_friend_request_state_to_string(Tox_Async_Friend_Request_State value);

/**
 * A request of ours has gone a step further.
 *
 * @param public_key The TOX_PUBLIC_KEY_SIZE bytes of the key that it is to.
 */
typedef void tox_async_friend_request_state_cb(Tox_Async* async,
                                               const uint8_t public_key[TOX_PUBLIC_KEY_SIZE],
                                               Tox_Async_Friend_Request_State state, uint8_t stored,
                                               uint8_t wanted, void* user_data);

/**
 * Somebody asks to be our friend, as in tox_friend_request_cb. To accept, call
 * tox_friend_add_norequest; to refuse, do nothing: the sender is not shown again for 30 days.
 * If the program ends before the callback has returned, the request is shown again.
 *
 * @param public_key The TOX_PUBLIC_KEY_SIZE bytes of the sender's key, which is proven.
 * @param message UTF-8, without a terminating zero.
 * @param length From 1 to 921.
 * @param sent_at_ms When it was sent, by the sender's clock: milliseconds since 1970 (UTC),
 *   at most the present time.
 */
typedef void tox_async_friend_request_cb(Tox_Async* async, const uint8_t public_key[TOX_PUBLIC_KEY_SIZE],
                                         const uint8_t* message, size_t length, uint64_t sent_at_ms,
                                         void* user_data);

/** NULL: no callback; requests wait for one. */
void tox_async_callback_friend_request(Tox_Async* async, tox_async_friend_request_cb* callback);
/** NULL: no callback. */
void tox_async_callback_friend_request_state(Tox_Async* async, tox_async_friend_request_state_cb* callback);

/** @} */

/** @{
 * @name Storage nodes
 *
 * Those that keep the messages sent to us while we are offline. Friends are told of
 * them by themselves. They are remembered in the state file.
 *
 * For a user who has named none, up to three are picked of those that are known: from
 * friends, from other nodes and, with the dispatcher, from the DHT. They are replaced
 * when they can't be reached for days, and give way to those that the user names.
 *
 * A node is known by a line: `toxasync:<node id, 64 hexadecimal digits>@<address>`, with one
 * to four numeric addresses, separated by commas: `192.0.2.7:33445` or
 * `[2001:db8::1]:33445`.
 */

typedef enum Tox_Err_Async_Node_Add {
  /** The function returned successfully. */
  TOX_ERR_ASYNC_NODE_ADD_OK,

  /** An argument was NULL. */
  TOX_ERR_ASYNC_NODE_ADD_NULL,

  /** Not enough memory. */
  TOX_ERR_ASYNC_NODE_ADD_MALLOC,

  /** Not a node's address line. The log tells what is wrong with it. */
  TOX_ERR_ASYNC_NODE_ADD_BAD_LINE,

  /** An address is local, and the options do not allow that. */
  TOX_ERR_ASYNC_NODE_ADD_BAD_ADDRESS,

  /** There are TOX_ASYNC_MAX_NODES already. */
  TOX_ERR_ASYNC_NODE_ADD_TOO_MANY,
} Tox_Err_Async_Node_Add;

const char* tox_err_async_node_add_to_string(Tox_Err_Async_Node_Add value);

/**
 * Adds a node, or gives a node that is there already new addresses.
 *
 * @param address_line A string with a terminating zero.
 *
 * @return true on success.
 */
bool tox_async_node_add(Tox_Async* async, const char* address_line, Tox_Err_Async_Node_Add* error);

typedef enum Tox_Err_Async_Node_Remove {
  /** The function returned successfully. */
  TOX_ERR_ASYNC_NODE_REMOVE_OK,

  /** An argument was NULL. */
  TOX_ERR_ASYNC_NODE_REMOVE_NULL,

  /** Not enough memory. */
  TOX_ERR_ASYNC_NODE_REMOVE_MALLOC,

  /** There is no such node. */
  TOX_ERR_ASYNC_NODE_REMOVE_NOT_FOUND,
} Tox_Err_Async_Node_Remove;

const char* tox_err_async_node_remove_to_string(Tox_Err_Async_Node_Remove value);

/**
 * @return true on success.
 */
bool tox_async_node_remove(Tox_Async* async, const uint8_t node_id[TOX_ASYNC_NODE_ID_SIZE],
                           Tox_Err_Async_Node_Remove* error);

/**
 * @return the number of nodes. The functions below take an index less than it, which
 *   is good until a node is added or removed; past it they return 0 or false.
 */
uint32_t tox_async_node_get_count(const Tox_Async* async);

bool tox_async_node_get_id(const Tox_Async* async, uint32_t index, uint8_t node_id[TOX_ASYNC_NODE_ID_SIZE]);

/**
 * Writes the node's address line with a terminating zero.
 *
 * @param size The room in `line`; TOX_ASYNC_ADDRESS_LINE_SIZE is always enough.
 *
 * @return false also if there is not enough room.
 */
bool tox_async_node_get_address_line(const Tox_Async* async, uint32_t index, char* line, size_t size);

/** Whether it was picked, and not named by tox_async_node_add. */
bool tox_async_node_get_picked(const Tox_Async* async, uint32_t index);

/** Whether it has answered since tox_async_new. */
bool tox_async_node_get_answered(const Tox_Async* async, uint32_t index);

/** When it answered last: seconds since 1970 (UTC). */
uint64_t tox_async_node_get_last_answer(const Tox_Async* async, uint32_t index);

/** The node's clock less ours, at its last answer, in seconds. */
int64_t tox_async_node_get_clock_difference(const Tox_Async* async, uint32_t index);

/** How many times in a row it could not be reached. */
uint32_t tox_async_node_get_failures(const Tox_Async* async, uint32_t index);

/** How much it says that it can keep, in bytes; 0 if not known. */
uint64_t tox_async_node_get_capacity(const Tox_Async* async, uint32_t index);

/** @} */

/** @{
 * @name Statistics
 *
 * Counters of what happened, and of each reason for which a packet was refused. They
 * start at 0 with tox_async_new. A name keeps its meaning.
 */

/** The number of counters. */
uint32_t tox_async_stats_get_count(void);

/** @return the name of a counter, or NULL if `index` is too large. */
const char* tox_async_stats_get_name(uint32_t index);

/** @return the value of a counter, or 0 if `index` is too large. */
uint64_t tox_async_stats_get_value(const Tox_Async* async, uint32_t index);

/**
 * @param value Gets the value of the counter with that name. Unchanged on failure.
 *
 * @return false if there is none, or an argument is NULL.
 */
bool tox_async_stats_find(const Tox_Async* async, const char* name, uint64_t* value);

/** @} */

/** @{
 * @name Other lossless packets
 *
 * toxcore has one callback for all lossless packets of friends. Ours are those that begin with
 * the bytes 190 and 0x74.
 */

/**
 * Registers a callback for all other lossless packets. It is called by tox_iterate,
 * with the user data given to that.
 */
void tox_async_callback_friend_lossless_packet(Tox_Async* async, tox_friend_lossless_packet_cb* callback);

/**
 * For clients that dispatch packets themselves; may be called from inside tox_iterate.
 *
 * @return true if the packet was ours. False on NULL.
 */
bool tox_async_handle_friend_lossless_packet(Tox_Async* async, uint32_t friend_number, const uint8_t* data,
                                             size_t length);

/** @} */

#ifdef __cplusplus
} /* extern "C" */
#endif

#endif /* TOXASYNC_TOX_ASYNC_H */
