#include "aws/credential_process.h"

#include "aws/child_process.h"
#include "aws/testing/identity_desk.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <gtest/gtest.h>

#include <array>
#include <cstdlib>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

namespace quarry::aws {
namespace {

using namespace std::chrono_literals;
using quarry::testing::IdentityDesk;
using quarry::testing::run;
using quarry::testing::words;

struct CredentialProcess : ::testing::Test {
  Result<Credentials> get(const std::string& script, std::chrono::milliseconds timeout = 20s) {
    const std::string path = desk.home.write("my script.sh", script);
    return run(run_credential_process(desk.world(), "/bin/sh '" + path + "' \"an argument\" $HOME",
                                      timeout));
  }
  IdentityDesk desk;
};

constexpr const char* kGood =
    R"(echo '{"Version":1,"AccessKeyId":"ASIAP","SecretAccessKey":"s","SessionToken":"t",)"
    R"("Expiration":"2026-01-02T04:00:00Z"}')";

TEST_F(CredentialProcess, GivesWhatTheProgramPrints) {
  const auto got = get(kGood);
  EXPECT_EQ(words(got), "ASIAP s t");
  EXPECT_EQ(got->expires_at, parse_timestamp("2026-01-02T04:00:00Z"));
}

TEST_F(CredentialProcess, NoShellReadsTheCommandLine) {
  const auto got =
      get(R"(printf '{"Version":1,"AccessKeyId":"%s","SecretAccessKey":"%s"}' "$1" "$2")");
  EXPECT_EQ(words(got), "an argument $HOME ");
}

TEST_F(CredentialProcess, AFailureHasItsErrorsWordsAndNothingOfWhatItPrinted) {
  const auto got = get("echo printedsecret; printf 'sign in\\nfirst' >&2; exit 3");
  EXPECT_EQ(words(got), "error: credential_process /bin/sh ended with exit code 3: sign in first");
}

TEST_F(CredentialProcess, WhatIsNoCredentialsIsSaidWithoutShowingIt) {
  EXPECT_EQ(words(get("echo printedsecret")),
            "error: credential_process /bin/sh printed no credentials: not a JSON object");
  EXPECT_EQ(words(get(R"(echo '{"Version":2,"AccessKeyId":"a","SecretAccessKey":"b"}')")),
            "error: credential_process /bin/sh printed no credentials: its Version is not 1");
  EXPECT_EQ(words(get(R"(echo '{"Version":1,"AccessKeyId":"a"}')")),
            "error: credential_process /bin/sh printed no credentials: no SecretAccessKey in it");
}

TEST_F(CredentialProcess, OneThatDoesNotEndIsKilledWithItsChildren) {
  // Both keep the output open; the child would outlive its parent.
  const auto got = get("sleep 1000 & echo $! > '" + desk.home.path("child") + "'; wait", 300ms);
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().code(), Errc::deadline_exceeded);
  EXPECT_EQ(got.error().message(),
            "credential_process: /bin/sh did not end in time, and was killed");
}

// A program that hangs, begun by `get`; when it runs, and a thread of the pool for files has seen
// that, `stop` is called. What came of it.
template <class Get, class Stop>
Result<Credentials> stopped(IdentityDesk& desk, Get get, Stop stop) {
  boost::asio::io_context io;
  std::optional<Result<Credentials>> out;
  boost::asio::co_spawn(io, get(), [&](const std::exception_ptr& thrown, Result<Credentials> got) {
    EXPECT_FALSE(thrown);
    out.emplace(std::move(got));
  });
  const auto read_line = [path = desk.home.path("pipe")] {
    const int fd = ::open(path.c_str(), O_RDWR | O_CLOEXEC);  // so it waits for no writer
    pollfd pipe{fd, POLLIN, 0};
    std::array<char, 32> line{};
    if (::poll(&pipe, 1, 20'000) == 1) EXPECT_GT(::read(fd, line.data(), line.size() - 1), 0);
    ::close(fd);
    return std::string(line.data());
  };
  pid_t pid = 0;
  boost::asio::co_spawn(io, run_blocking(desk.pool, read_line),
                        [&](const std::exception_ptr&, const std::string& line) {
                          pid = std::atoi(line.c_str());
                          EXPECT_GT(pid, 0) << "the program did not run";
                          EXPECT_EQ(::kill(pid, 0), 0);
                          stop();
                        });
  const auto begun = std::chrono::steady_clock::now();
  io.run();
  EXPECT_LT(std::chrono::steady_clock::now() - begun, 15s);
  EXPECT_TRUE(pid > 0 && ::kill(pid, 0) == -1);  // it is gone
  return std::move(*out);
}

struct HangingProcess : ::testing::Test {
  HangingProcess() { EXPECT_EQ(::mkfifo(desk.home.path("pipe").c_str(), 0600), 0); }
  IdentityDesk desk;
  const std::string command =
      "/bin/sh '" +
      desk.home.write("hang.sh", "echo $$ > '" + desk.home.path("pipe") + "'; sleep 1000 & wait") +
      "'";
};

TEST_F(HangingProcess, TakesNoThreadFromOthersAndIsKilledWhenQuarryStops) {
  const auto got = stopped(
      desk, [this] { return run_credential_process(desk.world(), command, 30s); },
      [this] { desk.programs->stop(); });
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().code(), Errc::cancelled);
  EXPECT_EQ(got.error().message(), "credential_process: /bin/sh was killed: stopping");
  EXPECT_EQ(run(run_credential_process(desk.world(), "/bin/true")).error().code(), Errc::cancelled);
}

TEST_F(HangingProcess, IsKilledWithTheResolverThatAskedIt) {
  desk.config("[default]\ncredential_process = " + command + "\n");
  auto resolver = std::make_unique<CredentialResolver>(desk.world());
  const auto provider = resolver->resolve({}, "us-east-1");
  const auto got =
      stopped(desk, [&] { return provider->get(Deadline::after(40s)); }, [&] { resolver.reset(); });
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().code(), Errc::cancelled);
}

TEST_F(CredentialProcess, AProgramThatIsNotThereIsNamed) {
  const auto got = run(run_credential_process(desk.world(), "/none/such a"));
  EXPECT_EQ(words(got), "error: credential_process: /none/such: No such file or directory");
  EXPECT_EQ(words(run(run_credential_process(desk.world(), "'"))),
            "error: credential_process: a quote is not closed");
  EXPECT_EQ(words(run(run_credential_process(desk.world(), " "))),
            "error: credential_process: it is empty");
}

TEST(ChildProcess, KeepsNoMoreThanTheBoundOfWhatIsWritten) {
  const auto got =
      run_program({"/bin/sh", "-c", "head -c 300000 /dev/zero; echo x >&2"}, 20s, 1000);
  ASSERT_TRUE(got) << got.error().message();
  EXPECT_EQ(got->out, std::string(1000, '\0'));
  EXPECT_EQ(got->err, "x\n");
  EXPECT_EQ(got->exit_code, 0);
}

TEST(ChildProcess, HasNothingToReadAndNoDescriptorOfOurs) {
  const int ours = ::dup(0);
  const auto got = run_program(
      {"/bin/sh", "-c", "cat; test -e /proc/self/fd/" + std::to_string(ours) + " || echo none"},
      20s, 1000);
  ::close(ours);
  ASSERT_TRUE(got) << got.error().message();
  EXPECT_EQ(got->out, "none\n");
}

TEST(ChildProcess, ASignalIsAnExitCodeToo) {
  const auto got = run_program({"/bin/sh", "-c", "kill -9 $$"}, 20s, 1000);
  ASSERT_TRUE(got) << got.error().message();
  EXPECT_EQ(got->exit_code, 128 + 9);
}

}  // namespace
}  // namespace quarry::aws
