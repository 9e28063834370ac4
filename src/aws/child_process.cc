#include "aws/child_process.h"

#include "base/deadline.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <system_error>
#include <thread>
#include <unistd.h>
#include <utility>

extern char** environ;

namespace quarry::aws {

namespace {

using std::chrono::milliseconds;

constexpr std::size_t kProgramsAtOnce = 2;

std::string message_of(int error) { return std::generic_category().message(error); }

class Descriptor {
 public:
  Descriptor() = default;
  explicit Descriptor(int fd) : fd_(fd) {}
  Descriptor(Descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~Descriptor() { close(); }
  void close() {
    if (fd_ >= 0) ::close(std::exchange(fd_, -1));
  }
  int get() const { return fd_; }

 private:
  int fd_ = -1;
};

struct Pipe {
  Descriptor read;
  Descriptor write;
};

Result<Pipe> open_pipe() {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) {
    return fail(Errc::unavailable, "no pipe: " + message_of(errno));
  }
  return Pipe{Descriptor(ends[0]), Descriptor(ends[1])};
}

// posix_spawn's two records, freed with their frame.
class SpawnSettings {
 public:
  SpawnSettings(int out, int err) {
    posix_spawn_file_actions_init(&actions_);
    posix_spawn_file_actions_addopen(&actions_, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&actions_, out, STDOUT_FILENO);
    posix_spawn_file_actions_adddup2(&actions_, err, STDERR_FILENO);
    posix_spawn_file_actions_addclosefrom_np(&actions_, STDERR_FILENO + 1);
    posix_spawnattr_init(&attributes_);
    sigset_t none;
    sigemptyset(&none);
    sigset_t all;
    sigfillset(&all);
    posix_spawnattr_setsigmask(&attributes_, &none);
    posix_spawnattr_setsigdefault(&attributes_, &all);
    posix_spawnattr_setpgroup(&attributes_, 0);  // a group of its own, to be killed as one
    posix_spawnattr_setflags(
        &attributes_, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP);
  }
  ~SpawnSettings() {
    posix_spawn_file_actions_destroy(&actions_);
    posix_spawnattr_destroy(&attributes_);
  }
  SpawnSettings(const SpawnSettings&) = delete;
  SpawnSettings& operator=(const SpawnSettings&) = delete;

  const posix_spawn_file_actions_t* actions() const { return &actions_; }
  const posix_spawnattr_t* attributes() const { return &attributes_; }

 private:
  posix_spawn_file_actions_t actions_{};
  posix_spawnattr_t attributes_{};
};

Result<pid_t> spawn(const std::vector<std::string>& words, const Pipe& out, const Pipe& err) {
  std::vector<char*> arguments;
  for (const std::string& word : words) arguments.push_back(const_cast<char*>(word.c_str()));
  arguments.push_back(nullptr);
  const SpawnSettings settings(out.write.get(), err.write.get());
  pid_t pid = 0;
  const int error = ::posix_spawnp(&pid, arguments[0], settings.actions(), settings.attributes(),
                                   arguments.data(), environ);
  if (error != 0) {
    return fail(error == ENOENT ? Errc::not_found : Errc::forbidden,
                words[0] + ": " + message_of(error));
  }
  return pid;
}

int milliseconds_left(Deadline deadline) {
  const auto left = std::chrono::ceil<milliseconds>(deadline.remaining());
  return static_cast<int>(std::min(left, kStopLatency).count());
}

// False: the other end is closed.
bool take(const Descriptor& from, std::string& to, std::size_t bytes_max) {
  std::array<char, 4096> buffer;
  const ssize_t count = ::read(from.get(), buffer.data(), buffer.size());
  if (count < 0) return errno == EINTR;
  const std::size_t room = bytes_max - std::min(bytes_max, to.size());
  to.append(buffer.data(), std::min(static_cast<std::size_t>(count), room));
  return count > 0;
}

// Until when a program may run.
struct Limit {
  Deadline deadline;
  const std::stop_token& stop;
  bool reached() const { return deadline.expired() || stop.stop_requested(); }
};

// False: the limit came first.
bool read_both(
    Pipe& out, Pipe& err, ProgramOutput& into, std::size_t bytes_max, const Limit& limit) {
  while (out.read.get() >= 0 || err.read.get() >= 0) {
    if (limit.reached()) return false;
    std::array<pollfd, 2> ends{{{out.read.get(), POLLIN, 0}, {err.read.get(), POLLIN, 0}}};
    if (::poll(ends.data(), ends.size(), milliseconds_left(limit.deadline)) <= 0) continue;
    if (ends[0].revents != 0 && !take(out.read, into.out, bytes_max)) out.read.close();
    if (ends[1].revents != 0 && !take(err.read, into.err, bytes_max)) err.read.close();
  }
  return true;
}

// nullopt: it still runs at the limit.
std::optional<int> exit_code(pid_t pid, const Limit& limit) {
  for (int status = 0;;) {
    const pid_t ended = ::waitpid(pid, &status, WNOHANG);
    if (ended == pid) return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    if (ended < 0 && errno != EINTR) return -1;
    if (limit.reached()) return std::nullopt;
    std::this_thread::sleep_for(milliseconds(2));  // it has closed its output: it is ending
  }
}

}  // namespace

Result<ProgramOutput> run_program(const std::vector<std::string>& words,
                                  milliseconds timeout,
                                  std::size_t output_bytes_max,
                                  const std::stop_token& stop) {
  if (words.empty()) return fail(Errc::not_found, "no program is named");
  if (stop.stop_requested()) return fail(Errc::cancelled, words[0] + " was not started: stopping");
  auto out = open_pipe();
  auto err = open_pipe();
  if (!out || !err) return fail(std::move(out ? err.error() : out.error()));
  const auto pid = spawn(words, *out, *err);
  if (!pid) return fail(pid.error());
  out->write.close();
  err->write.close();
  const Limit limit{Deadline::after(timeout), stop};
  ProgramOutput output;
  const bool closed = read_both(*out, *err, output, output_bytes_max, limit);
  const auto code = closed ? exit_code(*pid, limit) : std::nullopt;
  if (!code) {
    ::kill(-*pid, SIGKILL);
    int status = 0;
    while (::waitpid(*pid, &status, 0) < 0 && errno == EINTR) {
    }
    if (stop.stop_requested()) return fail(Errc::cancelled, words[0] + " was killed: stopping");
    return fail(Errc::deadline_exceeded, words[0] + " did not end in time, and was killed");
  }
  output.exit_code = *code;
  return output;
}

ProgramRunner::ProgramRunner() = default;
ProgramRunner::~ProgramRunner() { join(); }

Task<ProgramOutput> ProgramRunner::run(std::vector<std::string> words,
                                       milliseconds timeout,
                                       std::size_t output_bytes_max) {
  // Threads that have ended would never take it up.
  if (stop_.stop_requested()) co_return fail(Errc::cancelled, "no program is started: stopping");
  if (!threads_) threads_.emplace(kProgramsAtOnce);
  co_return co_await run_blocking(*threads_,
                                  [&words, timeout, output_bytes_max, stop = stop_.get_token()] {
                                    return run_program(words, timeout, output_bytes_max, stop);
                                  });
}

void ProgramRunner::stop() { stop_.request_stop(); }

void ProgramRunner::join() {
  stop();
  if (threads_) threads_->join();
}

}  // namespace quarry::aws
