#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Private PostgreSQL servers for tests, on Unix sockets only; and a command that runs with one.

usage: postgres.py [--build DIR] -- COMMAND [ARGUMENTS]

The command finds the server by TOXASYNC_POSTGRES, a connection string for its superuser. The server writes
through to the disk as a real one does, and ends with the command.
"""

import argparse
import contextlib
import os
import pathlib
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile

from support import SOURCE, WITH_US, Failure, Skip, check, poll_until
from world import make_directory

SUPERUSER = "tester"
LONGEST_SOCKETS = 85  # a socket's path has at most 107 bytes


def programs():
    """The directory of the newest server's programs; Debian keeps them out of PATH."""
    found = sorted(pathlib.Path("/usr/lib/postgresql").glob("*/bin/postgres"), key=lambda path: int(path.parts[4]))
    plain = shutil.which("postgres")
    if not found and not plain:
        raise Skip("there is no PostgreSQL server: ./dev test installs it")
    return found[-1].parent if found else pathlib.Path(plain).resolve().parent


def unprivileged():
    """How to start the server: it refuses to run as root."""
    if os.geteuid() != 0:
        return WITH_US, None
    for name in ("postgres", "nobody"):
        with contextlib.suppress(KeyError):
            user = pwd.getpwnam(name)
            return [*WITH_US, f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups"], user
    raise Failure("there is neither a user `postgres` nor `nobody` to run the server")


class Cluster:
    """Servers of one test: a primary, and standbys that copy it. All of it ends with end()."""

    def __init__(self, parent):
        self.bin = programs()
        self.prefix, user = unprivileged()
        parent = pathlib.Path(parent).resolve()
        if user:
            parent.chmod(0o711)  # the server's user must reach its files
            if not all(path.stat().st_mode & 0o001 for path in parent.parents):
                parent = None  # the system's directory for temporary files
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="pg-", dir=parent))
        self.sockets = self.directory / "s"
        if len(str(self.sockets)) > LONGEST_SOCKETS:
            self.sockets = pathlib.Path(tempfile.mkdtemp(prefix="toxasync-pg-", dir="/tmp"))
        self.sockets.mkdir(exist_ok=True)
        for path in (self.directory, self.sockets):
            if user:
                os.chown(path, user.pw_uid, user.pw_gid)
            path.chmod(0o755)
        self.servers = []
        self._log = (self.directory / "log").open("wb")

    def run(self, program, *arguments):
        done = subprocess.run([*self.prefix, self.bin / program, *map(str, arguments)], cwd=self.directory,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
        check(done.returncode == 0, f"{program} failed: {done.stdout[-2000:]}")
        return done.stdout

    def primary(self, name="primary", settings=()):
        server = Server(self, name)
        self.run("initdb", "--pgdata", server.data, "--username", SUPERUSER, "--auth", "trust", "--no-sync",
                 "--data-checksums", "--wal-segsize", 1, "--encoding", "UTF8", "--locale", "C")
        return server.start(settings)

    def standby(self, primary, name, settings=()):
        server = Server(self, name)
        self.run("pg_basebackup", "--pgdata", server.data, "--host", primary.sockets, "--port", Server.PORT,
                 "--username", SUPERUSER, "--write-recovery-conf", "--checkpoint", "fast", "--no-sync")
        with (server.data / "postgresql.auto.conf").open("a", encoding="utf-8") as written:
            written.write(f"primary_conninfo = '{primary.conninfo(name)}'\n")  # The last one counts.
        return server.start(settings)

    def end(self, keep_files=False):
        for server in self.servers:
            server.kill()
        self._log.close()
        shutil.rmtree(self.sockets, ignore_errors=True)
        if not keep_files:
            shutil.rmtree(self.directory, ignore_errors=True)

    def log_tail(self, lines=40):
        return "\n".join(pathlib.Path(self._log.name).read_text("utf-8", "replace").splitlines()[-lines:])


class Server:
    """One PostgreSQL server."""

    PORT = 5432  # Names the socket; its directory is nobody else's.

    def __init__(self, cluster, name):
        self.cluster = cluster
        self.name = name
        self.data = cluster.directory / name
        self.sockets = cluster.sockets / name
        self.process = None
        cluster.servers.append(self)

    @property
    def url(self):
        return f"postgresql:///postgres?host={self.sockets}&port={self.PORT}&user={SUPERUSER}"

    def conninfo(self, standby):
        """By which a standby of this name reaches it."""
        return f"host={self.sockets} port={self.PORT} user={SUPERUSER} application_name={standby}"

    def start(self, settings=()):
        self.sockets.mkdir(exist_ok=True)
        shutil.chown(self.sockets, self.cluster.directory.stat().st_uid, self.cluster.directory.stat().st_gid)
        fixed = ["listen_addresses=", f"unix_socket_directories={self.sockets}", f"port={self.PORT}", "fsync=on",
                 "max_connections=40", "shared_buffers=32MB", "dynamic_shared_memory_type=mmap"]
        options = [word for setting in [*fixed, *settings] for word in ("-c", setting)]
        self.process = subprocess.Popen(
            [*self.cluster.prefix, self.cluster.bin / "postgres", "-D", self.data, *options],
            stdin=subprocess.DEVNULL, stdout=self.cluster._log, stderr=self.cluster._log, cwd=self.cluster.directory)
        poll_until(self.answers, 60, f"{self.name} takes connections")
        return self

    def answers(self):
        check(self.process.poll() is None, f"{self.name} ended at its start:\n{self.cluster.log_tail()}")
        return subprocess.run([self.cluster.bin / "pg_isready", "-q", "-h", self.sockets, "-p", str(self.PORT)],
                              check=False).returncode == 0

    def sql(self, text):
        """What psql prints for it, without decoration."""
        done = subprocess.run([self.cluster.bin / "psql", "--no-psqlrc", "-qAt", "-v", "ON_ERROR_STOP=1", "-c", text,
                               self.url], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False)
        check(done.returncode == 0, f"{self.name}: {text}: {done.stderr.strip()}")
        return done.stdout.strip()

    def promote(self):
        self.cluster.run("pg_ctl", "promote", "--pgdata", self.data, "--no-wait")

    def kill(self):
        """SIGKILL to the server and all of its processes: nothing is flushed."""
        if self.process is None or self.process.poll() is not None:
            return
        children = pathlib.Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        for pid in [self.process.pid, *map(int, children)]:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.process.wait()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", default=SOURCE / "build" / "release", help="a CMake build directory")
    parser.add_argument("command", nargs="+")
    arguments = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # So that `finally` is gone through.
    directory = make_directory(arguments.build, "postgres")
    cluster = None
    try:
        cluster = Cluster(directory)
        server = cluster.primary()
        return subprocess.run(arguments.command, env={**os.environ, "TOXASYNC_POSTGRES": server.url},
                              check=False).returncode
    except Skip as why:
        print(f"postgres.py: {why}", file=sys.stderr)
        return 1
    except Failure as why:
        print(f"FAILED: {why}")
        return 1
    finally:
        if cluster:
            cluster.end()
        shutil.rmtree(directory, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
