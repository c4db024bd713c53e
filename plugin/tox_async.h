/* SPDX-License-Identifier: GPL-3.0-or-later
 * Copyright © 2026 The toxasync authors.
 */

/** @file
 * @brief Messages to friends who are offline, for clients of c-toxcore.
 *
 * A Tox_Async works beside a Tox instance. It keeps messages on disk until the
 * friend has them, sends them to the friend directly when both are online, and
 * otherwise stores them, encrypted ("sealed"), on storage nodes that the friend has
 * chosen. Both sides need it. Keys and storage nodes are exchanged automatically,
 * usually when both are online at the same time for the first time.
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
 * The conventions are those of c-toxcore. A function that can fail takes a pointer
 * to an error code of its own type, which may be NULL and is set on success too.
 * Every error type has a function with the suffix `_to_string`, which returns a
 * sentence that can be shown to the user: what is wrong, and what to do about it.
 * Arrays are copied, and pointers to them are not kept; sizes are in bytes. Text is
 * UTF-8. Strings that are returned are constant and must not be freed.
 *
 * A function accepts NULL where its description says so; a NULL Tox_Async is
 * undefined behaviour everywhere else. No function throws or ends the program.
 *
 * @section callbacks Callbacks
 *
 * As in c-toxcore there is one callback per event, and its last argument is the
 * pointer given to tox_async_iterate. All are called from inside tox_async_iterate,
 * except for the log callback, which any function may call, and for the callback
 * for other lossless packets, which tox_iterate calls. A callback may call any
 * function except tox_async_iterate, tox_async_flush and tox_async_kill.
 *
 * Register callbacks before the first call of tox_async_iterate. While there is no
 * callback for messages, incoming messages wait on disk. They are delivered as soon
 * as there is one, in this run of the program or a later one. When thousands wait,
 * further messages stay with their senders and on the storage nodes. All other events
 * that happen without a callback are not reported later.
 *
 * @section threads Threads
 *
 * The rule of c-toxcore applies to the Tox instance and its Tox_Async together:
 * one call at a time. The Tox instance is used only during calls of these functions,
 * and in the thread that makes them. A thread of the library writes to the disk; it
 * neither uses the Tox instance nor calls the client.
 *
 * @section lifetime Lifetime
 *
 * Call tox_async_new after tox_new, and tox_async_kill before tox_kill. There can be
 * only one Tox_Async for each Tox instance.
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

/** The version of the library that the program is running with. */
uint32_t tox_async_version_major(void);
uint32_t tox_async_version_minor(void);
uint32_t tox_async_version_patch(void);

/**
 * @return whether a program that was compiled for the given version can use this
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
 * The maximum length of a message in bytes. It is larger than
 * TOX_MAX_MESSAGE_LENGTH, so messages need not be split.
 */
#define TOX_ASYNC_MAX_MESSAGE_LENGTH 65536

/** The maximum number of storage nodes that store messages for this user. */
#define TOX_ASYNC_MAX_NODES 5

/** A buffer of this size holds any node's address line, including the terminating zero. */
#define TOX_ASYNC_ADDRESS_LINE_SIZE 512

/** The friend number in a message state event if the friend has been removed since. */
#define TOX_ASYNC_NO_FRIEND UINT32_MAX

typedef struct Tox_Async Tox_Async;
typedef struct Tox_Async_Options Tox_Async_Options;

/** The transport for packets to and from storage nodes. */
typedef enum Tox_Async_Transport {
  /**
   * The packet dispatcher of a patched libtoxcore (below), if it is present; otherwise
   * UDP if the Tox instance itself uses UDP and no proxy; otherwise the courier. Valid
   * as an option only.
   */
  TOX_ASYNC_TRANSPORT_AUTO,

  /**
   * The UDP socket of the Tox instance. Needs a libtoxcore that gives access to its
   * packet dispatcher (tox_net.h, built by patches/build-toxcore.sh).
   */
  TOX_ASYNC_TRANSPORT_DISPATCHER,

  /** A separate UDP socket. Its packets do not go through the Tox instance's proxy. */
  TOX_ASYNC_TRANSPORT_UDP,

  /**
   * A second, hidden Tox instance with a new key at each start; its friends are the
   * storage nodes. It uses only the connections that tox_async_options_set_tox_options
   * permits, so it also works by TCP relays and through a proxy. It has a thread of its
   * own, on which no callback is ever called.
   */
  TOX_ASYNC_TRANSPORT_COURIER,
} Tox_Async_Transport;

const char* tox_async_transport_to_string(Tox_Async_Transport value);

