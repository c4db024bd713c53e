/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * minichat: a small chat client on the console, the example of how to use tox_async.h. What it needs beside
 * an ordinary Tox client is marked with "async:" (about 40 lines).
 *
 * It reads commands from stdin and prints one line per event to stdout, so a script can drive it:
 *
 *   add TOX_ID | request TOX_ID TEXT | cancel-request KEY | friends |
 *   send FRIEND TEXT | action FRIEND TEXT | send-file FRIEND FILE | send-for SECONDS FRIEND TEXT |
 *   cancel MESSAGE_ID | tox-send FRIEND TEXT |
 *   node-add LINE | node-remove NODE_ID | nodes | stats | flush | quit
 *
 * FRIEND is a friend number, SECONDS how long storage nodes keep the message. `send` goes through tox_async,
 * `tox-send` is an ordinary Tox message. The end of stdin, SIGTERM and SIGINT are `quit`.
 */
#define _POSIX_C_SOURCE 200809L /* NOLINT(bugprone-reserved-identifier): POSIX wants that one */

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "chat.h"
#include "support.h"

static volatile sig_atomic_t stopped = 0;

static void on_signal(int number) {
  (void)number;
  stopped = 1;
}

static const char* type_name(Tox_Message_Type type) {
  return type == TOX_MESSAGE_TYPE_ACTION ? "action" : "normal";
}

/* --- Events of Tox --- */

static void save_profile(Chat* chat) {
  const size_t size = tox_get_savedata_size(chat->tox);
  uint8_t* const data = (uint8_t*)malloc(size);

  if (data == NULL) {
    return;
  }

  tox_get_savedata(chat->tox, data);

  if (!replace_file(chat->profile, data, size)) {
    printf("error profile %s: %s\n", chat->profile, strerror(errno));
  }

  free(data);
  chat->changed = false;
}

static void on_self_connection(Tox* tox, Tox_Connection status, void* user_data) {
  (void)tox;
  Chat* const chat = (Chat*)user_data;
  chat->online = status != TOX_CONNECTION_NONE;
  printf("self %s\n", chat->online ? "online" : "offline");
}

static void on_friend_connection(Tox* tox, uint32_t friend_number, Tox_Connection status, void* user_data) {
  (void)tox;
  (void)user_data;
  printf("friend %" PRIu32 " %s\n", friend_number, status != TOX_CONNECTION_NONE ? "online" : "offline");
}

static void show_request(Chat* chat, const char* name, const uint8_t* public_key, const uint8_t* message,
                         size_t length) {
  printf("%s ", name);
  print_hex(public_key, TOX_PUBLIC_KEY_SIZE);
  putchar(' ');
  print_text(message, length);

  if (chat->auto_accept) {
    const uint32_t friend_number = tox_friend_add_norequest(chat->tox, public_key, NULL);

    if (friend_number != UINT32_MAX) {
      print_friend(chat->tox, friend_number);
      chat->changed = true;
    }
  }
}

static void on_friend_request(Tox* tox, const uint8_t* public_key, const uint8_t* message, size_t length,
                              void* user_data) {
  (void)tox;
  show_request((Chat*)user_data, "friend-request", public_key, message, length);
}

/* Ordinary messages, from friends without tox_async. Messages sent with it are never delivered here: nothing
 * is shown twice. */
static void on_tox_message(Tox* tox, uint32_t friend_number, Tox_Message_Type type, const uint8_t* message,
                           size_t length, void* user_data) {
  (void)tox;
  (void)user_data;
  printf("tox-message %" PRIu32 " %s ", friend_number, type_name(type));
  print_text(message, length);
}

/* --- async: events of tox_async --- */

static void on_message(Tox_Async* async, uint32_t friend_number, Tox_Message_Type type,
                       const uint8_t* message, size_t length, uint64_t sent_at_ms,
                       const uint8_t message_id[TOX_ASYNC_MESSAGE_ID_SIZE], bool late, void* user_data) {
  (void)async;
  (void)user_data;
  /* A client with a history would write the message to disk here, and skip an id that is there already. */
  printf("message %" PRIu32 " %s %" PRIu64 " ", friend_number, type_name(type), sent_at_ms);
  print_hex(message_id, TOX_ASYNC_MESSAGE_ID_SIZE);
  printf(" %s ", late ? "late" : "in-order");
  print_text(message, length);
  fflush(stdout);
}

