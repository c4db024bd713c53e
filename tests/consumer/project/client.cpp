// SPDX-License-Identifier: GPL-3.0-or-later
#include <tox_async.h>
// Ours first: it includes what it needs itself.
#include <cstdio>
#include <memory>

namespace {

using Options = std::unique_ptr<Tox_Async_Options, decltype(&tox_async_options_free)>;

// What needs a running Tox is linked only.
void run(Tox* tox, const Tox_Async_Options* options) {
  Tox_Async* async = tox_async_new(tox, options, nullptr);
  tox_async_iterate(async, nullptr);
  tox_async_kill(async);
}

}  // namespace

int main(int argc, char** /*argv*/) {
  const Options options(tox_async_options_new(nullptr), &tox_async_options_free);
  if (!options || !tox_async_version_is_compatible(TOX_ASYNC_VERSION_MAJOR, TOX_ASYNC_VERSION_MINOR, 0)) {
    return 1;
  }
  tox_async_options_set_enabled(options.get(), true);
  if (argc > 1) {
    run(nullptr, options.get());
  }
  std::printf("C++: toxasync %u.%u.%u\n", tox_async_version_major(), tox_async_version_minor(),
              tox_async_version_patch());
  return tox_async_options_get_enabled(options.get()) ? 0 : 1;
}
