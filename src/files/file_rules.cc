#include "files/file_rules.h"

#include "access/admission_rules.h"
#include "access/model_access.h"
#include "obs/log.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <map>

namespace quarry::files {
namespace {

constexpr std::array<std::string_view, 6> kPurposes{"assistants", "batch",     "evals",
                                                    "fine-tune",  "user_data", "vision"};
constexpr std::size_t kFilenameBytesMax = 255;
constexpr std::chrono::seconds kForgetTimeout{30};
constexpr std::int64_t kBatchFileLifeSeconds = 30 * 86'400;  // OpenAI's default for purpose=batch

std::string_view trimmed(std::string_view text) {
  const auto space = [](char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; };
  while (!text.empty() && space(text.front())) text.remove_prefix(1);
  while (!text.empty() && space(text.back())) text.remove_suffix(1);
  return text;
}

// Of a file without lines, or with a first one that is no JSON: of which the scan has an error.
std::string why_not_jsonl(const Scan& scan) {
  if (scan.lines == 0 || scan.errors.empty()) return "the file is empty, or has only blank lines";
  const openai::BatchError& first = scan.errors.front();
  std::string_view what = first.message;
  constexpr std::string_view kSubject = "This line ";
  if (what.starts_with(kSubject)) what.remove_prefix(kSubject.size());
  if (what.ends_with('.')) what.remove_suffix(1);
  return fmt::format("line {} {}", first.line.value_or(1), what);
}

}  // namespace

Result<void> check_purpose(std::string_view purpose) {
  if (std::ranges::find(kPurposes, purpose) != kPurposes.end()) return {};
  return fail(Error(Errc::invalid_request, fmt::format("'{}' is not one of ['{}'] - 'purpose'",
                                                       purpose, fmt::join(kPurposes, "', '")))
                  .param("purpose")
                  .reason("invalid_value"));
}

Result<void> check_target_models(const std::vector<std::string>& names,
                                 const aws::DeploymentSet& deployments) {
  for (const std::string& model : names) {
    if (!deployments.group(model).empty()) continue;
    return fail(Error(Errc::invalid_request,
                      fmt::format("The model '{}' of target_model_names does not exist. hint: GET "
                                  "/v1/models lists the models of this server",
                                  model))
                    .param("target_model_names")
                    .reason("model_not_found"));
  }
  return {};
}

Result<void> check_batch_input(const Scan& scan) {
  if (scan.lines > 0 && scan.first_line_is_json) return {};
  return fail(
      Errc::invalid_request,
      fmt::format("Invalid file format for Batch API. Must be .jsonl; {}.", why_not_jsonl(scan)));
}

Result<void> check_lines(const Scan& scan,
                         const std::vector<std::string>& target_models,
                         const access::Caller& caller,
                         const aws::DeploymentSet& deployments) {
  if (auto allowed = access::check_file_lines(caller, scan.lines); !allowed) return allowed;
  struct Sum {
    config::BatchLimits limits;
    std::uint64_t lines = 0;
  };
  std::map<std::string, Sum> sums;  // by the name that their limits go by
  const auto count = [&](const std::string& model, std::uint64_t lines) {
    if (!access::may_use(caller, model)) return;
    Sum& sum = sums[name_of_limits(model, deployments)];
    sum.limits = limits_of(model, deployments);
    sum.lines += lines;
  };
  if (target_models.size() == 1) {
    count(target_models.front(), scan.lines);
  } else {
    for (const auto& [model, lines] : scan.models) count(model, lines);
  }
  for (const auto& [name, sum] : sums) {
    auto allowed = access::check_model_lines(name, sum.limits, sum.lines);
    if (!allowed) return allowed;
  }
  return {};
}

std::string name_of_limits(std::string_view model_name, const aws::DeploymentSet& deployments) {
  const auto& group = deployments.group(model_name);
  return group.empty() ? std::string(model_name) : group.front()->settings.model_name;
}

config::BatchLimits limits_of(std::string_view model_name, const aws::DeploymentSet& deployments) {
  for (const aws::DeploymentPtr& deployment : deployments.group(model_name)) {
    if (deployment->settings.limits != config::BatchLimits{}) return deployment->settings.limits;
  }
  return {};
}

Awaitable<void> forget_object(const aws::Deployment& deployment, aws::S3Uri object) {
  auto removed = co_await deployment.s3->remove(object, Deadline::after(kForgetTimeout));
  if (removed) co_return;
  obs::warn("an object that nothing refers to stays for the janitor",
            {{"object", aws::to_string(object)}, {"error", removed.error().message()}});
}

aws::DeploymentPtr deployment_for(const std::vector<std::string>& target_models,
                                  const aws::DeploymentSet& deployments) {
  for (const std::string& model : target_models) {
    const auto& group = deployments.group(model);
    if (!group.empty()) return group.front();
  }
  return deployments.home();
}

std::optional<std::int64_t> expiry(std::string_view purpose,
                                   std::int64_t created_at,
                                   std::optional<std::int64_t> expires_after_s) {
  if (expires_after_s) return created_at + *expires_after_s;
  if (purpose == "batch") return created_at + kBatchFileLifeSeconds;
  return std::nullopt;
}

void add_model_names(std::vector<std::string>& names, std::string_view list) {
  while (true) {
    const std::size_t comma = list.find(',');
    const std::string_view item = trimmed(list.substr(0, comma));
    if (!item.empty() && std::ranges::find(names, item) == names.end()) names.emplace_back(item);
    if (comma == std::string_view::npos) return;
    list.remove_prefix(comma + 1);
  }
}

std::string safe_filename(std::string_view sent) {
  if (const std::size_t slash = sent.find_last_of("/\\"); slash != std::string_view::npos) {
    sent.remove_prefix(slash + 1);
  }
  std::string filename;
  for (const char c : sent) {
    if (static_cast<unsigned char>(c) >= 0x20 && c != 0x7f) filename.push_back(c);
  }
  if (filename.size() > kFilenameBytesMax) {
    std::size_t end = kFilenameBytesMax;
    while (end > 0 && (static_cast<unsigned char>(filename[end]) & 0xc0) == 0x80) --end;
    filename.resize(end);
  }
  return filename.empty() || filename == "." || filename == ".." ? "upload" : filename;
}

}  // namespace quarry::files