static void on_message_state(Tox_Async* async, const uint8_t message_id[TOX_ASYNC_MESSAGE_ID_SIZE],
                             uint32_t friend_number, Tox_Async_Message_State state, uint8_t stored,
                             uint8_t wanted, Tox_Async_Fail_Reason reason, void* user_data) {
  (void)async;
  (void)friend_number;
  (void)user_data;
  printf("%s ", tox_async_message_state_to_string(state));
  print_hex(message_id, TOX_ASYNC_MESSAGE_ID_SIZE);

  if (state == TOX_ASYNC_MESSAGE_STATE_STORED) {
    printf(" %u/%u", stored, wanted);
  } else if (state == TOX_ASYNC_MESSAGE_STATE_FAILED) {
    printf(" %s", tox_async_fail_reason_to_string(reason));
  }

  putchar('\n');
}

static void on_friend_ready(Tox_Async* async, uint32_t friend_number, void* user_data) {
  (void)async;
  (void)user_data;
  printf("friend %" PRIu32 " ready\n", friend_number);
}

/* A request that was left while we were offline: accepted and refused like Tox's own. */
static void on_async_friend_request(Tox_Async* async, const uint8_t public_key[TOX_PUBLIC_KEY_SIZE],
                                    const uint8_t* message, size_t length, uint64_t sent_at_ms,
                                    void* user_data) {
  (void)async;
  (void)sent_at_ms;
  show_request((Chat*)user_data, "async-friend-request", public_key, message, length);
}

static void on_request_state(Tox_Async* async, const uint8_t public_key[TOX_PUBLIC_KEY_SIZE],
                             Tox_Async_Friend_Request_State state, uint8_t stored, uint8_t wanted,
                             void* user_data) {
  (void)async;
  (void)user_data;
  printf("request-%s ", tox_async_friend_request_state_to_string(state));
  print_hex(public_key, TOX_PUBLIC_KEY_SIZE);
  printf(" %u/%u\n", stored, wanted);
}

static void on_log(Tox_Async_Log_Level level, const char* area, const char* message, void* user_data) {
  (void)user_data;
  printf("log %s %s: %s\n", tox_async_log_level_to_string(level), area, message);
}

/* --- Start and end --- */

static void usage(void) {
  fputs(
      "usage: minichat --profile FILE [OPTION]...\n"
      "\n"
      "Example: minichat --profile alice.tox --name Alice --node toxasync:<node id>@192.0.2.7:33445\n"
      "Commands are read from stdin: see the comment at the top of minichat.c.\n"
      "\n"
      "  --profile FILE             Tox profile; created if it does not exist\n"
      "  --name NAME                name shown to friends\n"
      "  --auto-accept              accept all friend requests\n"
      "  --bootstrap HOST:PORT:KEY  node to join the Tox network through; repeatable\n"
      "  --tcp-relay HOST:PORT:KEY  TCP relay of the Tox network; repeatable\n"
      "  --udp-port N               UDP port of Tox\n"
      "  --tcp-port N               run a TCP relay on this port\n"
      "  --no-udp                   switch UDP off\n"
      "  --socks5-port N            use a SOCKS5 proxy on 127.0.0.1; needs --no-udp\n"
      "  --no-async                 plain Tox without tox_async\n"
      "  --node ADDRESS_LINE        storage node for our messages; repeatable\n"
      "  --state FILE               file for messages and keys\n"
      "  --transport NAME           auto, dispatcher, udp or courier\n"
      "  --poll-interval-ms N       mean time between two polls of a storage node\n"
      "  --receipt-delay-ms N       mean delay of receipts to offline friends\n"
      "  --no-node                  do not be a storage node for others\n"
      "  --no-push                  do not ask storage nodes to announce new messages\n"
      "  --local                    no local discovery; allow storage nodes with local addresses\n"
      "  --debug                    log at level debug\n",
      stderr);
  exit(2);
}

