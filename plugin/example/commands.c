/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The commands of minichat: sending messages, and queries of tox_async. See minichat.c.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "chat.h"

enum { FLUSH_MS = 10000 };

void print_friend(const Tox* tox, uint32_t friend_number) {
  uint8_t key[TOX_PUBLIC_KEY_SIZE] = {0};
  tox_friend_get_public_key(tox, friend_number, key, NULL);
  printf("friend-added %" PRIu32 " ", friend_number);
  print_hex(key, sizeof(key));
  putchar('\n');
}

static bool add_friend(Chat* chat, const uint8_t address[TOX_ADDRESS_SIZE], const char* greeting) {
  Tox_Err_Friend_Add failed = TOX_ERR_FRIEND_ADD_OK;
  const uint32_t number =
      tox_friend_add(chat->tox, address, (const uint8_t*)greeting, strlen(greeting), &failed);

  if (failed != TOX_ERR_FRIEND_ADD_OK) {
    printf("error add: toxcore's error %d\n", (int)failed);
    return false;
  }

  print_friend(chat->tox, number);
  chat->changed = true;
  return true;
}

static void command_add(Chat* chat, const char* tox_id) {
  uint8_t address[TOX_ADDRESS_SIZE];

  if (!parse_hex(tox_id, address, sizeof(address))) {
    printf("error add: a Tox ID has %d hexadecimal digits\n", 2 * (int)TOX_ADDRESS_SIZE);
    return;
  }

  add_friend(chat, address, "minichat");
}

/* "TOX_ID TEXT": like add, and the request also waits for somebody who is offline. */
static void command_request(Chat* chat, char* rest) {
  uint8_t address[TOX_ADDRESS_SIZE];
  char* const space = strchr(rest, ' ');

  if (space != NULL) {
    *space = '\0';
  }

  if (space == NULL || !parse_hex(rest, address, sizeof(address))) {
    printf("error request: usage: request TOX_ID TEXT, with %d hexadecimal digits\n",
           2 * (int)TOX_ADDRESS_SIZE);
    return;
  }

  const char* const text = space + 1;
  Tox_Err_Async_Friend_Request_Send failed = TOX_ERR_ASYNC_FRIEND_REQUEST_SEND_OK;

  if (add_friend(chat, address, text) &&
      !tox_async_friend_request_send(chat->async, address, (const uint8_t*)text, strlen(text), &failed)) {
    printf("error request: %s\n", tox_err_async_friend_request_send_to_string(failed));
  }
}

static void command_cancel_request(Chat* chat, const char* hex) {
  uint8_t key[TOX_PUBLIC_KEY_SIZE];

  if (!parse_hex(hex, key, sizeof(key)) || !tox_async_friend_request_cancel(chat->async, key)) {
    puts("error cancel-request: no request to this key is being sent");
  }
}

static void send_text(Chat* chat, uint32_t friend_number, Tox_Message_Type type, const uint8_t* text,
                      size_t length, uint32_t time_to_live) {
  uint8_t id[TOX_ASYNC_MESSAGE_ID_SIZE];
  Tox_Err_Async_Friend_Send_Message failed = TOX_ERR_ASYNC_FRIEND_SEND_MESSAGE_OK;

  /* async: in place of tox_friend_send_message, whether the friend is online or not. */
  if (tox_async_friend_send_message_for(chat->async, friend_number, type, text, length, time_to_live, id,
                                        &failed)) {
    printf("accepted %" PRIu32 " ", friend_number);
    print_hex(id, sizeof(id));
    putchar('\n');
  } else {
    printf("error send: %s\n", tox_err_async_friend_send_message_to_string(failed));
  }
}

/* send, action, send-file, tox-send: `rest` is "FRIEND TEXT". */
static void command_send(Chat* chat, const char* command, const char* rest) {
  char* text = NULL;
  const uint32_t friend_number = (uint32_t)strtoul(rest, &text, 10);

  if (text == rest || *text != ' ') {
    printf("error %s: usage: %s FRIEND TEXT\n", command, command);
    return;
  }

  ++text;

  if (strcmp(command, "send-file") == 0) {
    size_t size = 0;
    uint8_t* const data = read_file(text, &size);

    if (data == NULL) {
      printf("error send-file %s: %s\n", text, strerror(errno));
    } else {
      send_text(chat, friend_number, TOX_MESSAGE_TYPE_NORMAL, data, size, 0);
    }

    free(data);
  } else if (strcmp(command, "tox-send") == 0) {
    Tox_Err_Friend_Send_Message failed = TOX_ERR_FRIEND_SEND_MESSAGE_OK;
    const uint32_t id = tox_friend_send_message(chat->tox, friend_number, TOX_MESSAGE_TYPE_NORMAL,
                                                (const uint8_t*)text, strlen(text), &failed);
    if (failed == TOX_ERR_FRIEND_SEND_MESSAGE_OK) {
      printf("tox-sent %" PRIu32 " %" PRIu32 "\n", friend_number, id);
    } else {
      printf("error tox-send: toxcore's error %d\n", (int)failed);
    }
  } else {
    const bool action = strcmp(command, "action") == 0;
    send_text(chat, friend_number, action ? TOX_MESSAGE_TYPE_ACTION : TOX_MESSAGE_TYPE_NORMAL,
              (const uint8_t*)text, strlen(text), 0);
  }
}

