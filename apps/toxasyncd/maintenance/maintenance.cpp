// SPDX-License-Identifier: GPL-3.0-or-later
#include "maintenance/maintenance.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <boost/asio/buffer.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/write.hpp>
#include <iostream>
#include <string>
#include <system_error>
#include <vector>

#include "base/file.hpp"
#include "config/command_line.hpp"
#include "crypto/curve.hpp"
#include "maintenance/migrate.hpp"
#include "process/data_directory.hpp"
#include "process/stderr_log.hpp"
#include "store/sqlite/sqlite_store.hpp"

namespace toxasync::daemon {

namespace {

namespace asio = boost::asio;
namespace fs = std::filesystem;

[[noreturn]] void fail(const std::string& what) {
  throw StartupError(ExitCode::data_directory, what);
}

/// What every command needs.
struct Tools {
  Metrics metrics;
  StderrLog log{LogLevel::warning};
  Telemetry telemetry{metrics, log};
  crypto::SystemRandom random;
};

/// The node's directory; it must exist.
DataDirectory directory_of(const Options& options) {
  std::error_code failed;
  if (!fs::is_directory(options.data_directory, failed)) {
    fail("--data-dir " + options.data_directory.string() + ": there is no such directory");
  }
  return DataDirectory(options.data_directory);
}

/// The answer of the node that runs on this directory; nothing if none does.
std::optional<std::string> ask_node(const DataDirectory& directory, const std::string& command) {
  using asio::local::stream_protocol;
  const std::string path = directory.control_socket().string();
  asio::io_context io;
  stream_protocol::socket socket(io);
  boost::system::error_code failed;
  if (path.size() >= sizeof(sockaddr_un::sun_path) ||
      socket.connect(stream_protocol::endpoint(path), failed)) {
    if (failed == asio::error::access_denied) {
      fail(path + ": not permitted: do this as the user that the node runs as, or as root");
    }
    return std::nullopt;
  }
  constexpr std::size_t most_answer_bytes = 1024;
  std::string answer;
  asio::write(socket, asio::buffer(command + '\n'), failed);
  if (!failed) {
    asio::read_until(socket, asio::dynamic_buffer(answer, most_answer_bytes), '\n', failed);
  }
  if (failed || answer.empty()) {
    fail("the node ended the connection: see what its log says");
  }
  answer.pop_back();
  if (!answer.starts_with("ok ")) {
    fail("the node answers: " + answer);
  }
  return answer.substr(3);
}

void want_sqlite(const Options& options) {
  if (!options.store.empty()) {
    fail(
        "the mail is in PostgreSQL (--store): use its own tools, pg_dump for a copy, and keep a copy of "
        "node.key");
  }
}

std::unique_ptr<store::SqliteStore> open_store(const DataDirectory& directory, Tools& tools) {
  std::error_code failed;
  if (!fs::exists(directory.database(), failed)) {
    fail(directory.database().string() + ": there is no such file");
  }
  auto opened = store::SqliteStore::open(directory.database(), {}, {}, tools.telemetry, tools.random);
  if (!opened) {
    fail(directory.database().string() + ": " + std::string(describe(opened.error())));
  }
  return std::move(*opened);
}

/// The directory of a backup: what was made of it goes, unless it is kept.
class NewDirectory {
 public:
  explicit NewDirectory(fs::path path) : path_(std::move(path)) {
    if (::mkdir(path_.c_str(), S_IRWXU) != 0) {
      fail(path_.string() + ": cannot be made: " + std::generic_category().message(errno) +
           ". A backup wants a new directory in one that exists");
    }
  }
  ~NewDirectory() {
    std::error_code ignored;
    if (!kept_) {
      fs::remove_all(path_, ignored);
    }
  }
  NewDirectory(const NewDirectory&) = delete;
  NewDirectory& operator=(const NewDirectory&) = delete;
  void keep() noexcept { kept_ = true; }