typedef enum Tox_Async_Log_Level {
  TOX_ASYNC_LOG_LEVEL_DEBUG,
  TOX_ASYNC_LOG_LEVEL_INFO,
  TOX_ASYNC_LOG_LEVEL_WARNING,
  TOX_ASYNC_LOG_LEVEL_ERROR,
} Tox_Async_Log_Level;

const char* tox_async_log_level_to_string(Tox_Async_Log_Level value);

/**
 * @param area The part of the library that the line is about.
 * @param message One line, without a newline.
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
 * @return options with the default values, which the caller must free with
 *   tox_async_options_free. NULL on failure.
 */
Tox_Async_Options* tox_async_options_new(Tox_Err_Async_Options_New* error);

/** Does nothing if `options` is NULL. */
void tox_async_options_free(Tox_Async_Options* options);

/** Resets all options to their default values. Does nothing if `options` is NULL. */
void tox_async_options_default(Tox_Async_Options* options);

/** Enables toxasync even without TOX_ASYNC=1 in the environment. Default: false. */
void tox_async_options_set_enabled(Tox_Async_Options* options, bool enabled);
bool tox_async_options_get_enabled(const Tox_Async_Options* options);

/**
 * The state file, which holds messages and keys. It belongs to one Tox identity, is
 * encrypted with its secret key, and can be used by one process at a time. NULL or
 * empty, the default: a file in the data directory, whose name is derived from the
 * identity without revealing it.
 *
 * @return false if there is not enough memory.
 */
bool tox_async_options_set_state_path(Tox_Async_Options* options, const char* path);
const char* tox_async_options_get_state_path(const Tox_Async_Options* options);

/**
 * The directory of the state file, created if it does not exist. Not used if a state
 * path is set. NULL or empty, the default: `toxasync` in $XDG_DATA_HOME, or in
 * ~/.local/share.
 *
 * @return false if there is not enough memory.
 */
bool tox_async_options_set_data_directory(Tox_Async_Options* options, const char* path);
const char* tox_async_options_get_data_directory(const Tox_Async_Options* options);

/** The transport. Default: TOX_ASYNC_TRANSPORT_AUTO. */
void tox_async_options_set_transport(Tox_Async_Options* options, Tox_Async_Transport transport);
Tox_Async_Transport tox_async_options_get_transport(const Tox_Async_Options* options);

/**
 * The options that were passed to tox_new. The courier uses only the connections that
 * they permit (UDP, IPv6, local discovery, hole punching, DHT announcements, proxy,
 * DNS). If they name a proxy, TOX_ASYNC_TRANSPORT_AUTO opens no separate UDP socket. Other
 * fields are ignored. NULL, the default: unknown; then the courier cannot be used with
 * a Tox instance that has UDP switched off.
 *
 * @return false if there is not enough memory.
 */
bool tox_async_options_set_tox_options(Tox_Async_Options* options, const struct Tox_Options* tox_options);

/** The port of the separate UDP socket, if one is used. Default: 0, any port. */
void tox_async_options_set_udp_port(Tox_Async_Options* options, uint16_t port);
uint16_t tox_async_options_get_udp_port(const Tox_Async_Options* options);

/**
 * Whether storage nodes with loopback, private and link-local addresses are used, for
 * tests and private networks. Default: false.
 */
void tox_async_options_set_allow_local_addresses(Tox_Async_Options* options, bool allow);
bool tox_async_options_get_allow_local_addresses(const Tox_Async_Options* options);

/**
 * The mean time between two polls of a storage node for messages, in milliseconds; at least 100.
 * Default: 120000.
 */
void tox_async_options_set_poll_interval(Tox_Async_Options* options, uint32_t interval_ms);
uint32_t tox_async_options_get_poll_interval(const Tox_Async_Options* options);

/**
 * Whether storage nodes are asked to announce new messages immediately, so that a
 * message arrives within a second or two and not with the next poll. Polls go on as
 * often as without, because an announcement can be lost. An observer of the network can
 * see better when messages arrive, and so who sent them; set this to false to prefer that
 * messages wait for a poll. Default: true.
 */
void tox_async_options_set_push(Tox_Async_Options* options, bool push);
bool tox_async_options_get_push(const Tox_Async_Options* options);

/**
 * Whether friend requests are looked for that people left while this user was offline.
 * They are left in a mailbox that everybody who has the Tox id can recognise. Only the
 * storage nodes that the user added and those that friends use are asked for it; but if
 * the operator of one of them has the Tox id, they learn from which address and when the
 * user asks. With false no node is asked, and a friend request arrives only while both
 * are online. Default: true.
 */
