#include "probes/aws_probe.h"

#include "aws/sigv4.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>

#include <charconv>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <iostream>
#include <map>
#include <thread>
#include <utility>

namespace quarry::probe {

namespace asio = boost::asio;
namespace json = boost::json;

namespace {

constexpr std::chrono::seconds kLooseEndsTime{3};

std::string text(const json::object& from, std::string_view name) {
  return std::string(std::string_view(from.at(name).as_string()));
}

http::ClientOptions client_options(const config::Environment& environment) {
  http::ClientOptions options;
  options.ca_bundle = environment("AWS_CA_BUNDLE").value_or("");
  return options;
}

// "get *8" -> "get", 8
std::pair<std::string, int> repeated(const std::string& line) {
  const std::size_t star = line.rfind(" *");
  if (star == std::string::npos) return {line, 1};
  int times = 0;
  const char* end = line.data() + line.size();
  const auto [stop, failed] = std::from_chars(line.data() + star + 2, end, times);
  if (failed != std::errc() || stop != end) return {line, 1};
  return {line.substr(0, star), times};
}

Awaitable<void> answer_one(const Answer& answer, std::string line) {
  try {
    print(co_await answer(std::move(line)));
  } catch (const std::exception& error) {
    print({{"error", error.what()}, {"code", "exception"}, {"reason", ""}});
  }
}

json::object signed_line(const json::object& line) {
  aws::UnsignedRequest request{.method = text(line, "method"),
                               .path = text(line, "path"),
                               .query = text(line, "query"),
                               .headers = {},
                               .payload_sha256 = text(line, "payload_sha256")};
  for (const json::value& field : line.at("headers").as_array()) {
    const json::array& pair = field.as_array();
    request.headers.add(std::string(std::string_view(pair.at(0).as_string())),
                        std::string(std::string_view(pair.at(1).as_string())));
  }
  const aws::Credentials credentials{text(line, "access_key_id"),
                                     Secret<std::string>(text(line, "secret_access_key")),
                                     Secret<std::string>(text(line, "session_token")),
                                     std::nullopt,
                                     "test",
                                     {}};
  const bool as_is = text(line, "path_rule") == "as_is";
  const aws::SigningScope scope{text(line, "region"), text(line, "service"),
                                as_is ? aws::PathRule::as_is : aws::PathRule::encode_again};
  const SysTime now{std::chrono::seconds(line.at("now").as_int64())};
  const aws::Signature got = aws::sign(request, credentials, scope, now);
  json::array headers;
  for (const auto& [name, value] : request.headers.fields()) {
    headers.push_back(json::array{name, value});
  }
  return {{"authorization", request.headers.get("Authorization").value_or("")},
          {"canonical_request", got.canonical_request},
          {"string_to_sign", got.string_to_sign},
          {"headers", std::move(headers)}};
}

}  // namespace

World::World()
    : environment(config::process_environment()),
      client(http::make_client(io, client_options(environment))) {}

void print(const json::object& line) {
  // Not std::cout, which another thread's reading of std::cin would flush in the middle of this.
  std::puts(json::serialize(line).c_str());
  std::fflush(stdout);
}

json::object to_object(const Error& error) {
  return {{"error", error.message()}, {"code", name(error.code())}, {"reason", error.reason()}};
}

int answer_lines(World& world, const Answer& answer) {
  auto guard = asio::make_work_guard(world.io);
  int running = 0;
  bool ended = false;
  const auto one_done = [&](const std::exception_ptr& failure) {
    if (failure) std::rethrow_exception(failure);
    --running;
  };
  std::jthread reader([&] {
    for (std::string line; std::getline(std::cin, line);) {
      asio::post(world.io, [&, line] {
        const auto [words, times] = repeated(line);
        for (int i = 0; i < times; ++i) {
          ++running;
          asio::co_spawn(world.io, answer_one(answer, words), one_done);
        }
      });
    }
    asio::post(world.io, [&] { ended = true; });
  });
  while (!ended || running > 0) world.io.run_one();
  guard.reset();
  world.io.run_for(kLooseEndsTime);  // what refreshes in the background, say
  world.pool.join();
  if (!world.io.stopped()) {
    std::fprintf(stderr, "aws_probe: something did not end in time\n");
    std::_Exit(1);
  }
  return 0;
}

int sign() {
  for (std::string line; std::getline(std::cin, line);) {
    print(signed_line(json::parse(line).as_object()));
  }
  return 0;
}

}  // namespace quarry::probe

namespace {

constexpr const char* kUsage =
    "usage: aws_probe sign\n"
    "       aws_probe credentials --config FILE\n"
    "       aws_probe bedrock --endpoint URL [--region REGION] [--api-key KEY]\n"
    "each reads lines from standard input and answers each with one of JSON\n";

int run(const std::string& command, std::map<std::string, std::string> options) {
  namespace probe = quarry::probe;
  if (command == "sign") return probe::sign();
  if (command == "credentials") return probe::credentials(options["--config"]);
  if (command == "bedrock") {
    probe::BedrockOptions bedrock{
        .endpoint = options["--endpoint"], .region = "us-east-1", .api_key = options["--api-key"]};
    if (options.contains("--region")) bedrock.region = options["--region"];
    return probe::bedrock(bedrock);
  }
  std::fputs(kUsage, stderr);
  return 2;
}

}  // namespace

int main(int argc, char** argv) {
  std::ios::sync_with_stdio(false);
  std::map<std::string, std::string> options;
  for (int i = 2; i + 1 < argc; i += 2) options[argv[i]] = argv[i + 1];
  try {
    return run(argc > 1 ? argv[1] : "", std::move(options));
  } catch (const std::exception& error) {
    std::fprintf(stderr, "aws_probe: %s\n", error.what());
    return 1;
  }
}
