#pragma once
// A program for tests alone: it lets Python call what Quarry signs, sends and reads, so that
// another implementation of AWS's protocols can be asked the same.

#include "base/blocking_pool.h"
#include "base/clock.h"
#include "base/result.h"
#include "base/task.h"
#include "config/settings.h"
#include "http/client.h"

#include <boost/asio/io_context.hpp>
#include <boost/json.hpp>

#include <functional>
#include <memory>
#include <string>
#include <string_view>

namespace quarry::probe {

// What a client of AWS needs around it.
struct World {
  World();

  boost::asio::io_context io{1};
  SystemClock clock;
  BlockingPool pool{2};
  config::Environment environment;
  std::unique_ptr<http::Client> client;
};

// Answers one line of standard input. What it throws is the answer too.
using Answer = std::function<Awaitable<boost::json::object>(std::string line)>;
// Each line's answer is one line of JSON on standard output, in the order in which they are ready.
// "<line> *N" asks N times at once. Ends when standard input does and all is answered.
int answer_lines(World& world, const Answer& answer);

// {"error": message, "code": Errc's name, "reason": AWS's}
boost::json::object to_object(const Error& error);
void print(const boost::json::object& line);

// The sub-commands; the exit code.
int sign();
int credentials(const std::string& config_file);
struct BedrockOptions {
  std::string endpoint;
  std::string region = "us-east-1";
  std::string api_key;  // "" = signed with AWS_ACCESS_KEY_ID
};
int bedrock(const BedrockOptions& options);

}  // namespace quarry::probe
