/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * plainchat: a chat client that knows nothing of toxasync, for the tests of the preload module. It links the
 * system's libtoxcore only. With --events it takes what happens from tox_events_iterate instead of callbacks,
 * with --threads it may be told to send from another thread (`thread FRIEND COUNT`).
 *
 *   add TOX_ID | send FRIEND TEXT | action FRIEND TEXT | flood FRIEND COUNT | look FRIEND | delete FRIEND |
 *   picture FRIEND TEXT | no-picture FRIEND | file FRIEND PATH | call FRIEND | answer FRIEND |
 *   be-silent FRIEND | hang-up FRIEND | quit
 *
 * `picture` offers a text as tox_file_send takes an avatar. `look` asks for what the callbacks told. The end
 * of stdin is `quit`.
 */
#define _POSIX_C_SOURCE 200809L /* NOLINT(bugprone-reserved-identifier): POSIX wants that one */

#include <inttypes.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <tox/tox_events.h>
#include <unistd.h>

#include "plainchat.h"

#define BOOTSTRAP_SECONDS 3

static const char* connection_name(Tox_Connection connection) {
  return connection == TOX_CONNECTION_NONE ? "offline" : connection == TOX_CONNECTION_TCP ? "tcp" : "udp";
}

static const char* status_name(Tox_User_Status status) {
  return status == TOX_USER_STATUS_NONE ? "here" : status == TOX_USER_STATUS_AWAY ? "away" : "busy";
}

/* Whoever asks is a friend: this is a test. */
static void on_request(Tox* tox, const uint8_t* public_key, const uint8_t* message, size_t length,
                       void* user_data) {
  fputs("request ", stdout);
  print_text(message, length);
  tox_friend_add_norequest(tox, public_key, NULL);
  ((Plain*)user_data)->changed = true;
}

static void on_self(Tox* tox, Tox_Connection status, void* user_data) {
  (void)tox;
  ((Plain*)user_data)->online = status != TOX_CONNECTION_NONE;
  printf("self %s\n", connection_name(status));
}

static void on_connection(Tox* tox, uint32_t friend_number, Tox_Connection status, void* user_data) {
  (void)tox;
  (void)user_data;
  printf("friend %" PRIu32 " %s\n", friend_number, connection_name(status));
}

static void on_status(Tox* tox, uint32_t friend_number, Tox_User_Status status, void* user_data) {
  (void)tox;
  (void)user_data;
  printf("friend-status %" PRIu32 " %s\n", friend_number, status_name(status));
}

static void on_message(Tox* tox, uint32_t friend_number, Tox_Message_Type type, const uint8_t* message,
                       size_t length, void* user_data) {
  (void)tox;
  if (user_data == NULL || length > TOX_MAX_MESSAGE_LENGTH || message[length] != 0) {
    puts("error a message that no libtoxcore would give");
  }
  printf("message %" PRIu32 " %s ", friend_number, type == TOX_MESSAGE_TYPE_ACTION ? "action" : "normal");
  print_text(message, length);
}

static void on_receipt(Tox* tox, uint32_t friend_number, uint32_t message_number, void* user_data) {
  (void)tox;
  (void)user_data;
  printf("receipt %" PRIu32 " %" PRIu32 "\n", friend_number, message_number);
}

static void on_packet(Tox* tox, uint32_t friend_number, const uint8_t* data, size_t length, void* user_data) {
  (void)tox;
  (void)user_data;
  printf("packet %" PRIu32 " %u %zu\n", friend_number, data[0], length);
}

static void take_events(Plain* plain) {
  Tox_Events* const events = tox_events_iterate(plain->tox, true, NULL);

  for (uint32_t i = 0; i < tox_events_get_self_connection_status_size(events); ++i) {
    on_self(plain->tox,
            tox_event_self_connection_status_get_connection_status(
                tox_events_get_self_connection_status(events, i)),
            plain);
  }
  for (uint32_t i = 0; i < tox_events_get_friend_connection_status_size(events); ++i) {
    const Tox_Event_Friend_Connection_Status* event = tox_events_get_friend_connection_status(events, i);
    on_connection(plain->tox, tox_event_friend_connection_status_get_friend_number(event),
                  tox_event_friend_connection_status_get_connection_status(event), plain);
  }
  for (uint32_t i = 0; i < tox_events_get_friend_status_size(events); ++i) {
    const Tox_Event_Friend_Status* event = tox_events_get_friend_status(events, i);
    on_status(plain->tox, tox_event_friend_status_get_friend_number(event),
              tox_event_friend_status_get_status(event), plain);
  }
  for (uint32_t i = 0; i < tox_events_get_friend_message_size(events); ++i) {
    const Tox_Event_Friend_Message* event = tox_events_get_friend_message(events, i);
    printf("message %" PRIu32 " %s ", tox_event_friend_message_get_friend_number(event),
           tox_event_friend_message_get_type(event) == TOX_MESSAGE_TYPE_ACTION ? "action" : "normal");
    print_text(tox_event_friend_message_get_message(event),
               tox_event_friend_message_get_message_length(event));
  }
  for (uint32_t i = 0; i < tox_events_get_friend_read_receipt_size(events); ++i) {
    const Tox_Event_Friend_Read_Receipt* event = tox_events_get_friend_read_receipt(events, i);
    on_receipt(plain->tox, tox_event_friend_read_receipt_get_friend_number(event),
               tox_event_friend_read_receipt_get_message_id(event), plain);
  }

  tox_events_free(events);
}