void tox_async_options_set_offline_requests(Tox_Async_Options* options, bool receive);
bool tox_async_options_get_offline_requests(const Tox_Async_Options* options);

/**
 * The mean time for which receipts to an offline friend are collected before they are sent, in
 * milliseconds; at least 100. The shorter it is, the easier storage nodes can tell which message a receipt
 * answers. Default: 300000.
 */
void tox_async_options_set_receipt_delay(Tox_Async_Options* options, uint32_t delay_ms);
uint32_t tox_async_options_get_receipt_delay(const Tox_Async_Options* options);

/**
 * Whether this client is also a storage node for others, where that is possible: with
 * the dispatcher. It stores sealed messages of strangers on at most 1 % of the disk space
 * that is free when it starts, from 1 MiB to 1 GiB, in two files beside the state file.
 * If these files cannot be used, the log says why, and the client is no storage node.
 * TOX_ASYNC_NODE=0 in the environment has the same effect as false. Default: true.
 */
void tox_async_options_set_node_enabled(Tox_Async_Options* options, bool enabled);
bool tox_async_options_get_node_enabled(const Tox_Async_Options* options);

/**
 * The time to live of sent messages, in seconds: 86400, 259200, 604800 or 1209600 (1, 3, 7
 * or 14 days). After it nodes do not keep a message and the friend does not see it.
 * Default: 86400.
 */
void tox_async_options_set_time_to_live(Tox_Async_Options* options, uint32_t seconds);
uint32_t tox_async_options_get_time_to_live(const Tox_Async_Options* options);

/**
 * Whether toxasync registers the callback of tox_callback_friend_lossless_packet, which
 * it needs to receive packets from friends. A client that uses lossless packets for other
 * purposes then receives them through tox_async_callback_friend_lossless_packet. A
 * client that dispatches packets itself (for example with tox_events) sets this to false
 * and calls tox_async_handle_friend_lossless_packet. Default: true.
 */
void tox_async_options_set_take_packet_callback(Tox_Async_Options* options, bool take);
bool tox_async_options_get_take_packet_callback(const Tox_Async_Options* options);

/**
 * Receives log lines of at least `level`. NULL, the default: no log. Message text and
 * secrets are never logged; addresses and identities at level debug only.
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

  /** Not enough memory, or a thread could not be started. */
  TOX_ERR_ASYNC_NEW_MALLOC,

  /** Neither the options nor the environment enable toxasync. This is not a failure. */
  TOX_ERR_ASYNC_NEW_DISABLED,

  /** The Tox instance already has a Tox_Async. */
  TOX_ERR_ASYNC_NEW_EXISTS,

  /** An option is out of range. The log says which one. */
  TOX_ERR_ASYNC_NEW_OPTION,

  /** libsodium cannot be initialised: the system provides no random bytes. */
  TOX_ERR_ASYNC_NEW_CRYPTO,

  /** The transport cannot be used with this Tox instance or libtoxcore. The log says why. */
  TOX_ERR_ASYNC_NEW_TRANSPORT,

  /** Cannot bind the UDP port. The log says why. */
  TOX_ERR_ASYNC_NEW_PORT,

  /** No directory for the state file: neither the options, XDG_DATA_HOME nor HOME name one. */
  TOX_ERR_ASYNC_NEW_STATE_PATH,

  /* The next nine: the state file cannot be used. None of them ever deletes anything. */
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
 * Whether toxasync is enabled: by the options, or by TOX_ASYNC=1 in the environment.
 * Otherwise tox_async_new returns TOX_ERR_ASYNC_NEW_DISABLED.
 *
 * @param options May be NULL.
 */
bool tox_async_enabled(const Tox_Async_Options* options);

/**
 * Creates a Tox_Async for a Tox instance. Reads the state file, which blocks for as
 * long as the disk takes.
 *
 * @param options The options, which are copied. NULL: the default values.
 *
 * @return NULL on failure.
 */
Tox_Async* tox_async_new(Tox* tox, const Tox_Async_Options* options, Tox_Err_Async_New* error);

/**
 * Blocks until everything that was accepted is on disk, then frees the instance. Does
 * nothing if `async` is NULL.
 */
void tox_async_kill(Tox_Async* async);

/**
 * The main loop: call it after each tox_iterate. Does nothing if `async` is NULL, so
 * that a client need not check whether toxasync is enabled.
 *
 * @param user_data Passed to the callbacks.
 */
void tox_async_iterate(Tox_Async* async, void* user_data);

