/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * plainchat's files. What is offered is taken, if it is not too large.
 */
#define _POSIX_C_SOURCE 200809L /* NOLINT(bugprone-reserved-identifier): POSIX wants that one */

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "plainchat.h"

#define LARGEST_FILE 16777216U /* 16 MiB */

static void forget(Transfer* file) {
  free(file->data);
  memset(file, 0, sizeof(*file));
}

/* NULL: there is none. */
static Transfer* find_received(Plain* plain, uint32_t friend_number, uint32_t file_number) {
  for (int i = 0; i < MOST_RECEIVED; ++i) {
    Transfer* const file = &plain->received[i];

    if (file->data != NULL && file->friend_number == friend_number && file->number == file_number) {
      return file;
    }
  }

  return NULL;
}

static Transfer* find_place(Plain* plain) {
  for (int i = 0; i < MOST_RECEIVED; ++i) {
    if (plain->received[i].data == NULL) {
      return &plain->received[i];
    }
  }

  return NULL;
}

static void on_file(Tox* tox, uint32_t friend_number, uint32_t file_number, uint32_t kind, uint64_t size,
                    const uint8_t* name, size_t name_length, void* user_data) {
  Transfer* const received = size <= LARGEST_FILE ? find_place((Plain*)user_data) : NULL;

  if (received != NULL) {
    received->data = (uint8_t*)calloc(1, (size_t)size + 1);
    received->size = (size_t)size;
    received->friend_number = friend_number;
    received->number = file_number;
    received->kind = kind;
    snprintf(received->name, sizeof(received->name), "%.*s", (int)name_length, (const char*)name);
  }

  tox_file_control(
      tox, friend_number, file_number,
      received != NULL && received->data != NULL ? TOX_FILE_CONTROL_RESUME : TOX_FILE_CONTROL_CANCEL, NULL);
}

/* A picture is text in these tests, and shown; of other files the hash is. */
static void show_file(const Transfer* file) {
  printf("file %" PRIu32 " %" PRIu32 " ", file->friend_number, file->kind);

  if (file->kind == TOX_FILE_KIND_AVATAR) {
    print_text(file->data, strnlen((const char*)file->data, file->size));
    return;
  }

  uint8_t hash[TOX_HASH_LENGTH];
  tox_hash(hash, file->data, file->size);
  print_hex(hash, sizeof(hash));
  printf(" %s\n", file->name);
}

static void on_chunk(Tox* tox, uint32_t friend_number, uint32_t file_number, uint64_t position,
                     const uint8_t* data, size_t length, void* user_data) {
  (void)tox;
  Transfer* const received = find_received((Plain*)user_data, friend_number, file_number);

  if (received == NULL || position + length > received->size) {
    puts("error a chunk of no file");
  } else if (length == 0) {
    show_file(received);
    forget(received);
  } else {
    memcpy(received->data + position, data, length);
  }
}

static void on_chunk_wanted(Tox* tox, uint32_t friend_number, uint32_t file_number, uint64_t position,
                            size_t length, void* user_data) {
  const Transfer* const sent = &((const Plain*)user_data)->sent;

  if (length == 0) {
    printf("file-sent %" PRIu32 "\n", friend_number);
  } else if (sent->data == NULL || friend_number != sent->friend_number || file_number != sent->number ||
             position + length > sent->size) {
    puts("error a file that was not sent");
  } else {
    tox_file_send_chunk(tox, friend_number, file_number, position, sent->data + position, length, NULL);
  }
}

static void on_control(Tox* tox, uint32_t friend_number, uint32_t file_number, Tox_File_Control control,
                       void* user_data) {
  (void)tox;

  if (control == TOX_FILE_CONTROL_CANCEL) {
    Transfer* const received = find_received((Plain*)user_data, friend_number, file_number);

    if (received != NULL) {
      forget(received);
    }

    printf("file-cancelled %" PRIu32 "\n", friend_number);
  }
}

void register_files(Tox* tox) {
  tox_callback_file_recv(tox, on_file);
  tox_callback_file_recv_chunk(tox, on_chunk);
  tox_callback_file_chunk_request(tox, on_chunk_wanted);
  tox_callback_file_recv_control(tox, on_control);
}

static void offer_picture(Plain* plain, uint32_t friend_number, const char* text) {
  Transfer* const sent = &plain->sent;
  uint8_t id[TOX_FILE_ID_LENGTH];
  uint8_t told[TOX_FILE_ID_LENGTH];
  Tox_Err_File_Send failed = TOX_ERR_FILE_SEND_OK;
  forget(sent);
  sent->data = (uint8_t*)strdup(text);
  sent->friend_number = friend_number;
  sent->size = strlen(text);
  tox_hash(id, sent->data, sent->size);
  sent->number =
      tox_file_send(plain->tox, friend_number, TOX_FILE_KIND_AVATAR, sent->size, id, id, sizeof(id), &failed);
  const bool same = tox_file_get_file_id(plain->tox, friend_number, sent->number, told, NULL) &&
                    memcmp(id, told, sizeof(id)) == 0;
  printf("%s %" PRIu32 "\n", failed == TOX_ERR_FILE_SEND_OK && same ? "picture-offered" : "picture-refused",
         friend_number);
}

static void offer_file(Plain* plain, uint32_t friend_number, const char* path) {
  Transfer* const sent = &plain->sent;
  Tox_Err_File_Send failed = TOX_ERR_FILE_SEND_OK;
  const char* const slash = strrchr(path, '/');
  const char* const name = slash != NULL ? slash + 1 : path;
  forget(sent);
  sent->data = read_file(path, &sent->size);
  sent->friend_number = friend_number;
  sent->number = tox_file_send(plain->tox, friend_number, TOX_FILE_KIND_DATA, sent->size, NULL,
                               (const uint8_t*)name, strlen(name), &failed);
  printf("%s %" PRIu32 "\n",
         sent->data != NULL && failed == TOX_ERR_FILE_SEND_OK ? "file-offered" : "file-refused",
         friend_number);
}

void free_files(Plain* plain) {
  forget(&plain->sent);

  for (int i = 0; i < MOST_RECEIVED; ++i) {
    forget(&plain->received[i]);
  }
}

bool run_file_command(Plain* plain, const char* name, uint32_t friend_number, const char* rest) {
  if (strcmp(name, "picture") == 0 && rest != NULL) {
    offer_picture(plain, friend_number, rest);
  } else if (strcmp(name, "no-picture") == 0) {
    puts(tox_file_control(plain->tox, friend_number, plain->sent.number, TOX_FILE_CONTROL_CANCEL, NULL)
             ? "cancelled"
             : "not cancelled");
  } else if (strcmp(name, "file") == 0 && rest != NULL) {
    offer_file(plain, friend_number, rest);
  } else {
    return false;
  }

  return true;
}