static void save_profile(const Plain* plain) {
  const size_t size = tox_get_savedata_size(plain->tox);
  uint8_t* const data = (uint8_t*)malloc(size);

  if (data != NULL) {
    tox_get_savedata(plain->tox, data);
    replace_file(plain->profile, data, size);
    free(data);
  }
}

/* As its profile's file. */
static void set_name(const Plain* plain) {
  const char* const slash = strrchr(plain->profile, '/');
  const char* const name = slash != NULL ? slash + 1 : plain->profile;
  tox_self_set_name(plain->tox, (const uint8_t*)name, strcspn(name, "."), NULL);
}

static bool start(Plain* plain) {
  struct Tox_Options* const options = tox_options_new(NULL);
  size_t size = 0;
  uint8_t* const savedata = read_file(plain->profile, &size);

  if (savedata != NULL) {
    tox_options_set_savedata_type(options, TOX_SAVEDATA_TYPE_TOX_SAVE);
    tox_options_set_savedata_data(options, savedata, size);
  }

  tox_options_set_local_discovery_enabled(options, false);
  tox_options_set_experimental_thread_safety(options, plain->threads);
  tox_options_set_start_port(options, plain->udp_port);
  tox_options_set_end_port(options, plain->udp_port);
  plain->tox = tox_new(options, NULL);
  tox_options_free(options);
  free(savedata);

  if (plain->tox == NULL || !start_calls(plain)) {
    puts("error tox_new");
    return false;
  }

  if (plain->events) {
    tox_events_init(plain->tox);
  } else {
    tox_callback_self_connection_status(plain->tox, on_self);
    tox_callback_friend_connection_status(plain->tox, on_connection);
    tox_callback_friend_status(plain->tox, on_status);
    tox_callback_friend_message(plain->tox, on_message);
    tox_callback_friend_read_receipt(plain->tox, on_receipt);
    tox_callback_friend_lossless_packet(plain->tox, on_packet);
    tox_callback_friend_request(plain->tox, on_request);
    register_files(plain->tox);
  }

  set_name(plain);
  uint8_t address[TOX_ADDRESS_SIZE];
  uint8_t dht_key[TOX_PUBLIC_KEY_SIZE];
  tox_self_get_address(plain->tox, address);
  tox_self_get_dht_id(plain->tox, dht_key);
  fputs("ready tox_id=", stdout);
  print_hex(address, sizeof(address));
  fputs(" dht_key=", stdout);
  print_hex(dht_key, sizeof(dht_key));
  putchar('\n');
  save_profile(plain);
  return true;
}

/* The error code is not asked for: many clients don't, and a NULL must be taken. */
static void send_text(const Plain* plain, Tox_Message_Type type, uint32_t friend_number, const char* text) {
  const uint32_t number =
      tox_friend_send_message(plain->tox, friend_number, type, (const uint8_t*)text, strlen(text), NULL);

  if (number == 0) {
    printf("not-sent %" PRIu32 " %s\n", friend_number, text);
  } else {
    printf("sent %" PRIu32 " %" PRIu32 " %s\n", friend_number, number, text);
  }
}

typedef struct Work {
  const Plain* plain;
  uint32_t friend_number;
  unsigned long count;
} Work;

static void* work(void* argument) {
  Work* const task = (Work*)argument;

  for (unsigned long i = 0; i < task->count; ++i) {
    char text[32];
    const struct timespec pause = {.tv_nsec = 2000000};
    snprintf(text, sizeof(text), "thread %lu", i);
    send_text(task->plain, TOX_MESSAGE_TYPE_NORMAL, task->friend_number, text);
    tox_friend_get_connection_status(task->plain->tox, task->friend_number, NULL);
    tox_friend_get_status(task->plain->tox, task->friend_number, NULL);
    tox_iteration_interval(task->plain->tox);
    nanosleep(&pause, NULL);
  }

  free(task);
  puts("thread-end");
  return NULL;
}

static void start_thread(const Plain* plain, uint32_t friend_number, unsigned long count) {
  Work* const task = (Work*)malloc(sizeof(Work));
  pthread_t thread = 0;

  if (task != NULL) {
    task->plain = plain;
    task->friend_number = friend_number;
    task->count = count;

    if (pthread_create(&thread, NULL, work, task) == 0) {
      pthread_detach(thread);
    }
  }
}