/**
 * @return the time until tox_async_iterate should be called again, in milliseconds:
 *   1 to 50. 50 if `async` is NULL.
 */
uint32_t tox_async_iteration_interval(const Tox_Async* async);

/**
 * @return the transport in use; never TOX_ASYNC_TRANSPORT_AUTO.
 */
Tox_Async_Transport tox_async_get_transport(const Tox_Async* async);

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
 * Adds a bootstrap node of the Tox network for the courier. Call it together with
 * tox_bootstrap: the courier knows no other nodes. The courier contacts it on its own
 * thread, repeatedly while it is not connected to the network; the last 64 nodes are
 * remembered. A host name lookup in progress delays tox_async_kill. With another
 * transport the function does nothing.
 *
 * @param host As in tox_bootstrap.
 *
 * @return true on success.
 */
bool tox_async_bootstrap(Tox_Async* async, const char* host, uint16_t port,
                         const uint8_t public_key[TOX_PUBLIC_KEY_SIZE], Tox_Err_Async_Bootstrap* error);

/** The same for a TCP relay. Call it together with tox_add_tcp_relay. */
bool tox_async_add_tcp_relay(Tox_Async* async, const char* host, uint16_t port,
                             const uint8_t public_key[TOX_PUBLIC_KEY_SIZE], Tox_Err_Async_Bootstrap* error);

/**
 * @return the number of storage nodes that the courier is connected to; 0 with another transport.
 */
uint32_t tox_async_get_courier_connections(const Tox_Async* async);

/**
 * The Tox public key of the courier, which is the key that storage nodes see.
 *
 * @return false with another transport.
 */
bool tox_async_get_courier_key(const Tox_Async* async, uint8_t public_key[TOX_PUBLIC_KEY_SIZE]);

/**
 * @return the port of the separate UDP socket; 0 with another transport.
 */
uint16_t tox_async_get_udp_port(const Tox_Async* async);

/**
 * Whether this client is a storage node itself; see
 * tox_async_options_set_node_enabled. Its address is not known here: others find it
 * through the DHT.
 *
 * @param node_id Receives the node's id. May be NULL.
 */
bool tox_async_get_node_id(const Tox_Async* async, uint8_t node_id[TOX_ASYNC_NODE_ID_SIZE]);

/** @return the space for messages of others that this client stores, in bytes; 0 if it is no node. */
uint64_t tox_async_get_node_capacity(const Tox_Async* async);

/** @return the number of messages of others that it stores now, and their size in bytes. */
uint64_t tox_async_get_node_messages(const Tox_Async* async);
uint64_t tox_async_get_node_bytes(const Tox_Async* async);

/**
 * Waits until every message that was accepted before is on disk.
 *
 * @param timeout_ms The maximum time to wait.
 *
 * @return false on timeout. True does not mean that writing succeeded: message states
 *   report that.
 */
bool tox_async_flush(Tox_Async* async, uint32_t timeout_ms);

/** @} */

/** @{
 * @name Messages
 */

/**
 * @return whether messages to a friend can be sent: the friend's keys and storage nodes
 *   are known. False for an unknown friend number, or if `async` is NULL.
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

  /** The friend's keys are not known yet; see tox_async_friend_ready. */
  TOX_ERR_ASYNC_FRIEND_SEND_MESSAGE_FRIEND_NOT_READY,

  /** The message type is not a valid one. */
  TOX_ERR_ASYNC_FRIEND_SEND_MESSAGE_TYPE,

  /** The message was empty. */
  TOX_ERR_ASYNC_FRIEND_SEND_MESSAGE_EMPTY,

  /** The message was longer than TOX_ASYNC_MAX_MESSAGE_LENGTH. */
  TOX_ERR_ASYNC_FRIEND_SEND_MESSAGE_TOO_LONG,

  /** The message was not valid UTF-8. */
  TOX_ERR_ASYNC_FRIEND_SEND_MESSAGE_NOT_UTF8,

  /** The system's clock shows a time before 2025. */
  TOX_ERR_ASYNC_FRIEND_SEND_MESSAGE_CLOCK,

  /** Too many messages are waiting to be delivered. */
  TOX_ERR_ASYNC_FRIEND_SEND_MESSAGE_OUTBOX_FULL,

  /** The time to live is not one of 86400, 259200, 604800 and 1209600 s. */
  TOX_ERR_ASYNC_FRIEND_SEND_MESSAGE_TIME_TO_LIVE,
} Tox_Err_Async_Friend_Send_Message;

const char* tox_err_async_friend_send_message_to_string(Tox_Err_Async_Friend_Send_Message value);

