#include "config/deployments.h"

#include "base/bytes.h"
#include "config/identity.h"
#include "config/job_settings.h"
#include "config/model_overrides.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

namespace quarry::config {
namespace {

constexpr std::string_view kProvider = "bedrock/";

std::string_view trim_slashes(std::string_view text) {
  while (text.starts_with('/')) text.remove_prefix(1);
  while (text.ends_with('/')) text.remove_suffix(1);
  return text;
}

// The fourth field: arn:aws:bedrock:<region>:…
std::string_view arn_region(std::string_view arn) {
  for (int field = 0; field < 3; ++field) {
    std::size_t colon = arn.find(':');
    if (colon == std::string_view::npos) return {};
    arn.remove_prefix(colon + 1);
  }
  return arn.substr(0, arn.find(':'));
}

// The maps of one entry, and what is read from them.
class EntryReader {
 public:
  EntryReader(const YAML::Node& entry, std::size_t index, int line, Findings& findings)
      : findings_(findings),
        path_(fmt::format("model_list[{}]", index)),
        entry_(entry, Place::model, path_, yaml_line(entry, line), findings),
        params_(entry_.section("litellm_params", Place::litellm_params)),
        info_(entry_.section("model_info", Place::model_info)) {}

  std::optional<DeploymentSettings> read(const Recovery& recovery, Skipped& skipped);

 private:
  bool passed_over(const std::optional<std::string>& model, Skipped& skipped);
  void read_model(std::string_view model);
  void check_stars(const std::optional<std::string>& model);
  void read_regions();
  std::string profile_region();
  void read_bucket();
  void read_output_bucket();
  // Sets the bucket, and the prefix where the value carries one. False where it carries none.
  bool split_bucket(std::string_view key,
                    std::string_view value,
                    const std::string& shown,
                    std::string& bucket,
                    std::string& prefix);
  void read_role();
  void read_endpoints();
  std::string read_endpoint(std::string_view key);
  void read_limits();
  void read_small_batch();

  std::optional<std::string> environment(const char* name) const {
    auto value = findings_.environment(name);
    return value && !value->empty() ? value : std::nullopt;
  }

