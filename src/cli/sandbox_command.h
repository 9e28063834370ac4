#pragma once
// `quarry sandbox`: the local AWS alone, for whoever wants to point `aws --endpoint-url` or boto3
// at it.

#include "base/secret.h"

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace quarry::cli {

struct SandboxOptions {
  std::string host = "127.0.0.1";
  std::uint16_t port = 4566;        // 0 takes a free one
  std::filesystem::path data_dir;   // never empty; made if missing
  std::filesystem::path port_file;  // "" = none
  std::string access_key_id;        // "" = the fixed pair, which is printed at start
  Secret<std::string> secret_access_key;
  std::chrono::milliseconds job_time{3000};
  std::vector<std::string> buckets;
};

// Runs until SIGTERM or SIGINT. Returns the process's exit code.
int run_sandbox(const SandboxOptions& options);

// What is printed once it answers. The secret key is shown only when it is the fixed one.
std::string sandbox_banner(const SandboxOptions& options, const std::string& url);

}  // namespace quarry::cli