/**
 * Sends a message to a friend, online or not. Do not send the same message with
 * tox_friend_send_message too: the friend would see it twice.
 *
 * Returns immediately. A crash before the message state is TOX_ASYNC_MESSAGE_STATE_QUEUED
 * loses the message; after that it survives the end of the program and of the machine.
 *
 * @param length From 1 to TOX_ASYNC_MAX_MESSAGE_LENGTH.
 * @param message_id Receives the TOX_ASYNC_MESSAGE_ID_SIZE bytes that identify the
 *   message in message state events; unchanged on failure. May be NULL.
 *
 * @return true on success.
 */
bool tox_async_friend_send_message(Tox_Async* async, uint32_t friend_number, Tox_Message_Type type,
                                   const uint8_t* message, size_t length,
                                   uint8_t message_id[TOX_ASYNC_MESSAGE_ID_SIZE],
                                   Tox_Err_Async_Friend_Send_Message* error);

/**
 * Like tox_async_friend_send_message, with a time to live for this message.
 *
 * @param time_to_live In seconds: 86400, 259200, 604800 or 1209600 (1, 3, 7 or 14 days); 0:
 *   the value from the options.
 */
bool tox_async_friend_send_message_for(Tox_Async* async, uint32_t friend_number, Tox_Message_Type type,
                                       const uint8_t* message, size_t length, uint32_t time_to_live,
                                       uint8_t message_id[TOX_ASYNC_MESSAGE_ID_SIZE],
                                       Tox_Err_Async_Friend_Send_Message* error);

/** The state of a sent message. After a final state nothing more is reported for the message. */
typedef enum Tox_Async_Message_State {
  /** The message is on this user's disk. */
  TOX_ASYNC_MESSAGE_STATE_QUEUED,

  /** It is on `stored` of the `wanted` storage nodes of the friend; reported for each node. */
  TOX_ASYNC_MESSAGE_STATE_STORED,

  /** The friend's application has taken it. Final. */
  TOX_ASYNC_MESSAGE_STATE_DELIVERED,

  /**
   * Its time to live, and half an hour, are over, and the friend did not confirm it. It is
   * not shown after this if the clocks of both differ by less than that half hour. Final.
   */
  TOX_ASYNC_MESSAGE_STATE_EXPIRED,

  /**
   * It was cancelled: every node that may have stored it has confirmed that it no longer
   * has it, and that it was not fetched there. Final.
   */
  TOX_ASYNC_MESSAGE_STATE_CANCELLED,

  /** It is lost, for the given reason. Final. */
  TOX_ASYNC_MESSAGE_STATE_FAILED,
} Tox_Async_Message_State;

const char* tox_async_message_state_to_string(Tox_Async_Message_State value);

/** Why a message failed. */
typedef enum Tox_Async_Fail_Reason {
  /** It did not fail. */
  TOX_ASYNC_FAIL_REASON_NONE,

  /** It could not be written to this user's disk. */
  TOX_ASYNC_FAIL_REASON_DISK,

  /** The friend was removed while the message was waiting. */
  TOX_ASYNC_FAIL_REASON_FRIEND_REMOVED,
} Tox_Async_Fail_Reason;

const char* tox_async_fail_reason_to_string(Tox_Async_Fail_Reason value);

/**
 * A sent message has changed its state. If the program ends before the callback for a
 * final state has returned, that state is reported again after a restart, so possibly
 * twice.
 *
 * @param message_id The TOX_ASYNC_MESSAGE_ID_SIZE bytes of the message's id.
 * @param friend_number The recipient, or TOX_ASYNC_NO_FRIEND.
 * @param reason The reason for TOX_ASYNC_MESSAGE_STATE_FAILED.
 */
typedef void tox_async_message_state_cb(Tox_Async* async, const uint8_t message_id[TOX_ASYNC_MESSAGE_ID_SIZE],
                                        uint32_t friend_number, Tox_Async_Message_State state, uint8_t stored,
                                        uint8_t wanted, Tox_Async_Fail_Reason reason, void* user_data);

/**
 * The state of a sent message, also after a restart.
 *
 * @param state Receives TOX_ASYNC_MESSAGE_STATE_QUEUED or _STORED. May be NULL, like the
 *   next two.
 * @param stored Receives the number of storage nodes that have the message.
 * @param wanted Receives the number of storage nodes that should have it.
 *
 * @return false if there is no such message, or its final state was reported.
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

  /** There is no such message, or its final state was reported. */
  TOX_ERR_ASYNC_MESSAGE_CANCEL_NOT_FOUND,

  /** The friend has fetched it, or it was sent to them directly. */
  TOX_ERR_ASYNC_MESSAGE_CANCEL_TOO_LATE,
} Tox_Err_Async_Message_Cancel;

