#include "config/job_settings.h"

#include "config/identity.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace quarry::config {
namespace {

// AWS API reference, CreateModelInvocationJob: tags, vpcConfig, timeoutDurationInHours.
constexpr std::size_t kJobTagsMax = 200;
constexpr std::size_t kSubnetsMax = 16;
constexpr std::size_t kSecurityGroupsMax = 5;
constexpr std::uint64_t kTimeoutHoursMin = 24;
constexpr std::uint64_t kTimeoutHoursMax = 168;

bool is_digit(char c) { return c >= '0' && c <= '9'; }

Complaint check_account(std::string_view text) {
  if (text.size() == 12 && std::ranges::all_of(text, is_digit)) return std::nullopt;
  return "is no account id; it has 12 digits; hint: quote it, so that a leading 0 stays";
}

// s3EncryptionKeyId: a key's or an alias's ARN, a key's id, alias/NAME.
Complaint check_kms_key(std::string_view key) {
  const bool arn = key.starts_with("arn:aws") && key.contains(":kms:") &&
                   (key.contains(":key/") || key.contains(":alias/"));
  const bool alias = key.starts_with("alias/") && key.size() > 6;
  const bool id = key.size() == 36 && std::ranges::count(key, '-') == 4;
  const bool multi_region_id = key.starts_with("mrk-") && key.size() == 36;
  const bool plain = !check_name(key);
  if (plain && (arn || alias || id || multi_region_id)) return std::nullopt;
  return "is no KMS key; it looks like arn:aws:kms:REGION:ACCOUNT:key/ID, a key's id, or "
         "alias/NAME";
}

// CreateModelInvocationJob's SubnetId and SecurityGroupId.
bool network_id(std::string_view text, std::string_view prefix) {
  return text.starts_with(prefix) && text.size() > prefix.size() && text.size() <= 32 &&
         std::ranges::all_of(text, [](char c) {
           return is_digit(c) || c == '-' || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
         });
}

std::vector<std::string> read_ids(Section& vpc,
                                  std::string_view key,
                                  std::string_view prefix,
                                  std::size_t ids_max) {
  std::vector<std::string> ids;
  if (!vpc.has(key)) vpc.complain(key, "is required");
  for (const std::string& id : vpc.texts(key)) {
    if (!network_id(id, prefix)) {
      vpc.complain(key, fmt::format("'{}' is none; it begins with {}", id, prefix));
    }
    ids.push_back(id);
  }
  if (vpc.has(key) && (ids.empty() || ids.size() > ids_max)) {
    vpc.complain(key, fmt::format("must hold 1 to {} ids", ids_max));
  }
  return ids;
}

void read_vpc(Section& params, DeploymentSettings& out) {
  if (!params.has("bedrock_vpc_config")) return;
  Section vpc = params.section("bedrock_vpc_config", Place::vpc_config);
  if (!vpc.is_map()) return;
  out.vpc = VpcConfig{read_ids(vpc, "subnet_ids", "subnet-", kSubnetsMax),
                      read_ids(vpc, "security_group_ids", "sg-", kSecurityGroupsMax)};
  vpc.leftovers();
}

// The key, else the variable that LiteLLM reads for it.
std::string given_or_set(Section& params,
                         Findings& findings,
                         std::string_view key,
                         const char* variable,
                         Complaint (*check)(std::string_view)) {
  if (params.has(key)) return params.checked_text(key, check).value_or("");
  std::string value = findings.environment(variable).value_or("");
  if (value.empty()) return value;
  if (auto complaint = check(value)) {
    params.complain(key, fmt::format("{} in the environment {}", variable, *complaint));
  }
  return value;
}

void read_addressing(Section& params, DeploymentSettings& out) {
  const auto word = params.text("s3_addressing_style");
  if (!word || *word == "auto") return;
  if (*word != "path" && *word != "virtual") {
    params.complain("s3_addressing_style", fmt::format("must be auto, path or virtual, not '{}'",
                                                       params.written("s3_addressing_style")));
  }
  out.s3_addressing = *word == "path" ? S3Addressing::path : S3Addressing::virtual_host;
}

}  // namespace

void read_job_settings(Section& params, Findings& findings, DeploymentSettings& out) {
  out.kms_key_id = given_or_set(params, findings, "s3_encryption_key_id",
                                "AWS_S3_ENCRYPTION_KEY_ID", check_kms_key);
  out.s3_bucket_key = params.boolean("s3_bucket_key_enabled").value_or(false);
  if (out.s3_bucket_key && out.kms_key_id.empty()) {
    params.complain("s3_bucket_key_enabled",
                    "does nothing without s3_encryption_key_id, the key it saves calls of");
  }
  out.bucket_owner =
      given_or_set(params, findings, "s3_bucket_owner", "AWS_S3_BUCKET_OWNER", check_account);
  read_addressing(params, out);
  out.job_tags = read_tags(params, "bedrock_tags", kJobTagsMax, findings);
  read_vpc(params, out);
  if (auto hours = params.integer("bedrock_timeout_hours", kTimeoutHoursMin, kTimeoutHoursMax)) {
    out.job_timeout_hours = static_cast<int>(*hours);
  }
}

}  // namespace quarry::config
