#pragma once
// The few calls of OpenAI's Files and Batch APIs that `quarry run` makes, the cost from
// /spend/logs, and what `quarry keys` asks for. Retries as OpenAI's SDKs do, on 408, 429, 5xx and
// lost connections: reads, and the creation of a batch, under an idempotency key. An upload is sent
// once.

#include "base/secret.h"
#include "base/task.h"
#include "http/client.h"

#include <atomic>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace quarry::cli {

struct BatchProblem {
  std::string code;
  std::string message;
  std::string param;                 // "" when none
  std::optional<std::int64_t> line;  // 1-based
};

struct BatchView {
  std::string id;
  std::string status;
  std::uint64_t total = 0;
  std::uint64_t completed = 0;
  std::uint64_t failed = 0;
  std::string output_file_id;  // "" when none
  std::string error_file_id;
  std::int64_t created_at = 0;  // Unix seconds
  std::uint64_t input_tokens = 0;
  std::uint64_t cached_tokens = 0;
  std::uint64_t output_tokens = 0;
  bool has_usage = false;
  std::vector<BatchProblem> problems;

  // completed, failed, expired or cancelled.
  bool ended() const;
};

// Unknown and missing members are no errors; an answer without id and status is (upstream).
Result<BatchView> parse_batch(std::string_view json);

// The error of a non-2xx answer: OpenAI's envelope where there is one. `hint:` where the user can
// act.
Error error_of_answer(int status, std::string_view body);

// The sum of `spend` over the rows of GET /spend/logs; nullopt if there are none.
std::optional<double> parse_spend(std::string_view json);

// Where the API is and where the server's own pages are: "http://h:1" and "http://h:1/v1" both give
// {"http://h:1/v1", "http://h:1"}; another path ("/openai/v1") stays.
struct BaseUrls {
  std::string api;
  std::string root;
};
BaseUrls base_urls(std::string_view url);

// How long to wait before trying again, with what the server asked for (Retry-After), at most 60 s.
std::chrono::milliseconds retry_delay(int failures, const http::Headers& answer);

class ApiClient {
 public:
  // Told on the loop while a call is being retried.
  using OnRetry = std::function<void(const Error& error)>;

  ApiClient(http::Client& http, BaseUrls urls, Secret<std::string> api_key, OnRetry on_retry);

  // sent: counts the file's bytes as they go, written on the HTTP client's thread; outlives the
  // call. Returns the file's id.
  Task<std::string> upload(std::filesystem::path file,
                           std::string model,
                           std::atomic<std::uint64_t>& sent);
  Task<BatchView> create_batch(std::string file_id, std::string endpoint);
  Task<BatchView> batch(std::string id);
  // Streams into a file beside `to`, then renames. received: as `sent`. Returns the count of lines.
  Task<std::uint64_t> download(std::string file_id,
                               std::filesystem::path to,
                               std::atomic<std::uint64_t>& received);
  // USD; nullopt where the server does not say.
  Task<std::optional<double>> cost(std::string batch_id);
  // One call of the server's own pages, sent once; path: with its query. body: JSON, "" = none.
  // Gives the answer's body.
  Task<std::string> administer(std::string method, std::string path, std::string body);

 private:
  http::ClientRequest request(std::string method, std::string url) const;
  // With retries; a status that is not 2xx is an Error.
  Task<http::ClientResponse> get(std::string url);
  Task<std::uint64_t> download_once(std::string file_id,
                                    std::filesystem::path to,
                                    std::atomic<std::uint64_t>& received);
  // Whether, and how long, to wait after the n-th failure in a row that began at `since`.
  std::optional<std::chrono::milliseconds> patience(const Error& error,
                                                    int failures,
                                                    std::chrono::steady_clock::time_point since,
                                                    const http::Headers& answer) const;

  http::Client& http_;
  BaseUrls urls_;
  Secret<std::string> api_key_;
  OnRetry on_retry_;
  bool server_seen_ = false;  // it has answered well once: then an outage is waited out
};

}  // namespace quarry::cli