const char* tox_err_async_message_cancel_to_string(Tox_Err_Async_Message_Cancel value);

/**
 * Cancels a message that the friend has not fetched. The storage nodes are asked to
 * delete it; TOX_ASYNC_MESSAGE_STATE_CANCELLED follows when all of them have confirmed. If
 * the friend was faster, TOX_ASYNC_MESSAGE_STATE_DELIVERED follows instead.
 *
 * @return true if the nodes are being asked.
 */
bool tox_async_message_cancel(Tox_Async* async, const uint8_t message_id[TOX_ASYNC_MESSAGE_ID_SIZE],
                              Tox_Err_Async_Message_Cancel* error);

/**
 * A message from a friend has arrived. When the callback has returned, the message is
 * finished; if the program ends before that, it is delivered again, with the same id.
 *
 * @param message UTF-8, without a terminating zero.
 * @param length From 1 to TOX_ASYNC_MAX_MESSAGE_LENGTH.
 * @param sent_at_ms When it was sent, by the friend's clock: milliseconds since 1970
 *   (UTC), at most the present time.
 * @param message_id The TOX_ASYNC_MESSAGE_ID_SIZE bytes of its id, random, chosen by the
 *   friend.
 * @param late Messages that were sent after this one have already been delivered.
 */
typedef void tox_async_message_cb(Tox_Async* async, uint32_t friend_number, Tox_Message_Type type,
                                  const uint8_t* message, size_t length, uint64_t sent_at_ms,
                                  const uint8_t message_id[TOX_ASYNC_MESSAGE_ID_SIZE], bool late,
                                  void* user_data);

/**
 * tox_async_friend_ready has become true for a friend.
 */
typedef void tox_async_friend_ready_cb(Tox_Async* async, uint32_t friend_number, void* user_data);

/** NULL: no callback; messages wait, see "Callbacks" above. */
void tox_async_callback_message(Tox_Async* async, tox_async_message_cb* callback);
void tox_async_callback_message_state(Tox_Async* async, tox_async_message_state_cb* callback);
void tox_async_callback_friend_ready(Tox_Async* async, tox_async_friend_ready_cb* callback);

/** @} */

/** @{
 * @name Friend requests
 *
 * Friend requests to people who are offline. A request waits on storage nodes for up to
 * two weeks. A client with toxasync finds it if it has the key and the present nospam of
 * the Tox id; as in Tox, only somebody who knows the Tox id can send one. Requests that
 * Tox itself delivers are not affected.
 */

typedef enum Tox_Err_Async_Friend_Request_Send {
  /** The function returned successfully. */
  TOX_ERR_ASYNC_FRIEND_REQUEST_SEND_OK,

  /** An argument was NULL. */
  TOX_ERR_ASYNC_FRIEND_REQUEST_SEND_NULL,

  /** Not enough memory. */
  TOX_ERR_ASYNC_FRIEND_REQUEST_SEND_MALLOC,

  /** Not a Tox id: its checksum is wrong, or its key is invalid. */
  TOX_ERR_ASYNC_FRIEND_REQUEST_SEND_BAD_ADDRESS,

  /** It is the user's own Tox id. */
  TOX_ERR_ASYNC_FRIEND_REQUEST_SEND_OWN_ADDRESS,

  /** It belongs to a friend, and tox_async_friend_ready is true for them. */
  TOX_ERR_ASYNC_FRIEND_REQUEST_SEND_ALREADY_FRIEND,

  /** A request to this Tox id is under way. */
  TOX_ERR_ASYNC_FRIEND_REQUEST_SEND_ALREADY_SENT,

  /** The message was empty. */
  TOX_ERR_ASYNC_FRIEND_REQUEST_SEND_EMPTY,

  /** The message was longer than 921 bytes. */
  TOX_ERR_ASYNC_FRIEND_REQUEST_SEND_TOO_LONG,

  /** The message was not valid UTF-8. */
  TOX_ERR_ASYNC_FRIEND_REQUEST_SEND_NOT_UTF8,

  /** The system's clock shows a time before 2025. */
  TOX_ERR_ASYNC_FRIEND_REQUEST_SEND_CLOCK,

  /** Too many requests are under way. */
  TOX_ERR_ASYNC_FRIEND_REQUEST_SEND_TOO_MANY,
} Tox_Err_Async_Friend_Request_Send;

