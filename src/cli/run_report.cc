#include "cli/run_report.h"

#include "cli/format.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <string_view>

namespace quarry::cli {
namespace {

constexpr int kQuickLooks = 10;

// POSIX shells: anything but these is quoted.
std::string shell_word(std::string_view text) {
  const bool plain = !text.empty() && std::ranges::all_of(text, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view("-_./:=@%+,").find(c) != std::string_view::npos;
  });
  if (plain) return std::string(text);
  std::string quoted = "'";
  for (const char c : text) {
    if (c == '\'') {
      quoted += "'\\''";
    } else {
      quoted.push_back(c);
    }
  }
  return quoted + "'";
}

}  // namespace

std::filesystem::path default_output(const std::filesystem::path& input) {
  std::filesystem::path output = input;
  if (output.extension() == ".jsonl") output.replace_extension();
  output += ".out.jsonl";
  return output;
}

std::filesystem::path errors_file(const std::filesystem::path& output) {
  std::filesystem::path errors = output;
  if (errors.extension() == ".jsonl") errors.replace_extension();
  errors += ".errors.jsonl";
  return errors;
}

bool RunReport::succeeded() const { return batch.status == "completed" && batch.failed == 0; }

std::string render_report(const RunReport& report) {
  const BatchView& batch = report.batch;
  std::string text = fmt::format("{} completed, {} failed", format_count(batch.completed),
                                 format_count(batch.failed));
  const std::uint64_t seen = batch.completed + batch.failed;
  if (batch.status != "completed") {
    text += fmt::format(", {} not run: the batch {}",
                        format_count(batch.total > seen ? batch.total - seen : 0),
                        batch.status == "cancelled" ? "was cancelled" : batch.status);
  }
  text += "\n";
  if (batch.has_usage) {
    text += fmt::format("tokens:  {} in ({} cached), {} out\n", format_count(batch.input_tokens),
                        format_count(batch.cached_tokens), format_count(batch.output_tokens));
  }
  text += fmt::format("cost:    {}\n",
                      report.cost_usd ? format_usd(*report.cost_usd) : std::string("not known"));
  text += fmt::format("time:    {}\n", format_duration(report.elapsed));
  if (!report.results.empty()) text += fmt::format("results: {}\n", report.results.string());
  if (!report.errors.empty()) {
    text +=
        fmt::format("errors:  {} ({} {})\n", report.errors.string(),
                    format_count(report.error_lines), report.error_lines == 1 ? "line" : "lines");
  }
  return text;
}

std::string render_problems(const BatchView& batch) {
  std::string text;
  for (const BatchProblem& problem : batch.problems) {
    if (problem.line) text += fmt::format("line {}: ", *problem.line);
    text += fmt::format("{}: {}", problem.code, problem.message);
    if (!problem.param.empty()) text += fmt::format(" ({})", problem.param);
    text += "\n";
  }
  return text;
}

std::string resume_hint(const RunOptions& options, const std::string& batch_id) {
  return fmt::format("quarry run --resume {} -o {} --url {}", shell_word(batch_id),
                     shell_word(options.output.string()), shell_word(options.url));
}

std::chrono::milliseconds poll_delay(int looks) {
  if (looks < kQuickLooks) return std::chrono::milliseconds(200);
  const double seconds = std::pow(1.25, std::min(looks - kQuickLooks, 20));
  return std::chrono::milliseconds(static_cast<std::int64_t>(std::min(seconds, 10.0) * 1000));
}

}  // namespace quarry::cli