static void set_transport(Tox_Async_Options* options, const char* name) {
  for (Tox_Async_Transport i = TOX_ASYNC_TRANSPORT_AUTO; i <= TOX_ASYNC_TRANSPORT_COURIER; ++i) {
    if (strcmp(name, tox_async_transport_to_string(i)) == 0) {
      tox_async_options_set_transport(options, i);
      return;
    }
  }

  usage();
}

/* False: the option takes a value, or there is no such option. */
static bool parse_switch(Chat* chat, const char* name) {
  if (strcmp(name, "--auto-accept") == 0) {
    chat->auto_accept = true;
  } else if (strcmp(name, "--no-async") == 0) {
    chat->no_async = true;
  } else if (strcmp(name, "--no-node") == 0) {
    tox_async_options_set_node_enabled(chat->options, false);
  } else if (strcmp(name, "--no-push") == 0) {
    tox_async_options_set_push(chat->options, false);
  } else if (strcmp(name, "--no-udp") == 0) {
    chat->no_udp = true;
  } else if (strcmp(name, "--debug") == 0) {
    chat->debug = true;
  } else if (strcmp(name, "--local") == 0) {
    chat->local = true;
    tox_async_options_set_allow_local_addresses(chat->options, true);
  } else {
    return false;
  }

  return true;
}

static bool parse_option(Chat* chat, const char* name, const char* value) {
  if (strcmp(name, "--profile") == 0) {
    chat->profile = value;
  } else if (strcmp(name, "--name") == 0) {
    chat->name = value;
  } else if (strcmp(name, "--udp-port") == 0) {
    chat->udp_port = (uint16_t)strtoul(value, NULL, 10);
  } else if (strcmp(name, "--bootstrap") == 0 && chat->bootstrap_count < MAX_BOOTSTRAP) {
    chat->bootstrap[chat->bootstrap_count++] = value;
  } else if (strcmp(name, "--tcp-relay") == 0 && chat->relay_count < MAX_BOOTSTRAP) {
    chat->relays[chat->relay_count++] = value;
  } else if (strcmp(name, "--tcp-port") == 0) {
    chat->tcp_port = (uint16_t)strtoul(value, NULL, 10);
  } else if (strcmp(name, "--socks5-port") == 0) {
    chat->proxy_host = "127.0.0.1";
    chat->proxy_port = (uint16_t)strtoul(value, NULL, 10);
  } else if (strcmp(name, "--node") == 0 && chat->node_count < TOX_ASYNC_MAX_NODES) {
    chat->nodes[chat->node_count++] = value;
  } else if (strcmp(name, "--state") == 0) {
    tox_async_options_set_state_path(chat->options, value);
  } else if (strcmp(name, "--transport") == 0) {
    set_transport(chat->options, value);
  } else if (strcmp(name, "--poll-interval-ms") == 0) {
    tox_async_options_set_poll_interval(chat->options, (uint32_t)strtoul(value, NULL, 10));
  } else if (strcmp(name, "--receipt-delay-ms") == 0) {
    tox_async_options_set_receipt_delay(chat->options, (uint32_t)strtoul(value, NULL, 10));
  } else {
    return false;
  }

  return true;
}

static void parse_arguments(Chat* chat, int count, char** arguments) {
  for (int i = 1; i < count; ++i) {
    const char* const name = arguments[i];

    if (!parse_switch(chat, name) && (++i == count || !parse_option(chat, name, arguments[i]))) {
      usage();
    }
  }

  if (chat->profile == NULL) {
    usage();
  }
}