  Findings& findings_;
  std::string path_;
  Section entry_;
  Section params_;
  Section info_;
  DeploymentSettings out_;
  bool bucket_has_folder_ = false;
  std::string model_region_;  // the one that the model's path or ARN names
};

std::optional<DeploymentSettings> EntryReader::read(const Recovery& recovery, Skipped& skipped) {
  if (entry_.is_map() && !entry_.has("litellm_params"))
    entry_.complain("litellm_params", "is required");
  if (!params_.is_map()) return std::nullopt;
  const std::size_t errors_before = findings_.errors.size();
  std::optional<std::string> model = params_.required_text("model");
  if (passed_over(model, skipped)) return std::nullopt;

  out_.batch = true;
  out_.line = entry_.line();
  out_.path = path_;
  if (!entry_.has("model_name")) entry_.complain("model_name", "is required");
  out_.model_name = entry_.checked_text("model_name", check_model_name).value_or("");
  if (model) read_model(*model);
  check_stars(model);
  read_regions();
  read_bucket();
  read_output_bucket();
  read_role();
  read_identity(params_, findings_, out_);
  read_job_settings(params_, findings_, out_);
  read_endpoints();
  read_limits();
  read_small_batch();
  read_recovery(params_, recovery).apply(out_);
  read_model_overrides(params_, info_, out_);
  out_.limits = read_batch_limits(info_, /*of_keys=*/false);
  auto id = info_.checked_text("id", check_name);
  entry_.leftovers();
  params_.leftovers();
  info_.leftovers();
  if (findings_.errors.size() != errors_before) return std::nullopt;
  out_.id = id ? *id : deployment_id(out_);
  return out_;
}

// LiteLLM's `mode` is a note to the reader: an entry with a bucket can run batches whether it says
// so or not.
bool EntryReader::passed_over(const std::optional<std::string>& model, Skipped& skipped) {
  if (!model) return false;
  auto name = fmt::format("'{}' ({}, line {})", entry_.written("model_name"),
                          params_.written("model"), entry_.line());
  if (!model->starts_with(kProvider)) {
    skipped.other_providers.push_back(std::move(name));
    return true;
  }
  if (params_.has("s3_bucket_name") || info_.written("mode") == "batch") return false;
  skipped.without_bucket.push_back(std::move(name));
  return true;
}

// bedrock/[invoke/|converse/][<region>/]<model id or ARN>
void EntryReader::read_model(std::string_view model) {
  model.remove_prefix(kProvider.size());
  for (std::string_view route : {"invoke/", "converse/"}) {
    if (model.starts_with(route)) model.remove_prefix(route.size());
  }
  std::size_t slash = model.find('/');
  if (slash != std::string_view::npos && !check_region(model.substr(0, slash))) {
    model_region_ = model.substr(0, slash);
    model.remove_prefix(slash + 1);
  }
  if (model.starts_with("arn:") && model_region_.empty()) {
    std::string_view region = arn_region(model);
    if (!check_region(region)) model_region_ = region;
  }
  // What a star stands for is checked when a model is asked for; around it is a part of an id.
  std::string checked(model);
  std::ranges::replace(checked, '*', 'x');
  if (auto complaint = check_model_id(checked)) {
    params_.complain("model", fmt::format("'{}' {}", params_.written("model"), *complaint));
  }
  out_.model_id = model;
}

void EntryReader::check_stars(const std::optional<std::string>& model) {
  const auto in_name = std::ranges::count(out_.model_name, '*');
  const auto in_model = model ? std::ranges::count(*model, '*') : 0;
  if (in_name > 1) entry_.complain("model_name", "holds more than one '*'");
  if (in_model > 1) params_.complain("model", "holds more than one '*'");
  if (in_model == 1 && in_name == 0 && !out_.model_name.empty()) {
    params_.complain("model",
                     "holds a '*', and model_name none that could say what it stands for; hint: "
                     "model_name: bedrock/* takes any model");
  }
  out_.wildcard = in_name > 0;
}

void EntryReader::read_regions() {
  auto own = params_.checked_text("aws_region_name", check_region);
  auto s3 = params_.checked_text("s3_region_name", check_region);
  std::string region = own.value_or(!model_region_.empty() ? model_region_ : s3.value_or(""));
  if (region.empty() && !params_.has("aws_region_name") && !params_.has("s3_region_name")) {
    for (const char* variable : {"AWS_REGION_NAME", "AWS_REGION", "AWS_DEFAULT_REGION"}) {
      auto value = environment(variable);
      if (!value) continue;
      if (auto complaint = check_region(*value)) {
        params_.complain("aws_region_name",
                         fmt::format("{} in the environment {}", variable, *complaint));
      }
      region = *value;
      break;
    }
    if (region.empty()) region = profile_region();
    if (region.empty()) {
      params_.complain(
          "aws_region_name",
          "is required; hint: give it, s3_region_name, or AWS_REGION in the environment, or a "
          "region to the profile in ~/.aws/config");
    }
  }
  out_.bedrock_region = region;
  out_.s3_region = s3.value_or(region);
}

// What AWS's SDKs would take: the region of the entry's profile, else of the one in use.
std::string EntryReader::profile_region() {
  if (!findings_.profile_region) return {};
  const std::string profile = params_.text("aws_profile_name").value_or("");
  const std::string region = findings_.profile_region(profile).value_or("");
  if (region.empty()) return {};
  if (auto complaint = check_region(region)) {
    params_.complain(
        "aws_region_name",
        fmt::format("of {} in ~/.aws/config {}",
                    profile.empty() ? "the profile in use" : "profile " + profile, *complaint));
  }
  return region;
}

void EntryReader::read_bucket() {
  const auto split = [&](std::string_view value, const std::string& shown) {
    bucket_has_folder_ = split_bucket("s3_bucket_name", value, shown, out_.bucket, out_.prefix);
  };
  if (params_.has("s3_bucket_name")) {
    if (auto value = params_.text("s3_bucket_name"))
      split(*value, params_.written("s3_bucket_name"));
  } else if (auto value = environment("AWS_S3_BUCKET_NAME")) {
    split(*value, "AWS_S3_BUCKET_NAME in the environment");
  } else {
    params_.complain("s3_bucket_name",
                     "is required; hint: give it, or AWS_S3_BUCKET_NAME in the environment");
  }

  auto prefix = params_.text("s3_prefix", /*may_be_empty=*/true);
  if (!prefix) return;
  std::string_view folder = trim_slashes(*prefix);
  if (auto complaint = check_prefix(folder)) {
    params_.complain("s3_prefix", fmt::format("'{}' {}", params_.written("s3_prefix"), *complaint));
  } else if (bucket_has_folder_) {
    params_.complain("s3_prefix",
                     "is given twice: s3_bucket_name carries a prefix too; hint: keep one of them");
  }
  out_.prefix = folder.empty() ? "" : std::string(folder) + "/";
}

void EntryReader::read_output_bucket() {
  constexpr std::string_view kKey = "s3_output_bucket_name";
  out_.output_bucket = out_.bucket;
  out_.output_prefix = out_.prefix;
  if (params_.has(kKey)) {
    if (auto value = params_.text(kKey)) {
      split_bucket(kKey, *value, params_.written(kKey), out_.output_bucket, out_.output_prefix);
    }
  } else if (auto value = environment("AWS_S3_OUTPUT_BUCKET_NAME")) {
    split_bucket(kKey, *value, "AWS_S3_OUTPUT_BUCKET_NAME in the environment", out_.output_bucket,
                 out_.output_prefix);
  }
}

bool EntryReader::split_bucket(std::string_view key,
                               std::string_view value,
                               const std::string& shown,
                               std::string& bucket,
                               std::string& prefix) {
  const std::string_view name = value.substr(0, value.find('/'));
  const std::string_view folder = trim_slashes(value.substr(name.size()));
  if (auto complaint = check_bucket(name)) {
    params_.complain(key, fmt::format("'{}' {}", shown, *complaint));
  } else if (auto about_prefix = check_prefix(folder)) {
    params_.complain(key, fmt::format("'{}': what follows the '/' {}", shown, *about_prefix));
  }
  bucket = name;
  if (folder.empty()) return false;
  prefix = std::string(folder) + "/";
  return true;
}

void EntryReader::read_role() {
  if (params_.has("aws_batch_role_arn")) {
    out_.role_arn = params_.checked_text("aws_batch_role_arn", check_role_arn).value_or("");
  } else if (auto value = environment("AWS_BATCH_ROLE_ARN")) {
    if (auto complaint = check_role_arn(*value)) {
      params_.complain("aws_batch_role_arn",
                       fmt::format("AWS_BATCH_ROLE_ARN in the environment {}", *complaint));
    }
    out_.role_arn = *value;
  } else {
    params_.complain("aws_batch_role_arn",
                     "is required: the role that Bedrock takes on to read and write the bucket; "
                     "hint: give it, or "
                     "AWS_BATCH_ROLE_ARN in the environment");
  }
}

std::string EntryReader::read_endpoint(std::string_view key) {
  std::string url = params_.checked_text(key, check_endpoint).value_or("");
  while (url.ends_with('/')) url.pop_back();
  return url;
}

void EntryReader::read_endpoints() {
  out_.s3_endpoint = read_endpoint("s3_endpoint_url");
  out_.bedrock_endpoint = read_endpoint("aws_bedrock_endpoint");
  out_.runtime_endpoint = read_endpoint("aws_bedrock_runtime_endpoint");
}

void EntryReader::read_limits() {
  constexpr std::uint64_t kWeightMax = 1'000'000;
  constexpr std::uint64_t kJobsMax = 1'000;
  constexpr std::uint64_t kRecordsMax = 100'000'000;
  constexpr std::uint64_t kJobBytesMin = 1'000;
  constexpr std::uint64_t kJobBytesMax = 80'000'000'000;  // 10,000 parts of 8 MiB
  auto small_number = [&](std::string_view key, int& to, std::uint64_t most) {
    if (auto value = params_.integer(key, 1, most)) to = static_cast<int>(*value);
  };
  auto number = [&](std::string_view key, std::uint64_t& to) {
    if (auto value = params_.integer(key, 1, kRecordsMax)) to = *value;
  };
  small_number("weight", out_.weight, kWeightMax);
  small_number("max_concurrent_jobs", out_.max_concurrent_jobs, kJobsMax);
  small_number("direct_concurrency", out_.direct_concurrency, kJobsMax);
  number("min_records_per_job", out_.min_records_per_job);
  number("max_records_per_job", out_.max_records_per_job);
  if (auto value = params_.bytes("max_job_bytes", kJobBytesMin, kJobBytesMax))
    out_.max_job_bytes = *value;
  if (out_.min_records_per_job > out_.max_records_per_job) {
    bool blame_least = params_.has("min_records_per_job");
    params_.complain(blame_least ? "min_records_per_job" : "max_records_per_job",
                     fmt::format("min_records_per_job ({}) is more than max_records_per_job ({})",
                                 out_.min_records_per_job, out_.max_records_per_job));
  }
}

void EntryReader::read_small_batch() {
  auto value = params_.text("small_batch");
  if (!value) return;
  if (*value != "direct" && *value != "reject") {
    params_.complain("small_batch", fmt::format("must be direct or reject, not '{}'",
                                                params_.written("small_batch")));
  }
  out_.small_batch = *value == "reject" ? SmallBatch::reject : SmallBatch::direct;
}

}  // namespace

std::optional<DeploymentSettings> read_deployment(const YAML::Node& entry,
                                                  std::size_t index,
                                                  int line,
                                                  const Recovery& recovery,
                                                  Findings& findings,
                                                  Skipped& skipped) {
  return EntryReader(entry, index, line, findings).read(recovery, skipped);
}

std::string deployment_id(const DeploymentSettings& deployment) {
  constexpr std::size_t kHexDigits = 16;
  std::string what;
  const auto add = [&](const std::string& part) {
    what += part;
    what += '\n';
  };
  for (const std::string& part :
       {deployment.model_name, deployment.model_id, deployment.bedrock_region, deployment.role_arn,
        deployment.bucket, deployment.prefix}) {
    add(part);
  }
  // Who reaches these places is not in it: files and jobs stay the deployment's own when keys
  // become a role. Where its results lie is, if elsewhere.
  if (deployment.output_bucket != deployment.bucket ||
      deployment.output_prefix != deployment.prefix) {
    add("to " + deployment.output_bucket + "/" + deployment.output_prefix);
  }
  return "dep-" + sha256_hex(what).substr(0, kHexDigits);
}

}  // namespace quarry::config