const char* tox_err_async_friend_request_send_to_string(Tox_Err_Async_Friend_Request_Send value);

/**
 * Leaves a friend request for somebody who is offline. Call it in addition to
 * tox_friend_add with the same Tox id and message, which adds the friend and sends the
 * request while they are online. The recipient sees whichever request comes first, and
 * the other one only if the first was not accepted.
 *
 * It is left on the storage nodes that this user added (tox_async_node_add) and on nodes
 * that friends use; the recipient finds it if they use one of these or named it. So
 * people hand on the address line of a storage node together with their Tox id: add
 * that node first. While no such node is known, the request waits on this user's disk.
 * The operators of these nodes who have the recipient's Tox id learn that somebody at this
 * user's address sends them a request.
 *
 * Returns immediately. A crash before the state is TOX_ASYNC_FRIEND_REQUEST_STATE_QUEUED
 * loses the request. A request with another nospam replaces the one that is under way.
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
 * Deletes a request from the storage nodes that have it, unless it was fetched already.
 * The state TOX_ASYNC_FRIEND_REQUEST_STATE_CANCELLED follows when this is done. Removing
 * the friend has the same effect.
 *
 * @return false if no request to that key is under way, or an argument is NULL.
 */
bool tox_async_friend_request_cancel(Tox_Async* async, const uint8_t public_key[TOX_PUBLIC_KEY_SIZE]);

typedef enum Tox_Async_Friend_Request_State {
  /** The request is on this user's disk. */
  TOX_ASYNC_FRIEND_REQUEST_STATE_QUEUED,

  /** It is on `stored` of `wanted` storage nodes; reported for each node, and again each day. */
  TOX_ASYNC_FRIEND_REQUEST_STATE_STORED,

  /** The recipient came online, or their keys arrived: they have accepted. Final. */
  TOX_ASYNC_FRIEND_REQUEST_STATE_ANSWERED,

  /**
   * Two weeks have passed since it was first stored; or it was cancelled too late, and
   * the recipient has fetched it. Final.
   */
  TOX_ASYNC_FRIEND_REQUEST_STATE_EXPIRED,

  /** No storage node has it any longer, and it was not fetched from any. Final. */
  TOX_ASYNC_FRIEND_REQUEST_STATE_CANCELLED,

  /** It could not be written to this user's disk, and is lost. Final. */
  TOX_ASYNC_FRIEND_REQUEST_STATE_FAILED,
} Tox_Async_Friend_Request_State;

const char* tox_async_friend_request_state_to_string(Tox_Async_Friend_Request_State value);

/**
 * A sent friend request has changed its state.
 *
 * @param public_key The TOX_PUBLIC_KEY_SIZE bytes of the recipient's key.
 */
typedef void tox_async_friend_request_state_cb(Tox_Async* async,
                                               const uint8_t public_key[TOX_PUBLIC_KEY_SIZE],
                                               Tox_Async_Friend_Request_State state, uint8_t stored,
                                               uint8_t wanted, void* user_data);

/**
 * A friend request has arrived, as in tox_friend_request_cb. To accept it, call
 * tox_friend_add_norequest; to refuse it, do nothing: requests from this sender are not
 * reported again for 30 days. If the program ends before the callback has returned, the
 * request is reported again.
 *
 * @param public_key The TOX_PUBLIC_KEY_SIZE bytes of the sender's key, which is
 *   authenticated.
 * @param message UTF-8, without a terminating zero.
 * @param length From 1 to 921.
 * @param sent_at_ms When it was sent, by the sender's clock: milliseconds since 1970 (UTC),
 *   at most the present time.
 */
typedef void tox_async_friend_request_cb(Tox_Async* async, const uint8_t public_key[TOX_PUBLIC_KEY_SIZE],
                                         const uint8_t* message, size_t length, uint64_t sent_at_ms,
                                         void* user_data);

/** NULL: no callback; requests wait until there is one. */
void tox_async_callback_friend_request(Tox_Async* async, tox_async_friend_request_cb* callback);
/** NULL: no callback. */
void tox_async_callback_friend_request_state(Tox_Async* async, tox_async_friend_request_state_cb* callback);

/** @} */

/** @{
 * @name Storage nodes
 *
 * The storage nodes that keep messages for this user while the user is offline. Friends
 * are informed of them automatically. They are remembered in the state file.
 *
 * If the user has named none, up to three are selected from the known nodes: from
 * friends (one for each friend at most), from other nodes and, with the dispatcher, from
 * the DHT. Selected nodes are replaced if they cannot be reached for days, or if the user
 * names nodes.
 *
 * A node is identified by an address line,
 * `toxasync:<node id, 64 hexadecimal digits>@<address>`, with one to four numeric
 * addresses, separated by commas: `192.0.2.7:33445` or `[2001:db8::1]:33445`.
 */