static bool start_tox(Chat* chat) {
  struct Tox_Options* const options = tox_options_new(NULL);
  size_t size = 0;
  uint8_t* const savedata = read_file(chat->profile, &size);
  Tox_Err_New failed = TOX_ERR_NEW_MALLOC;

  if (savedata == NULL && errno != ENOENT) {
    printf("error profile %s: %s\n", chat->profile, strerror(errno));
  } else if (options != NULL) {
    if (savedata != NULL) {
      tox_options_set_savedata_type(options, TOX_SAVEDATA_TYPE_TOX_SAVE);
      tox_options_set_savedata_data(options, savedata, size);
    }

    tox_options_set_start_port(options, chat->udp_port);
    tox_options_set_end_port(options, chat->udp_port);
    tox_options_set_tcp_port(options, chat->tcp_port);
    tox_options_set_local_discovery_enabled(options, !chat->local);
    tox_options_set_udp_enabled(options, !chat->no_udp);

    if (chat->proxy_host != NULL) {
      tox_options_set_proxy_type(options, TOX_PROXY_TYPE_SOCKS5);
      tox_options_set_proxy_host(options, chat->proxy_host);
      tox_options_set_proxy_port(options, chat->proxy_port);
    }

    chat->tox = tox_new(options, &failed);
    /* async: the courier uses the same means as Tox, such as the proxy. */
    tox_async_options_set_tox_options(chat->options, options);

    if (chat->tox == NULL) {
      printf("error tox: toxcore's error %d\n", (int)failed);
    }
  }

  free(savedata);
  tox_options_free(options);

  if (chat->tox == NULL) {
    return false;
  }

  if (chat->name != NULL) {
    tox_self_set_name(chat->tox, (const uint8_t*)chat->name, strlen(chat->name), NULL);
  }

  tox_callback_self_connection_status(chat->tox, on_self_connection);
  tox_callback_friend_connection_status(chat->tox, on_friend_connection);
  tox_callback_friend_request(chat->tox, on_friend_request);
  tox_callback_friend_message(chat->tox, on_tox_message);
  save_profile(chat);
  return true;
}

/* async: everything needed at the start. */
static bool start_async(Chat* chat) {
  Tox_Err_Async_New failed = TOX_ERR_ASYNC_NEW_OK;
  tox_async_options_set_enabled(chat->options,
                                true); /* Otherwise TOX_ASYNC=1 in the environment is required. */
  tox_async_options_set_log_callback(
      chat->options, on_log, chat->debug ? TOX_ASYNC_LOG_LEVEL_DEBUG : TOX_ASYNC_LOG_LEVEL_INFO, NULL);
  chat->async = tox_async_new(chat->tox, chat->options, &failed);

  if (chat->async == NULL) {
    printf("error tox_async: %s\n", tox_err_async_new_to_string(failed));
    return false;
  }

  tox_async_callback_message(chat->async, on_message);
  tox_async_callback_message_state(chat->async, on_message_state);
  tox_async_callback_friend_ready(chat->async, on_friend_ready);
  tox_async_callback_friend_request(chat->async, on_async_friend_request);
  tox_async_callback_friend_request_state(chat->async, on_request_state);

  for (size_t i = 0; i < chat->node_count; ++i) {
    add_node(chat, chat->nodes[i]);
  }

  return true;
}

/* HOST:PORT:DHT_KEY; the host may be an IPv6 address. */
static void add_bootstrap_node(const Chat* chat, const char* node, bool relay) {
  char host[256];
  uint8_t key[TOX_PUBLIC_KEY_SIZE];
  char* port = NULL;
  snprintf(host, sizeof(host), "%s", node);
  char* const hex = strrchr(host, ':');

  if (hex != NULL) {
    *hex = '\0';
    port = strrchr(host, ':');
  }

  if (port == NULL || !parse_hex(hex + 1, key, sizeof(key))) {
    printf("error bootstrap: not HOST:PORT:DHT_KEY: %s\n", node);
    return;
  }

  *port = '\0';
  const uint16_t number = (uint16_t)strtoul(port + 1, NULL, 10);

  /* async: for the courier, if there is one. */
  if (relay) {
    tox_add_tcp_relay(chat->tox, host, number, key, NULL);
    tox_async_add_tcp_relay(chat->async, host, number, key, NULL);
  } else {
    tox_bootstrap(chat->tox, host, number, key, NULL);
    tox_async_bootstrap(chat->async, host, number, key, NULL);
  }
}

