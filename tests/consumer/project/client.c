/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <tox_async.h>
/* Ours first: it includes what it needs itself. */
#include <stdio.h>

/* What needs a running Tox is linked only. */
static void run(Tox* tox, const Tox_Async_Options* options) {
  Tox_Async* async = tox_async_new(tox, options, NULL);
  tox_async_iterate(async, NULL);
  tox_async_kill(async);
}

int main(int argc, char** argv) {
  Tox_Async_Options* options = tox_async_options_new(NULL);
  bool enabled;
  (void)argv;
  if (!options || !tox_async_version_is_compatible(TOX_ASYNC_VERSION_MAJOR, TOX_ASYNC_VERSION_MINOR, 0)) {
    return 1;
  }
  tox_async_options_set_enabled(options, true);
  enabled = tox_async_options_get_enabled(options);
  if (argc > 1) {
    run(NULL, options);
  }
  tox_async_options_free(options);
  printf("C: toxasync %u.%u.%u\n", (unsigned)tox_async_version_major(), (unsigned)tox_async_version_minor(),
         (unsigned)tox_async_version_patch());
  return enabled ? 0 : 1;
}
