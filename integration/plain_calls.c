/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * plainchat's calls, with sound only. It sends a tone to the friend it talks with, and reports the first
 * sound that it hears.
 */
#define _POSIX_C_SOURCE 200809L /* NOLINT(bugprone-reserved-identifier): POSIX wants that one */

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "plainchat.h"

#define BIT_RATE 32 /* kbit/s */
#define SAMPLE_RATE 48000
#define FRAME_MS 20
#define FRAME_SAMPLES 960U /* FRAME_MS at that rate. */
#define TONE_SAMPLES 48    /* Half of a wave of 500 Hz. */

static int64_t now_ms(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void talk_to(Plain* plain, uint32_t friend_number, bool talking) {
  plain->talking = talking;
  plain->talking_to = friend_number;
  plain->heard = false;
}

static void on_call(ToxAV* calls, uint32_t friend_number, bool audio, bool video, void* user_data) {
  (void)calls;
  (void)user_data;
  printf("call %" PRIu32 "%s%s\n", friend_number, audio ? " audio" : "", video ? " video" : "");
}

static void on_state(ToxAV* calls, uint32_t friend_number, uint32_t state, void* user_data) {
  static const struct {
    uint32_t bit;
    const char* name;
  } names[] = {
      {TOXAV_FRIEND_CALL_STATE_ERROR, "error"},
      {TOXAV_FRIEND_CALL_STATE_FINISHED, "finished"},
      {TOXAV_FRIEND_CALL_STATE_SENDING_A, "sends-audio"},
      {TOXAV_FRIEND_CALL_STATE_SENDING_V, "sends-video"},
      {TOXAV_FRIEND_CALL_STATE_ACCEPTING_A, "takes-audio"},
      {TOXAV_FRIEND_CALL_STATE_ACCEPTING_V, "takes-video"},
  };
  (void)calls;
  printf("call-state %" PRIu32, friend_number);

  for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); ++i) {
    if ((state & names[i].bit) != 0) {
      printf(" %s", names[i].name);
    }
  }

  putchar('\n');
  talk_to((Plain*)user_data, friend_number, (state & TOXAV_FRIEND_CALL_STATE_ACCEPTING_A) != 0);
}

static void on_sound(ToxAV* calls, uint32_t friend_number, const int16_t* samples, size_t count,
                     uint8_t channels, uint32_t rate, void* user_data) {
  Plain* const plain = (Plain*)user_data;
  (void)calls;
  (void)samples;
  (void)channels;
  (void)rate;

  if (!plain->heard && count > 0) {
    plain->heard = true;
    printf("hears %" PRIu32 "\n", friend_number);
  }
}

bool start_calls(Plain* plain) {
  plain->calls = toxav_new(plain->tox, NULL);

  if (plain->calls == NULL) {
    return false;
  }

  toxav_callback_call(plain->calls, on_call, plain);
  toxav_callback_call_state(plain->calls, on_state, plain);
  toxav_callback_audio_receive_frame(plain->calls, on_sound, plain);
  return true;
}

void iterate_calls(Plain* plain) {
  toxav_iterate(plain->calls);

  if (plain->talking && now_ms() >= plain->next_sound_ms) {
    int16_t samples[FRAME_SAMPLES];

    for (size_t i = 0; i < FRAME_SAMPLES; ++i) {
      samples[i] = i / TONE_SAMPLES % 2 == 0 ? 1000 : -1000;
    }

    plain->next_sound_ms = now_ms() + FRAME_MS;
    toxav_audio_send_frame(plain->calls, plain->talking_to, samples, FRAME_SAMPLES, 1, SAMPLE_RATE, NULL);
  }
}

bool run_call_command(Plain* plain, const char* name, uint32_t friend_number) {
  if (strcmp(name, "call") == 0) {
    Toxav_Err_Call failed = TOXAV_ERR_CALL_OK;
    toxav_call(plain->calls, friend_number, BIT_RATE, 0, &failed);
    printf("calls %" PRIu32 "%s\n", friend_number,
           failed == TOXAV_ERR_CALL_OK                     ? ""
           : failed == TOXAV_ERR_CALL_FRIEND_NOT_CONNECTED ? " not: the friend is not connected"
                                                           : " not");
  } else if (strcmp(name, "answer") == 0) {
    const bool answered = toxav_answer(plain->calls, friend_number, BIT_RATE, 0, NULL);
    printf("%s %" PRIu32 "\n", answered ? "answered" : "not-answered", friend_number);
    talk_to(plain, friend_number, answered);
  } else if (strcmp(name, "hang-up") == 0) { /* Or decline. */
    printf("%s %" PRIu32 "\n",
           toxav_call_control(plain->calls, friend_number, TOXAV_CALL_CONTROL_CANCEL, NULL) ? "hung-up"
                                                                                            : "not-hung-up",
           friend_number);
    talk_to(plain, friend_number, false);
  } else if (strcmp(name, "be-silent") == 0) { /* The call goes on. */
    printf("silent %" PRIu32 "\n", friend_number);
    plain->talking = false;
  } else {
    return false;
  }

  return true;
}
