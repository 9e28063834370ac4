#include "cli/api_client.h"

#include "base/bytes.h"
#include "base/ids.h"
#include "cli/upload_form.h"

#include <boost/json.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>
#include <system_error>

namespace quarry::cli {
namespace {

constexpr std::chrono::seconds kCallTime{60};
// Data moves as fast as it moves; a lost peer is noticed by the connection, not by this.
constexpr std::chrono::hours kTransferTime{7 * 24};
constexpr int kTriesOfAStranger = 3;
constexpr std::chrono::minutes kOutageMax{10};
constexpr int kDownloadTries = 4;
constexpr int kCreateTries = 5;

struct CloseFile {
  void operator()(std::FILE* file) const { std::fclose(file); }
};
using File = std::unique_ptr<std::FILE, CloseFile>;

Error file_error(std::string_view doing, const std::filesystem::path& path) {
  return Error(Errc::internal,
               fmt::format("{} {}: {}", doing, path.string(), std::strerror(errno)));
}

bool succeeded(const http::ClientResponse& answer) {
  return answer.status >= 200 && answer.status < 300;
}

// The error that an attempt ended with, if it did.
std::optional<Error> failure_of(const Result<http::ClientResponse>& answer) {
  if (!answer) return answer.error();
  if (!succeeded(*answer)) return error_of_answer(answer->status, answer->body);
  return std::nullopt;
}

Result<std::string> id_of(const std::string& body, std::string_view what) {
  boost::system::error_code failed;
  const boost::json::value value = boost::json::parse(body, failed);
  if (!failed && value.is_object()) {
    const auto* id = value.get_object().if_contains("id");
    if (id && id->is_string()) return std::string(id->get_string());
  }
  return fail(
      Errc::upstream,
      fmt::format("the server's answer is no {} object\nhint: is --url a Quarry or OpenAI server?",
                  what));
}

}  // namespace

ApiClient::ApiClient(http::Client& http,
                     BaseUrls urls,
                     Secret<std::string> api_key,
                     OnRetry on_retry)
    : http_(http),
      urls_(std::move(urls)),
      api_key_(std::move(api_key)),
      on_retry_(std::move(on_retry)) {}

http::ClientRequest ApiClient::request(std::string method, std::string url) const {
  http::ClientRequest made;
  made.method = std::move(method);
  made.url = std::move(url);
  if (!api_key_.reveal().empty()) made.headers.set("Authorization", "Bearer " + api_key_.reveal());
  return made;
}

Task<std::string> ApiClient::upload(std::filesystem::path file,
                                    std::string model,
                                    std::atomic<std::uint64_t>& sent) {
  const File in(std::fopen(file.c_str(), "rb"));
  if (!in) co_return fail(file_error("opening", file));
  std::error_code failed;
  const std::uint64_t bytes = std::filesystem::file_size(file, failed);
  if (failed)
    co_return fail(Errc::internal, fmt::format("{}: {}", file.string(), failed.message()));

  UploadForm form{
      .fields = {{"purpose", "batch"}}, .file_name = file.filename().string(), .file_bytes = bytes};
  if (!model.empty()) form.fields.emplace_back("target_model_names", model);
  UploadBody body(form, "quarry-" + random_hex128(), [&in](std::span<std::byte> to) {
    return std::fread(to.data(), 1, to.size(), in.get());
  });

  http::ClientRequest made = request("POST", urls_.api + "/files");
  made.headers.set("Content-Type", body.content_type());
  made.body_size = body.size();
  made.body_source = [&body, &sent](std::span<std::byte> to) {
    const std::size_t count = body.read(to);
    sent.store(body.file_bytes_read(), std::memory_order_relaxed);
    return count;
  };
  const auto answer = co_await http_.send(std::move(made), Deadline::after(kTransferTime));
  if (auto error = failure_of(answer)) co_return fail(*std::move(error));
  server_seen_ = true;
  co_return id_of(answer->body, "file");
}

Task<BatchView> ApiClient::create_batch(std::string file_id, std::string endpoint) {
  const std::string text = boost::json::serialize(boost::json::object{{"input_file_id", file_id},
                                                                      {"endpoint", endpoint},
                                                                      {"completion_window", "24h"},
                                                                      {"metadata", nullptr}});
  // The server knows a repeated creation by this: a lost answer makes no second batch.
  const std::string key = "quarry-run-" + random_hex128();
  for (int failures = 1;; ++failures) {
    http::ClientRequest made = request("POST", urls_.api + "/batches");
    made.headers.set("Content-Type", "application/json");
    made.headers.set("Idempotency-Key", key);
    made.body = std::as_bytes(std::span(text));
    const auto answer = co_await http_.send(std::move(made), Deadline::after(kCallTime));
    const auto error = failure_of(answer);
    if (!error) co_return parse_batch(answer->body);
    if (!retryable(error->code()) || failures >= kCreateTries) co_return fail(*error);
    on_retry_(*error);
    co_await sleep_for(retry_delay(failures, answer ? answer->headers : http::Headers()));
  }
}

std::optional<std::chrono::milliseconds> ApiClient::patience(
    const Error& error,
    int failures,
    std::chrono::steady_clock::time_point since,
    const http::Headers& answer) const {
  if (!retryable(error.code())) return std::nullopt;
  const bool give_up = server_seen_ ? std::chrono::steady_clock::now() - since > kOutageMax
                                    : failures >= kTriesOfAStranger;
  if (give_up) return std::nullopt;
  return retry_delay(failures, answer);
}

Task<http::ClientResponse> ApiClient::get(std::string url) {
  const auto since = std::chrono::steady_clock::now();
  for (int failures = 1;; ++failures) {
    auto answer = co_await http_.send(request("GET", url), Deadline::after(kCallTime));
    const auto error = failure_of(answer);
    if (!error) {
      server_seen_ = true;
      co_return answer;
    }
    const auto delay =
        patience(*error, failures, since, answer ? answer->headers : http::Headers());
    if (!delay) co_return fail(*error);
    on_retry_(*error);
    co_await sleep_for(*delay);
  }
}

Task<BatchView> ApiClient::batch(std::string id) {
  const auto answer = co_await get(urls_.api + "/batches/" + percent_encode(id, false));
  if (!answer) co_return fail(answer.error());
  co_return parse_batch(answer->body);
}

Task<std::uint64_t> ApiClient::download_once(std::string file_id,
                                             std::filesystem::path to,
                                             std::atomic<std::uint64_t>& received) {
  // A regular file is replaced as a whole, where a link leads too; anything else (/dev/stdout, a
  // pipe) is written to.
  std::error_code absent;
  const bool special =
      std::filesystem::exists(to, absent) && !std::filesystem::is_regular_file(to, absent);
  if (std::filesystem::is_symlink(to, absent) && !special)
    to = std::filesystem::weakly_canonical(to, absent);
  std::filesystem::path beside = to;
  if (!special) beside += ".part";
  File out(std::fopen(beside.c_str(), "wb"));
  if (!out) co_return fail(file_error("writing", beside));

  std::uint64_t lines = 0;
  bool full = true;  // false: the disk took less than it was given
  received.store(0, std::memory_order_relaxed);
  http::ClientRequest made =
      request("GET", urls_.api + "/files/" + percent_encode(file_id, false) + "/content");
  made.response_sink = [&](std::span<const std::byte> bytes) {
    full = std::fwrite(bytes.data(), 1, bytes.size(), out.get()) == bytes.size();
    lines += static_cast<std::uint64_t>(std::ranges::count(bytes, std::byte{'\n'}));
    received.fetch_add(bytes.size(), std::memory_order_relaxed);
    return full;
  };
  const auto answer = co_await http_.send(std::move(made), Deadline::after(kTransferTime));
  if (!full) co_return fail(file_error("writing", beside));
  if (auto error = failure_of(answer)) co_return fail(*std::move(error));
  if (std::fclose(out.release()) != 0) co_return fail(file_error("writing", beside));
  if (special) co_return lines;
  std::error_code failed;
  std::filesystem::rename(beside, to, failed);
  if (failed) co_return fail(Errc::internal, fmt::format("{}: {}", to.string(), failed.message()));
  co_return lines;
}

Task<std::uint64_t> ApiClient::download(std::string file_id,
                                        std::filesystem::path to,
                                        std::atomic<std::uint64_t>& received) {
  for (int failures = 1;; ++failures) {
    auto lines = co_await download_once(file_id, to, received);
    if (lines || !retryable(lines.error().code()) || failures >= kDownloadTries) co_return lines;
    on_retry_(lines.error());
    co_await sleep_for(retry_delay(failures, {}));
  }
}

Task<std::optional<double>> ApiClient::cost(std::string batch_id) {
  // A server that is not Quarry has no such page: that is no reason to wait.
  const auto answer =
      co_await http_.send(request("GET", fmt::format("{}/spend/logs?request_id={}_batch_cost",
                                                     urls_.root, percent_encode(batch_id, false))),
                          Deadline::after(kCallTime));
  if (failure_of(answer)) co_return std::nullopt;
  co_return parse_spend(answer->body);
}

Task<std::string> ApiClient::administer(std::string method, std::string path, std::string body) {
  http::ClientRequest made = request(std::move(method), urls_.root + path);
  if (!body.empty()) {
    made.headers.set("Content-Type", "application/json");
    made.body = std::as_bytes(std::span(body));
  }
  auto answer = co_await http_.send(std::move(made), Deadline::after(kCallTime));
  if (auto error = failure_of(answer)) co_return fail(*std::move(error));
  co_return std::move(answer->body);
}

}  // namespace quarry::cli
