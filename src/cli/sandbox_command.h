#pragma once
// `quarry sandbox`: the local AWS alone, for whoever wants to point `aws --endpoint-url` or boto3
// at it.

#include "base/secret.h"
#include "sandbox/sandbox.h"

#include <chrono>
#include <cstdint>
#include <expected>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace quarry::cli {

// What `quarry serve --sandbox` takes too.
struct SandboxTuning {
  std::chrono::milliseconds job_time{3000};  // how long a job takes
  double clock_speed = 1;
  std::optional<std::int64_t> clock_origin;  // Unix seconds; none = the start
  std::filesystem::path faults_file;         // "" = none
  std::filesystem::path account_file;        // "" = the root's keys alone
  std::uint64_t max_jobs_per_model = 20;     // 0 = no limit
  std::uint64_t min_records = 100;
  double records_per_second = 0;  // 0 = no pace
};

struct SandboxOptions {
  std::string host = "127.0.0.1";
  std::uint16_t port = 4566;        // 0 takes a free one
  std::filesystem::path data_dir;   // never empty; made if missing
  std::filesystem::path port_file;  // "" = none
  std::string access_key_id;        // "" = the fixed pair, which is printed at start
  Secret<std::string> secret_access_key;
  std::vector<std::string> buckets;
  SandboxTuning tuning;
};

// Reads the fault script and the account. The error is one sentence.
std::expected<void, std::string> tune(sandbox::Options& sandbox, const SandboxTuning& tuning);

// Runs until SIGTERM or SIGINT. Returns the process's exit code.
int run_sandbox(const SandboxOptions& options);

// What is printed once it answers. The secret key is shown only when it is the fixed one.
std::string sandbox_banner(const SandboxOptions& options, const std::string& url);

}  // namespace quarry::cli
