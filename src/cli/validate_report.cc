#include "cli/validate_report.h"

#include "cli/format.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

namespace quarry::cli {
namespace {

constexpr std::size_t kJobsShown = 50;

using Row = std::vector<std::string>;

// Columns in a line; those of numbers (from `first_number` on) are aligned to the right.
std::string table(const std::vector<Row>& rows, std::size_t first_number) {
  std::vector<std::size_t> widths(rows.front().size());
  for (const Row& row : rows) {
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
  }
  std::string text;
  for (const Row& row : rows) {
    std::string line;
    for (std::size_t i = 0; i < row.size(); ++i) {
      line += i < first_number ? fmt::format("{:<{}}  ", row[i], widths[i])
                               : fmt::format("{:>{}}  ", row[i], widths[i]);
    }
    line.erase(line.find_last_not_of(' ') + 1);
    text += line + "\n";
  }
  return text;
}

std::string count(std::int64_t value) {
  return format_count(static_cast<std::uint64_t>(std::max<std::int64_t>(value, 0)));
}

std::string count_or(const std::optional<std::int64_t>& value, const char* otherwise) {
  return value ? count(*value) : otherwise;
}

std::string usd_or(const std::optional<std::int64_t>& nano_usd, const char* otherwise) {
  return nano_usd ? format_usd(static_cast<double>(*nano_usd) / 1e9) : otherwise;
}

std::string or_dash(const std::string& text) { return text.empty() ? "-" : text; }

// The same with what is not printable escaped, so that a file cannot speak to the terminal.
std::string printable(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7f) {
      out += fmt::format("\\x{:02x}", byte);
    } else {
      out += c;
    }
  }
  return out;
}

std::string plural(std::int64_t n, std::string_view one, std::string_view many) {
  return fmt::format("{} {}", count(n), n == 1 ? one : many);
}

std::string models_table(const openai::DryRun& run) {
  std::vector<Row> rows{{"MODEL", "LINES", "REFUSED"}};
  for (const openai::DryRunModel& model : run.models) {
    rows.push_back({printable(model.model) + (model.known ? "" : " (not known)"),
                    count(model.lines), count(model.refused)});
  }
  return table(rows, 1);
}

std::string jobs_table(const openai::DryRun& run) {
  std::vector<Row> rows{{"JOB", "MODEL", "RUNS", "BEDROCK MODEL", "REGION", "BUCKET", "RECORDS",
                         "BYTES", "INPUT TOKENS", "OUTPUT AT MOST", "COST AT MOST"}};
  for (const openai::DryRunJob& job : run.jobs) {
    if (rows.size() > kJobsShown) break;
    rows.push_back({std::to_string(rows.size()), printable(job.model),
                    job.on_demand ? "on demand" : "as a job", job.model_id, or_dash(job.region),
                    or_dash(job.bucket), count(job.records),
                    format_bytes(static_cast<std::uint64_t>(job.bytes)),
                    count(job.estimate.input_tokens),
                    count_or(job.estimate.output_tokens_max, "no limit"),
                    usd_or(job.estimate.cost_nano_usd, "not known")});
  }
  std::string text = table(rows, 6);
  if (run.jobs.size() > kJobsShown) {
    text += fmt::format("… and {} more; --json has all\n", run.jobs.size() - kJobsShown);
  }
  return text;
}

std::string estimate_text(const openai::DryRun& run) {
  const openai::DryRunEstimate& estimate = run.estimate;
  std::string text =
      fmt::format("estimate: about {} input tokens, at most {} output tokens\n",
                  count(estimate.input_tokens), count_or(estimate.output_tokens_max, "?"));
  text += fmt::format(
      "cost:     {} for the input, at most {} with the output; all on demand: at most {}\n",
      usd_or(estimate.input_cost_nano_usd, "not known"),
      usd_or(estimate.cost_nano_usd, "not known"),
      usd_or(estimate.on_demand_cost_nano_usd, "not known"));
  if (!run.unpriced.empty()) {
    text += fmt::format("          without {}, whose price is not known\n",
                        printable(fmt::format("{}", fmt::join(run.unpriced, ", "))));
  }
  if (!run.unbounded.empty()) {
    text += fmt::format("          without the output of {}, which nothing limits\n",
                        printable(fmt::format("{}", fmt::join(run.unbounded, ", "))));
  }
  return text;
}

}  // namespace

std::string render_finding(const openai::DryRunFinding& finding) {
  std::string text = finding.line ? fmt::format("line {}: ", *finding.line) : "batch: ";
  text += finding.code;
  if (!finding.param.empty()) text += (finding.code.empty() ? "" : " ") + printable(finding.param);
  std::string_view message = finding.message;
  if (const std::string place = finding.param + ": "; message.starts_with(place)) {
    message.remove_prefix(place.size());  // it is before the message already
  }
  return text + ": " + printable(message) + "\n";
}

std::string render_validation(const openai::DryRun& run, const std::string& file_name) {
  std::string text =
      fmt::format("{}: {}, {}, for {}\n", printable(file_name), plural(run.lines, "line", "lines"),
                  format_bytes(static_cast<std::uint64_t>(run.bytes)), run.endpoint);
  if (!run.models.empty()) text += "\n" + models_table(run);
  if (!run.jobs.empty()) text += "\n" + jobs_table(run) + "\n" + estimate_text(run);
  return text + "\n";
}

std::string unknown_models_hint(const openai::DryRun& run, bool configured) {
  if (configured) return "";  // a model that the configuration lacks is an error of each line
  std::vector<std::string> unknown;
  for (const openai::DryRunModel& model : run.models) {
    if (!model.known) unknown.push_back(printable(model.model));
  }
  if (unknown.empty()) return "";
  const std::string which = unknown.size() == run.models.size()
                                ? "none of these models is known by its name"
                                : fmt::format("not known by name: {}", fmt::join(unknown, ", "));
  return fmt::format(
      "hint: {}, so only the form of their lines was checked; --config FILE says what they run\n",
      which);
}

std::string render_verdict(const openai::DryRun& run, std::int64_t lines_at_fault) {
  if (run.error_count == 0 && run.refusal_count == 0) {
    return fmt::format("nothing is wrong with {}\n", plural(run.lines, "line", "lines"));
  }
  std::vector<std::string> parts;
  if (run.error_count > 0) {
    parts.push_back(plural(run.error_count, "error fails the batch", "errors fail the batch"));
  }
  if (run.refusal_count > 0) {
    parts.push_back(plural(run.refusal_count, "line would end in the error file",
                           "lines would end in the error file"));
  }
  parts.push_back(fmt::format("{} of {} fine", count(run.lines - lines_at_fault),
                              plural(run.lines, "line is", "lines are")));
  return fmt::format("{}\n", fmt::join(parts, "; "));
}

}  // namespace quarry::cli
