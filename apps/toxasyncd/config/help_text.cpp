// SPDX-License-Identifier: GPL-3.0-or-later
#include "config/help_text.hpp"

namespace toxasync::daemon {

const std::string_view help_introduction =
    R"(usage: toxasyncd [OPTIONS]                      run a storage node
       toxasyncd backup NEW-DIR [OPTIONS]       copy its data, also while it runs
       toxasyncd verify [DIR|FILE] [OPTIONS]    check every record of its database, or of a backup
       toxasyncd stats [OPTIONS]                print counters
       toxasyncd migrate --to URL [OPTIONS]     move its messages to PostgreSQL

A storage node keeps encrypted messages for people who are offline, until they fetch
them or the messages expire. It can read neither the messages nor who sent them.

Example:

    toxasyncd --data-dir /var/lib/toxasync --address 192.0.2.7

prints the node's address line, which people add to their chat client, and runs until
SIGTERM or SIGINT:

    toxasyncd: node address toxasync:<node id>@192.0.2.7:33445,192.0.2.7:33500

Open both UDP ports in the firewall. The status page is http://127.0.0.1:33501/.

)";

const std::string_view help_conclusion = R"(
Configuration file: one setting per line, without the dashes.

    # a comment
    data-dir = /var/lib/toxasync
    address = 192.0.2.7

A setting on the command line replaces all lines of that setting in the file.

Files in the data directory:
    node.key     the node's identity. Back it up: without it, people need a new address line
    store.db     the stored messages, unless --store names another place
    tox.profile  the Tox identity

Signals:
    SIGTERM, SIGINT  stop
    SIGHUP           read the configuration file again; settings marked (reloads) take effect
    SIGUSR1          print counters to stdout. `messages`, `bytes` and `tombstones` are current
                     values, the others count from the start; `refused` does not include first
                     packets, which are always sent back once to verify their sender's address

The log goes to stderr. It names clients at log level debug only.

Exit status:
    0  stopped by a signal, or the command succeeded
    1  an option or setting is wrong
    2  the data directory cannot be used: locked, damaged, not writable, full
    3  a port or address cannot be used
    4  any other error, such as PostgreSQL not reachable

`toxasyncd COMMAND --help` explains a command. Manual: docs/operations.md.
)";

namespace {

constexpr std::string_view backup_help = R"(usage: toxasyncd backup NEW-DIR [OPTIONS]

Copies the node's database, key and Tox profile into NEW-DIR, which must not exist yet.
Works whether the node is running or not. A node can be started from the copy.

    toxasyncd backup /srv/backups/node1 --data-dir /var/lib/toxasync

Keep the copy secret: it contains the node's private key. Messages in PostgreSQL (--store)
are not copied: use pg_dump.

Options are those of `toxasyncd --help`; --data-dir or --config says which node is meant.
)";

constexpr std::string_view verify_help = R"(usage: toxasyncd verify [DIR|FILE] [OPTIONS]

Checks every record of a database and prints one line with the result; its last word is
OK or FAIL. Without DIR or FILE the database in the data directory is checked, and the node
must not be running. Exit status 2 if anything is damaged.

    toxasyncd verify /srv/backups/node1

Options are those of `toxasyncd --help`; --data-dir or --config says which node is meant.
)";

constexpr std::string_view stats_help = R"(usage: toxasyncd stats [OPTIONS]

Prints a line of counters of the node, whether it is running or not.

    toxasyncd stats --data-dir /var/lib/toxasync

Options are those of `toxasyncd --help`; --data-dir or --config says which node is meant.
)";

constexpr std::string_view migrate_help = R"(usage: toxasyncd migrate --to URL [OPTIONS]

Copies the messages of a node that is not running from its data directory to PostgreSQL,
and verifies that all of them arrived. If it was interrupted, start it again to continue.
store.db is not changed: move it away when everything works.

    toxasyncd migrate --to postgresql:///toxasync --data-dir /var/lib/toxasync

URL is a libpq connection string without a password, as for --store (docs/postgres.md).

Options are those of `toxasyncd --help`; --data-dir or --config says which node is meant.
)";

}  // namespace

std::string_view help_for(Command command) noexcept {
  switch (command) {
    case Command::backup:
      return backup_help;
    case Command::verify:
      return verify_help;
    case Command::stats:
      return stats_help;
    case Command::migrate:
      return migrate_help;
    case Command::serve:
      break;
  }
  return {};
}

}  // namespace toxasync::daemon