/* "SECONDS FRIEND TEXT" */
static void command_send_for(Chat* chat, const char* rest) {
  char* friend_at = NULL;
  char* text = NULL;
  const uint32_t time_to_live = (uint32_t)strtoul(rest, &friend_at, 10);
  const uint32_t friend_number = (uint32_t)strtoul(friend_at, &text, 10);

  if (friend_at == rest || text == friend_at || *text != ' ') {
    puts("error send-for: usage: send-for SECONDS FRIEND TEXT");
    return;
  }

  ++text;
  send_text(chat, friend_number, TOX_MESSAGE_TYPE_NORMAL, (const uint8_t*)text, strlen(text), time_to_live);
}

void print_friends(const Chat* chat) {
  const size_t count = tox_self_get_friend_list_size(chat->tox);

  /* Friends are never deleted here, so the numbers have no gaps. */
  for (uint32_t i = 0; i < count; ++i) {
    print_friend(chat->tox, i);

    if (tox_async_friend_ready(chat->async, i)) {
      printf("friend %" PRIu32 " ready\n", i);
    }
  }
}

static void command_nodes(const Chat* chat) {
  char line[TOX_ASYNC_ADDRESS_LINE_SIZE];

  for (uint32_t i = 0; chat->async != NULL && i < tox_async_node_get_count(chat->async); ++i) {
    if (tox_async_node_get_address_line(chat->async, i, line, sizeof(line))) {
      printf("node %s answered=%d last_answer=%" PRIu64 " clock_difference=%" PRId64 " failures=%" PRIu32
             " picked=%d\n",
             line, tox_async_node_get_answered(chat->async, i),
             tox_async_node_get_last_answer(chat->async, i),
             tox_async_node_get_clock_difference(chat->async, i), tox_async_node_get_failures(chat->async, i),
             tox_async_node_get_picked(chat->async, i));
    }
  }

  puts("nodes-end");
}

static void command_stats(const Chat* chat) {
  for (uint32_t i = 0; chat->async != NULL && i < tox_async_stats_get_count(); ++i) {
    const uint64_t value = tox_async_stats_get_value(chat->async, i);

    if (value != 0) {
      printf("stat %s %" PRIu64 "\n", tox_async_stats_get_name(i), value);
    }
  }

  puts("stats-end");
}

void add_node(Chat* chat, const char* line) {
  Tox_Err_Async_Node_Add failed = TOX_ERR_ASYNC_NODE_ADD_OK;

  if (tox_async_node_add(chat->async, line, &failed)) {
    puts("node-added");
  } else {
    printf("error node-add: %s\n", tox_err_async_node_add_to_string(failed));
  }
}

static void command_node_remove(Chat* chat, const char* hex) {
  uint8_t id[TOX_ASYNC_NODE_ID_SIZE];
  Tox_Err_Async_Node_Remove failed = TOX_ERR_ASYNC_NODE_REMOVE_NOT_FOUND;

  if (parse_hex(hex, id, sizeof(id)) && tox_async_node_remove(chat->async, id, &failed)) {
    puts("node-removed");
  } else {
    printf("error node-remove: %s\n", tox_err_async_node_remove_to_string(failed));
  }
}

static void command_cancel(Chat* chat, const char* hex) {
  uint8_t id[TOX_ASYNC_MESSAGE_ID_SIZE];
  Tox_Err_Async_Message_Cancel failed = TOX_ERR_ASYNC_MESSAGE_CANCEL_NOT_FOUND;

  if (parse_hex(hex, id, sizeof(id)) && tox_async_message_cancel(chat->async, id, &failed)) {
    puts("cancelling");
  } else {
    printf("error cancel: %s\n", tox_err_async_message_cancel_to_string(failed));
  }
}

void run_command(Chat* chat, char* line) {
  char* const space = strchr(line, ' ');
  static char nothing[] = "";
  char* const rest = space != NULL ? space + 1 : nothing;

  if (space != NULL) {
    *space = '\0';
  }

  if (strcmp(line, "send") == 0 || strcmp(line, "action") == 0 || strcmp(line, "send-file") == 0 ||
      strcmp(line, "tox-send") == 0) {
    command_send(chat, line, rest);
  } else if (strcmp(line, "send-for") == 0) {
    command_send_for(chat, rest);
  } else if (strcmp(line, "add") == 0) {
    command_add(chat, rest);
  } else if (strcmp(line, "request") == 0) {
    command_request(chat, rest);
  } else if (strcmp(line, "cancel-request") == 0) {
    command_cancel_request(chat, rest);
  } else if (strcmp(line, "cancel") == 0) {
    command_cancel(chat, rest);
  } else if (strcmp(line, "friends") == 0) {
    print_friends(chat);
  } else if (strcmp(line, "nodes") == 0) {
    command_nodes(chat);
  } else if (strcmp(line, "node-add") == 0) {
    add_node(chat, rest);
  } else if (strcmp(line, "node-remove") == 0) {
    command_node_remove(chat, rest);
  } else if (strcmp(line, "stats") == 0) {
    command_stats(chat);
  } else if (strcmp(line, "flush") == 0) {
    puts(chat->async == NULL || tox_async_flush(chat->async, FLUSH_MS) ? "flushed"
                                                                       : "error flush: timed out");
  } else if (strcmp(line, "quit") == 0) {
    chat->quit = true;
  } else if (*line != '\0') {
    printf("error unknown command: %s\n", line);
  }
}
