/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef MINICHAT_CHAT_H
#define MINICHAT_CHAT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <tox/tox.h>

#include "support.h"
#include "tox_async.h"

enum { MAX_BOOTSTRAP = 8, BOOTSTRAP_SECONDS = 5 };

typedef struct Chat {
  Tox* tox;
  Tox_Async* async; /* async: NULL with --no-async; tox_async_iterate and others accept that. */
  Tox_Async_Options* options;

  const char* profile;
  const char* name;
  const char* bootstrap[MAX_BOOTSTRAP];
  size_t bootstrap_count;
  const char* nodes[TOX_ASYNC_MAX_NODES];
  size_t node_count;
  const char* relays[MAX_BOOTSTRAP];
  size_t relay_count;
  const char* proxy_host;
  uint16_t proxy_port;
  uint16_t udp_port;
  uint16_t tcp_port;
  bool no_udp;
  bool local;
  bool auto_accept;
  bool no_async;
  bool debug;

  bool online;
  bool changed; /* The profile is to be saved. */
  bool quit;
  Line_Reader reader;
} Chat;

/* commands.c. A line is one command; see minichat.c. */
void run_command(Chat* chat, char* line);
void add_node(Chat* chat, const char* address_line);
void print_friend(const Tox* tox, uint32_t friend_number);
void print_friends(const Chat* chat);

#endif
