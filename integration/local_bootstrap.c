/* SPDX-License-Identifier: GPL-3.0-or-later
 *
 * For LD_PRELOAD, in tests of clients whose list of bootstrap nodes is built in (qTox): they are given the
 * node of the test, TOXASYNC_TEST_BOOTSTRAP=PORT:DHT_KEY on 127.0.0.1, in place of each that they ask for. So
 * nothing of a test goes to the public network.
 */
#define _GNU_SOURCE /* NOLINT(bugprone-reserved-identifier): RTLD_NEXT */

#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>
#include <tox/tox.h>

#include "plugin/example/support.h"

typedef bool bootstrap_fn(Tox*, const char*, uint16_t, const uint8_t*, Tox_Err_Bootstrap*);

static bool to_the_tests(const char* function, Tox* tox, Tox_Err_Bootstrap* error) {
  const char* const wanted = getenv("TOXASYNC_TEST_BOOTSTRAP");
  bootstrap_fn* host = NULL;
  uint8_t key[TOX_PUBLIC_KEY_SIZE];
  char* rest = NULL;
  const unsigned long port = wanted != NULL ? strtoul(wanted, &rest, 10) : 0;

  if (port == 0 || port > UINT16_MAX || *rest != ':' || !parse_hex(rest + 1, key, sizeof(key))) {
    abort();
  }

  *(void**)&host = dlsym(RTLD_NEXT, function);
  return host(tox, "127.0.0.1", (uint16_t)port, key, error);
}

bool tox_bootstrap(Tox* tox, const char* host, uint16_t port, const uint8_t* public_key,
                   Tox_Err_Bootstrap* error) {
  (void)host;
  (void)port;
  (void)public_key;
  return to_the_tests("tox_bootstrap", tox, error);
}

bool tox_add_tcp_relay(Tox* tox, const char* host, uint16_t port, const uint8_t* public_key,
                       Tox_Err_Bootstrap* error) {
  (void)host;
  (void)port;
  (void)public_key;
  return to_the_tests("tox_add_tcp_relay", tox, error);
}