static void run_command(Plain* plain, char* line) {
  char* rest = NULL;
  const char* const name = strtok_r(line, " ", &rest);
  const char* const word = strtok_r(NULL, " ", &rest);

  if (name == NULL) {
    return;
  }

  if (strcmp(name, "quit") == 0) {
    plain->quit = true;
    return;
  }

  if (word == NULL) {
    puts("error usage");
    return;
  }

  const uint32_t number = (uint32_t)strtoul(word, NULL, 10);

  if (strcmp(name, "add") == 0) {
    uint8_t address[TOX_ADDRESS_SIZE];
    const char* const hello = "hello";
    const bool added =
        parse_hex(word, address, sizeof(address)) &&
        tox_friend_add(plain->tox, address, (const uint8_t*)hello, strlen(hello), NULL) != UINT32_MAX;
    puts(added ? "added" : "error add");
    plain->changed = true;
  } else if (strcmp(name, "send") == 0) {
    send_text(plain, TOX_MESSAGE_TYPE_NORMAL, number, rest);
  } else if (strcmp(name, "action") == 0) {
    send_text(plain, TOX_MESSAGE_TYPE_ACTION, number, rest);
  } else if (strcmp(name, "flood") == 0) {
    const unsigned long count = strtoul(rest, NULL, 10);

    for (unsigned long i = 0; i < count; ++i) {
      char text[32];
      snprintf(text, sizeof(text), "flood %lu", i);
      send_text(plain, TOX_MESSAGE_TYPE_NORMAL, number, text);
    }
  } else if (strcmp(name, "thread") == 0) {
    start_thread(plain, number, strtoul(rest, NULL, 10));
  } else if (strcmp(name, "look") == 0) {
    printf("looks %" PRIu32 " %s %s\n", number,
           connection_name(tox_friend_get_connection_status(plain->tox, number, NULL)),
           status_name(tox_friend_get_status(plain->tox, number, NULL)));
  } else if (strcmp(name, "delete") == 0) {
    puts(tox_friend_delete(plain->tox, number, NULL) ? "deleted" : "error delete");
    plain->changed = true;
  } else if (!run_file_command(plain, name, number, rest) && !run_call_command(plain, name, number)) {
    puts("error command");
  }
}

/* 127.0.0.1:PORT:DHT_KEY */
static void bootstrap(const Plain* plain) {
  uint8_t key[TOX_PUBLIC_KEY_SIZE];
  char host[128];
  snprintf(host, sizeof(host), "%s", plain->bootstrap != NULL ? plain->bootstrap : "");
  char* rest = NULL;
  const char* const address = strtok_r(host, ":", &rest);
  const char* const port = strtok_r(NULL, ":", &rest);

  if (port != NULL && parse_hex(rest, key, sizeof(key))) {
    tox_bootstrap(plain->tox, address, (uint16_t)strtoul(port, NULL, 10), key, NULL);
  }
}

static void loop(Plain* plain) {
  time_t next_bootstrap = 0;

  while (!plain->quit) {
    if (!plain->online && time(NULL) >= next_bootstrap) {
      bootstrap(plain);
      next_bootstrap = time(NULL) + BOOTSTRAP_SECONDS;
    }

    if (plain->events) {
      take_events(plain);
    } else if (!plain->offline) {
      tox_iterate(plain->tox, plain);
    }

    iterate_calls(plain);

    if (plain->changed) {
      plain->changed = false;
      save_profile(plain);
    }

    struct pollfd input = {.fd = STDIN_FILENO, .events = POLLIN};

    const uint32_t own_ms = tox_iteration_interval(plain->tox);
    const uint32_t calls_ms = toxav_iteration_interval(plain->calls);

    if (poll(&input, 1, (int)(calls_ms < own_ms ? calls_ms : own_ms)) > 0) {
      char* line = NULL;
      plain->quit = !read_lines(&plain->reader, STDIN_FILENO);

      while ((line = next_line(&plain->reader)) != NULL && !plain->quit) {
        run_command(plain, line);
      }
    }
  }
}

int main(int argc, char** argv) {
  static Plain plain; /* All zero. */
  setvbuf(stdout, NULL, _IOLBF, 0);

  for (int i = 1; i < argc; ++i) {
    if (strcmp(argv[i], "--events") == 0) {
      plain.events = true;
    } else if (strcmp(argv[i], "--threads") == 0) {
      plain.threads = true;
    } else if (strcmp(argv[i], "--offline") == 0) {
      plain.offline = true;
    } else if (i + 1 < argc && strcmp(argv[i], "--profile") == 0) {
      plain.profile = argv[++i];
    } else if (i + 1 < argc && strcmp(argv[i], "--udp-port") == 0) {
      plain.udp_port = (uint16_t)strtoul(argv[++i], NULL, 10);
    } else if (i + 1 < argc && strcmp(argv[i], "--bootstrap") == 0) {
      plain.bootstrap = argv[++i];
    }
  }

  if (plain.profile == NULL || !start(&plain)) {
    fputs(
        "usage: plainchat --profile FILE [--udp-port N] [--bootstrap IP:PORT:DHT_KEY] [--events] "
        "[--offline]\n",
        stderr);
    return 1;
  }

  loop(&plain);
  save_profile(&plain);
  toxav_kill(plain.calls);
  tox_kill(plain.tox);
  free_files(&plain);
  puts("bye");
  return 0;
}