 private:
  fs::path path_;
  bool kept_ = false;
};

/// What the node has copied for us: goes if it cannot be moved.
class NodesCopy {
 public:
  explicit NodesCopy(fs::path path) : path_(std::move(path)) {}
  ~NodesCopy() {
    std::error_code ignored;
    fs::remove(path_, ignored);
  }
  NodesCopy(const NodesCopy&) = delete;
  NodesCopy& operator=(const NodesCopy&) = delete;

 private:
  fs::path path_;
};

/// What root has copied becomes the node's user's, so that the node can read it when it is put back. False:
/// not on this file system.
bool give_to_owner(const fs::path& of, const fs::path& copy) {
  struct stat owner {};
  if (::geteuid() != 0) {
    return true;
  }
  bool done = ::stat(of.c_str(), &owner) == 0;
  const auto give = [&](const fs::path& path) {
    done = done && ::lchown(path.c_str(), owner.st_uid, owner.st_gid) == 0;
  };
  for (const auto& file : fs::directory_iterator(copy)) {
    give(file.path());
  }
  give(copy);
  return done;
}

/// Moves a file, also to another file system.
void move_file(const fs::path& from, const fs::path& to) {
  if (!put_in_place(from, to)) {
    return;
  }
  std::error_code failed;
  const fs::path unfinished = to.string() + ".new";
  if (fs::is_symlink(from, failed) || !fs::copy_file(from, unfinished, failed) ||
      ::chmod(unfinished.c_str(), S_IRUSR | S_IWUSR) != 0 || put_in_place(unfinished, to)) {
    fail(to.string() + ": cannot be written: " + (failed ? failed.message() : "look for free space"));
  }
  fs::remove(from, failed);
}

/// Of the database that nobody has open.
void copy_store(const DataDirectory& directory, const fs::path& to) {
  Tools tools;
  const auto store = open_store(directory, tools);
  std::optional<bool> good;
  store->backup(to, [&good](bool outcome) { good = outcome; });
  class : public store::StoreListener {
    void on_put(store::Token /*token*/, const store::PutResult& /*result*/) noexcept override {}
    void on_list(store::Token /*token*/, store::ListResult&& /*result*/) noexcept override {}
    void on_remove(store::Token /*token*/, const store::RemoveResult& /*result*/) noexcept override {}
    void on_cancel(store::Token /*token*/, store::CancelStatus /*status*/) noexcept override {}
  } nobody;
  while (!good) {
    pollfd waiting{store->wake_fd(), POLLIN, 0};
    ::poll(&waiting, 1, 1000);
    store->poll(nobody);
  }
  if (!*good) {
    fail(to.string() + ": cannot be written: look for free space and disk errors");
  }
}

ExitCode backup(const Options& options, const std::string& to) {
  want_sqlite(options);
  const DataDirectory directory = directory_of(options);
  const fs::path target = fs::absolute(to);
  NewDirectory made(target);
  const DataDirectory copy(target);
  if (ask_node(directory, "backup")) {
    const NodesCopy nodes_copy(directory.backup());
    move_file(directory.backup(), copy.database());
  } else {
    copy_store(directory, copy.database());
  }
  // Last: a directory with the identity has the mail, too.
  for (const auto& [from, where] : {std::pair(directory.key_file(), copy.key_file()),
                                    std::pair(directory.tox_profile(), copy.tox_profile())}) {
    if (const auto content = read_file(from)) {
      replace_file(where, *content);
    }
  }
  const bool given = give_to_owner(directory.path(), target);
  made.keep();
  std::cout << "toxasyncd: the backup is in " << target.string()
            << ": a data directory of its own; keep it secret"
            << (given ? "" : "; it is root's: `chown` the files when you put them back") << std::endl;
  return ExitCode::ok;
}

ExitCode verify(const Options& options, const std::string& file) {
  Tools tools;
  std::error_code failed;
  if (file.empty()) {
    want_sqlite(options);
  }
  const fs::path path = file.empty() ? directory_of(options).database() : fs::path(file);
  const fs::path database = fs::is_directory(path, failed) ? path / "store.db" : path;
  if (!fs::exists(database, failed)) {
    fail(database.string() + ": there is no such file");
  }
  const auto found = store::SqliteStore::check(database, {}, tools.telemetry, tools.random);
  if (!found) {
    fail(database.string() + ": " + std::string(describe(found.error())));
  }
  for (const std::string& page : found->pages) {
    std::cout << "damaged: " << page << '\n';
  }
  std::cout << "verify messages=" << found->messages << " bytes=" << found->bytes
            << " tombstones=" << found->tombstones << " damaged=" << found->damaged
            << " wrong-quotas=" << found->wrong_quotas << " wrong-totals=" << (found->wrong_totals ? 1 : 0)
            << (found->unreadable ? " unreadable" : "") << (found->good() ? " OK" : " NOT OK") << std::endl;
  return found->good() ? ExitCode::ok : ExitCode::data_directory;
}

ExitCode stats(const Options& options) {
  const DataDirectory directory = directory_of(options);
  if (const auto answer = ask_node(directory, "stats")) {
    std::cout << *answer << std::endl;
    return ExitCode::ok;
  }
  want_sqlite(options);
  Tools tools;
  const store::StoreStats kept = open_store(directory, tools)->stats();
  std::cout << "stats messages=" << kept.messages << " bytes=" << kept.bytes
            << " tombstones=" << kept.tombstones << " (the node is not running)" << std::endl;
  return ExitCode::ok;
}

/// Takes `--to URL` or `--to=URL` out of the arguments; the others are settings.
std::string take_destination(std::vector<const char*>& arguments) {
  constexpr std::string_view name = "--to";
  for (auto at = arguments.begin(); at != arguments.end(); ++at) {
    const std::string_view text = *at;
    if (text == name) {
      const bool given = at + 1 != arguments.end();
      std::string url = given ? at[1] : "";
      arguments.erase(at, at + (given ? 2 : 1));
      return url;
    }
    if (text.starts_with(name) && text.substr(name.size()).starts_with('=')) {
      std::string url(text.substr(name.size() + 1));
      arguments.erase(at);
      return url;
    }
  }
  return {};
}

ExitCode run(const std::string& command, const Options& options, const std::string& operand) {
  if (command == "migrate") {
    migrate(options, operand);
    return ExitCode::ok;
  }
  return command == "backup"   ? backup(options, operand)
         : command == "verify" ? verify(options, operand)
                               : stats(options);
}

}  // namespace

std::optional<ExitCode> run_maintenance(int count, const char* const* arguments) {
  const std::string command = count > 1 ? arguments[1] : "";
  constexpr std::array<std::string_view, 4> commands = {"backup", "verify", "stats", "migrate"};
  if (std::ranges::find(commands, command) == commands.end()) {
    return std::nullopt;
  }
  std::vector<const char*> rest(arguments + 2, arguments + count);
  std::string operand;
  if (command == "migrate") {
    operand = take_destination(rest);
  } else if (command != "stats" && !rest.empty() && !std::string_view(rest.front()).starts_with("--")) {
    operand = rest.front();
    rest.erase(rest.begin());
  }
  if (command == "backup" && operand.empty()) {
    throw StartupError(ExitCode::usage,
                       "backup: name the new directory for it: toxasyncd backup DIRECTORY --data-dir DIR");
  }
  rest.insert(rest.begin(), arguments[0]);
  const auto configuration = parse_command_line(static_cast<int>(rest.size()), rest.data());
  if (!configuration) {
    return ExitCode::ok;  // --help and the like were answered.
  }
  if (!crypto::initialise()) {
    throw StartupError(ExitCode::failure, "libsodium gets no random numbers from the system");
  }
  return run(command, configuration->options(), operand);
}

}  // namespace toxasync::daemon