typedef enum Tox_Err_Async_Node_Add {
  /** The function returned successfully. */
  TOX_ERR_ASYNC_NODE_ADD_OK,

  /** An argument was NULL. */
  TOX_ERR_ASYNC_NODE_ADD_NULL,

  /** Not enough memory. */
  TOX_ERR_ASYNC_NODE_ADD_MALLOC,

  /** Not a valid address line. The log says what is wrong with it. */
  TOX_ERR_ASYNC_NODE_ADD_BAD_LINE,

  /** An address is local, and the options do not allow local addresses. */
  TOX_ERR_ASYNC_NODE_ADD_BAD_ADDRESS,

  /** There are already TOX_ASYNC_MAX_NODES nodes. */
  TOX_ERR_ASYNC_NODE_ADD_TOO_MANY,
} Tox_Err_Async_Node_Add;

const char* tox_err_async_node_add_to_string(Tox_Err_Async_Node_Add value);

/**
 * Adds a storage node, or replaces the addresses of one that exists.
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
 * @return the number of nodes. The functions below take an index that is less than it.
 *   An index is valid until a node is added or removed; with an index that is too large
 *   they return 0 or false.
 */
uint32_t tox_async_node_get_count(const Tox_Async* async);

bool tox_async_node_get_id(const Tox_Async* async, uint32_t index, uint8_t node_id[TOX_ASYNC_NODE_ID_SIZE]);

/**
 * Writes the node's address line with a terminating zero.
 *
 * @param size The size of `line`; TOX_ASYNC_ADDRESS_LINE_SIZE is always enough.
 *
 * @return false also if `line` is too small.
 */
bool tox_async_node_get_address_line(const Tox_Async* async, uint32_t index, char* line, size_t size);

/** Whether it was selected automatically ("picked"), not added by tox_async_node_add. */
bool tox_async_node_get_picked(const Tox_Async* async, uint32_t index);

/** Whether it has answered since tox_async_new was called. */
bool tox_async_node_get_answered(const Tox_Async* async, uint32_t index);

/** The time of its last answer: seconds since 1970 (UTC). */
uint64_t tox_async_node_get_last_answer(const Tox_Async* async, uint32_t index);

/** The node's clock minus the local clock at its last answer, in seconds. */
int64_t tox_async_node_get_clock_difference(const Tox_Async* async, uint32_t index);

/** The number of consecutive failures to reach it. */
uint32_t tox_async_node_get_failures(const Tox_Async* async, uint32_t index);

/** The capacity that the node declares, in bytes; 0 if not known. */
uint64_t tox_async_node_get_capacity(const Tox_Async* async, uint32_t index);

/** @} */

/** @{
 * @name Statistics
 *
 * Counters of events, and of each reason for which a packet was refused. They start at 0
 * with tox_async_new. The meaning of a name does not change between versions.
 */

/** The number of counters. */
uint32_t tox_async_stats_get_count(void);

/** @return the name of a counter, or NULL if `index` is too large. */
const char* tox_async_stats_get_name(uint32_t index);

/** @return the value of a counter, or 0 if `index` is too large. */
uint64_t tox_async_stats_get_value(const Tox_Async* async, uint32_t index);

/**
 * @param value Receives the value of the counter with that name. Unchanged on failure.
 *
 * @return false if there is no such counter, or an argument is NULL.
 */
bool tox_async_stats_find(const Tox_Async* async, const char* name, uint64_t* value);

/** @} */

/** @{
 * @name Other lossless packets
 *
 * toxcore has one callback for all lossless packets of friends. Those of toxasync begin
 * with the bytes 190 and 0x74.
 */

/**
 * Registers a callback for all other lossless packets. tox_iterate calls it, with the
 * user data that was passed to tox_iterate.
 */
void tox_async_callback_friend_lossless_packet(Tox_Async* async, tox_friend_lossless_packet_cb* callback);

/**
 * For clients that dispatch packets themselves; may be called from inside tox_iterate.
 *
 * @return true if the packet was one of toxasync. False if an argument is NULL.
 */
bool tox_async_handle_friend_lossless_packet(Tox_Async* async, uint32_t friend_number, const uint8_t* data,
                                             size_t length);

/** @} */

#ifdef __cplusplus
} /* extern "C" */
#endif

#endif /* TOXASYNC_TOX_ASYNC_H */