static void bootstrap(const Chat* chat) {
  for (size_t i = 0; i < chat->bootstrap_count; ++i) {
    add_bootstrap_node(chat, chat->bootstrap[i], false);
  }

  for (size_t i = 0; i < chat->relay_count; ++i) {
    add_bootstrap_node(chat, chat->relays[i], true);
  }
}

static void print_ready(const Chat* chat) {
  uint8_t address[TOX_ADDRESS_SIZE];
  uint8_t dht_key[TOX_PUBLIC_KEY_SIZE];
  tox_self_get_address(chat->tox, address);
  tox_self_get_dht_id(chat->tox, dht_key);
  fputs("ready tox_id=", stdout);
  print_hex(address, sizeof(address));
  fputs(" dht_key=", stdout);
  print_hex(dht_key, sizeof(dht_key));
  printf(" udp_port=%u transport=%s\n", tox_self_get_udp_port(chat->tox, NULL),
         chat->async != NULL ? tox_async_transport_to_string(tox_async_get_transport(chat->async)) : "none");

  if (chat->async != NULL) {
    uint8_t courier_key[TOX_PUBLIC_KEY_SIZE];

    if (tox_async_get_courier_key(chat->async, courier_key)) {
      fputs("courier key=", stdout);
      print_hex(courier_key, sizeof(courier_key));
      putchar('\n');
    }

    uint8_t node_id[TOX_ASYNC_NODE_ID_SIZE];

    if (tox_async_get_node_id(chat->async, node_id)) {
      fputs("serving node=", stdout);
      print_hex(node_id, sizeof(node_id));
      printf(" capacity=%" PRIu64 "\n", tox_async_get_node_capacity(chat->async));
    }
  }
}

static void loop(Chat* chat) {
  time_t next_bootstrap = 0;

  while (!chat->quit && stopped == 0) {
    if (!chat->online && time(NULL) >= next_bootstrap) {
      bootstrap(chat); /* Repeated, because packets can be lost. */
      next_bootstrap = time(NULL) + BOOTSTRAP_SECONDS;
    }

    tox_iterate(chat->tox, chat);
    tox_async_iterate(chat->async, chat); /* async */

    if (chat->changed) {
      save_profile(chat);
    }

    const uint32_t tox_ms = tox_iteration_interval(chat->tox);
    const uint32_t async_ms = tox_async_iteration_interval(chat->async); /* async */
    struct pollfd input = {.fd = STDIN_FILENO, .events = POLLIN};

    if (poll(&input, 1, (int)(tox_ms < async_ms ? tox_ms : async_ms)) > 0) {
      char* line = NULL;
      chat->quit = !read_lines(&chat->reader, STDIN_FILENO);

      while ((line = next_line(&chat->reader)) != NULL && !chat->quit) {
        run_command(chat, line);
      }
    }
  }
}

int main(int argc, char** argv) {
  static Chat chat; /* All zero. */
  const struct sigaction stop = {.sa_handler = on_signal};
  sigaction(SIGTERM, &stop, NULL);
  sigaction(SIGINT, &stop, NULL);
  setvbuf(stdout, NULL, _IOLBF, 0); /* Each line goes out at once. */
  chat.options = tox_async_options_new(NULL);

  if (chat.options == NULL) {
    return 1;
  }

  parse_arguments(&chat, argc, argv);
  const bool started = start_tox(&chat) && (chat.no_async || start_async(&chat));

  if (started) {
    print_ready(&chat);
    print_friends(&chat);
    loop(&chat);
  }

  tox_async_kill(chat.async); /* async: before tox_kill. Whatever was accepted is on disk now. */
  tox_async_options_free(chat.options);

  if (chat.tox != NULL) {
    save_profile(&chat);
    tox_kill(chat.tox);
  }

  puts("bye");
  return started ? 0 : 1;
}
