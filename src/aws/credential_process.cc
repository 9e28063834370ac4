#include "aws/credential_process.h"

#include "aws/child_process.h"
#include "aws/credential_document.h"
#include "aws/profile_file.h"

#include <boost/json.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace quarry::aws {

namespace {

constexpr std::size_t kOutputBytesMax = 64 * 1024;
constexpr std::size_t kWordsOfErrorMax = 400;

// The end of what it wrote, where the reason stands, on one line.
std::string words_of(std::string text) {
  std::ranges::replace_if(text, [](char c) { return c >= 0 && c < ' '; }, ' ');
  text.erase(0, std::min(text.size(), text.find_first_not_of(' ')));
  text.erase(text.find_last_not_of(' ') + 1);
  if (text.size() > kWordsOfErrorMax) text = "…" + text.substr(text.size() - kWordsOfErrorMax);
  return text.empty() ? "it gave no reason" : text;
}

}  // namespace

Result<Credentials> parse_process_output(std::string_view json) {
  boost::system::error_code broken;
  const boost::json::value parsed = boost::json::parse(json, broken);
  if (broken || !parsed.is_object()) return fail(Errc::corrupt, "not a JSON object");
  const boost::json::value* version = parsed.get_object().if_contains("Version");
  if (!version || !version->is_int64() || version->get_int64() != 1) {
    return fail(Errc::corrupt, "its Version is not 1");
  }
  return parse_credentials_document(json, "SessionToken");
}

Task<Credentials> run_credential_process(IdentityWorld world,
                                         std::string command_line,
                                         std::chrono::milliseconds timeout) {
  const auto words = split_words(command_line);
  if (!words || words->empty()) {
    co_return fail(Errc::forbidden,
                   "credential_process: " + (words ? "it is empty" : words.error().message()));
  }
  const std::string name = "credential_process " + words->front();
  const auto programs = world.programs;  // its threads outlast what waits for them
  if (!programs) co_return fail(Errc::internal, "credential_process: nobody runs programs here");
  auto output = co_await programs->run(*words, timeout, kOutputBytesMax);
  if (!output) {
    const Error& error = output.error();
    const bool unfinished =
        error.code() == Errc::deadline_exceeded || error.code() == Errc::cancelled;
    co_return fail(unfinished ? error.code() : Errc::forbidden,
                   "credential_process: " + error.message());
  }
  if (output->exit_code != 0) {
    co_return fail(Errc::forbidden, fmt::format("{} ended with exit code {}: {}", name,
                                                output->exit_code, words_of(output->err)));
  }
  auto got = parse_process_output(output->out);
  if (!got) {
    co_return fail(Errc::forbidden, name + " printed no credentials: " + got.error().message());
  }
  co_return got;
}

}  // namespace quarry::aws
