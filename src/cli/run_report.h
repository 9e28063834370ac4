#pragma once
// What `quarry run` says at its end, and the words it shares with its errors. Pure.

#include "cli/api_client.h"
#include "cli/run_command.h"

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

namespace quarry::cli {

struct RunReport {
  BatchView batch;
  std::filesystem::path results;  // "" = there are none
  std::filesystem::path errors;
  std::uint64_t error_lines = 0;
  std::optional<double> cost_usd;
  std::chrono::milliseconds elapsed{0};

  // Completed, and every line of it.
  bool succeeded() const;
};

// Several lines, for stdout; the first is "500 completed, 0 failed".
std::string render_report(const RunReport& report);
// The errors of a failed batch, a line each: "line 3: invalid_url: The URL … (url)". "" when none.
std::string render_problems(const BatchView& batch);
// "quarry run --resume batch_… -o out.jsonl --url …", ready for a shell. No key in it.
std::string resume_hint(const RunOptions& options, const std::string& batch_id);

// The wait before the next look at a batch, after `looks` looks: 200 ms for two seconds, then a
// second that grows to ten.
std::chrono::milliseconds poll_delay(int looks);

}  // namespace quarry::cli
