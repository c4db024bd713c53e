/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The parts of plainchat, the client without toxasync.
 */
#ifndef PLAINCHAT_H
#define PLAINCHAT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <tox/tox.h>
#include <tox/toxav.h>

#include "plugin/example/support.h"

#define MOST_RECEIVED 8

/* A file on its way. */
typedef struct Transfer {
  uint8_t* data; /* NULL: there is none. */
  size_t size;
  uint32_t friend_number;
  uint32_t number;
  uint32_t kind;
  char name[TOX_MAX_FILENAME_LENGTH + 1];
} Transfer;

typedef struct Plain {
  Tox* tox;
  ToxAV* calls;
  const char* profile;
  const char* bootstrap;
  uint16_t udp_port;
  bool events;
  bool threads;
  bool offline; /* As `toxic -o`: tox_iterate is never called. */
  bool online;
  bool changed;
  bool quit;
  Transfer sent; /* The last one. */
  Transfer received[MOST_RECEIVED];
  int64_t next_sound_ms;
  bool talking; /* With talking_to. */
  bool heard;
  uint32_t talking_to;
  Line_Reader reader;
} Plain;

/* plain_files.c. False: it is no command about files. `rest` may be NULL. */
void register_files(Tox* tox);
bool run_file_command(Plain* plain, const char* name, uint32_t friend_number, const char* rest);
void free_files(Plain* plain);

/* plain_calls.c, the same. */
bool start_calls(Plain* plain);
void iterate_calls(Plain* plain);
bool run_call_command(Plain* plain, const char* name, uint32_t friend_number);

#endif
