#include "cli/doctor_remedies.h"

#include "aws/endpoint.h"
#include "json/value_text.h"

#include <boost/json.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <initializer_list>
#include <utility>

namespace quarry::cli {
namespace {

namespace bj = boost::json;

// What stands where an account is not known.
constexpr std::string_view kAccount = "ACCOUNT_ID";

bj::value one_or_many(const std::vector<std::string>& values) {
  if (values.size() == 1) return bj::value(values.front());
  bj::array list;
  for (const std::string& value : values) list.emplace_back(value);
  return list;
}

struct Statement {
  std::vector<std::string> actions;
  std::vector<std::string> resources;
  bj::object condition = {};
};

std::string allow(const Statement& statement) {
  bj::object out{{"Effect", "Allow"},
                 {"Action", one_or_many(statement.actions)},
                 {"Resource", one_or_many(statement.resources)}};
  if (!statement.condition.empty()) out["Condition"] = statement.condition;
  return json::value_text(out);
}

std::string policy_of(const std::string& caller_arn) {
  return "the policy of " + principal_name(caller_arn);
}

std::string_view part_of(std::string_view arn, int n) {
  for (int i = 0; i < n; ++i) {
    const std::size_t colon = arn.find(':');
    if (colon == std::string_view::npos) return {};
    arn.remove_prefix(colon + 1);
  }
  return arn.substr(0, n == 5 ? arn.npos : arn.find(':'));
}

// "role/path/name" -> "name"
std::string last_segment(std::string_view text) {
  const std::size_t slash = text.rfind('/');
  return std::string(slash == text.npos ? text : text.substr(slash + 1));
}

bool has(const Error& error, std::string_view words) {
  return words_of_aws(error).contains(words) || error.reason().contains(words);
}

// Explicit denials cannot be lifted by allowing.
bool denied_explicitly(const Error& error) { return has(error, "explicit deny"); }

std::string denied_text(const Error& error, std::string_view action) {
  if (!denied_explicitly(error)) return fmt::format("{} is not allowed", action);
  const std::string_view where =
      has(error, "resource-based policy")    ? "the policy of the resource itself"
      : has(error, "service control policy") ? "a service control policy of the organization"
      : has(error, "permissions boundary")   ? "a permissions boundary"
                                             : "a policy";
  return fmt::format("{} is denied explicitly, by {}: take the denial away there as well", action,
                     where);
}

bool unreachable(const Error& error) {
  return error.code() == Errc::unavailable || error.code() == Errc::deadline_exceeded;
}

Remedy reach(std::string_view service, std::string_view setting) {
  return {.text = fmt::format(
              "{} did not answer: check the network, HTTPS_PROXY and NO_PROXY, AWS_CA_BUNDLE, and "
              "the endpoint ({}, AWS_ENDPOINT_URL); try again if AWS itself was busy",
              service, setting)};
}

}  // namespace

std::string principal_name(const std::string& caller_arn) {
  const std::string_view resource = part_of(caller_arn, 5);
  if (resource.starts_with("assumed-role/")) {
    const std::string_view rest = resource.substr(std::string_view("assumed-role/").size());
    return fmt::format("role {}", rest.substr(0, rest.find('/')));
  }
  if (resource.starts_with("user/")) return "user " + last_segment(resource);
  return caller_arn.empty() ? "Quarry's identity" : caller_arn;
}

std::string account_of(std::string_view arn) { return std::string(part_of(arn, 4)); }

std::string words_of_aws(const Error& error) {
  std::string said = error.message();
  const std::size_t hint = said.find("hint: ");
  if (hint == said.npos) return said;
  const std::size_t before = hint >= 2 ? hint - 2 : 0;     // "; " or ": "
  said.erase(before, said.find(" (HTTP", hint) - before);  // npos: to the end
  return said;
}

bool about_kms(const Error& error) {
  return has(error, "kms:") || has(error, "KMS") || has(error, ":key/");
}

Remedies::Remedies(const config::DeploymentSettings& settings, Caller caller, Caller s3_caller)
    : settings_(settings),
      caller_(std::move(caller)),
      s3_caller_(std::move(s3_caller)),
      partition_(aws::partition_of(settings.bedrock_region)) {}

std::string Remedies::account() const {
  if (!caller_.account.empty()) return caller_.account;
  const std::string of_role = account_of(settings_.role_arn);
  return of_role.empty() ? std::string(kAccount) : of_role;
}

std::string Remedies::arn(std::string_view service,
                          std::string_view region,
                          std::string_view rest) const {
  return fmt::format("arn:{}:{}:{}:{}", partition_, service, region, rest);
}

std::string Remedies::job_arns() const {
  return arn("bedrock", settings_.bedrock_region, account() + ":model-invocation-job/*");
}

// The key that AWS names, else the configured one. Aliases cannot stand in policies.
std::string Remedies::kms_key_arn(std::string_view message) const {
  for (std::size_t at = message.find("arn:"); at != message.npos;
       at = message.find("arn:", at + 1)) {
    const std::string_view found = message.substr(
        at, message.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                      "0123456789:/-_",
                                      at) -
                at);
    if (part_of(found, 2) == "kms" && part_of(found, 5).starts_with("key/")) {
      return std::string(found);
    }
  }
  const std::string& key = settings_.kms_key_id;
  if (key.starts_with("arn:") && part_of(key, 5).starts_with("key/")) return key;
  const std::string id = key.empty() || key.contains("alias/") ? "KEY_ID" : key;
  return arn("kms", settings_.bedrock_region, fmt::format("{}:key/{}", account(), id));
}

// "User: ARN is not authorized…": that user or role; else the role's own account.
std::string Remedies::who_assumes(const Error& error, const std::string& role) const {
  const std::string said = words_of_aws(error);
  constexpr std::string_view kBefore = "User: ";
  const std::size_t at = said.find(kBefore);
  if (at == said.npos) return arn("iam", "", fmt::format("{}:root", account_of(role)));
  const std::string caller =
      said.substr(at + kBefore.size(), said.find(' ', at + kBefore.size()) - at - kBefore.size());
  // A trust policy names a session by its role.
  if (!caller.contains(":assumed-role/")) return caller;
  return fmt::format("arn:{}:iam::{}:{}", partition_, account_of(caller),
                     "role/" + principal_name(caller).substr(std::string_view("role ").size()));
}

Remedy Remedies::no_credentials(const Error& error, bool of_s3) const {
  const std::string_view keys = of_s3 ? "s3_" : "aws_";
  if (has(error, "ExpiredToken") || has(error, "expired")) {
    return {.text = fmt::format(
                "the session has ended: renew {0}access_key_id, {0}secret_access_key and "
                "{0}session_token (AWS_SESSION_TOKEN), or sign in again (aws sso login); better, "
                "give Quarry a role or a profile that it can renew by itself",
                keys)};
  }
  if (has(error, "SignatureDoesNotMatch") || has(error, "InvalidSignature")) {
    return {.text = fmt::format(
                "the secret does not belong to the key: copy {0}secret_access_key again, as it was "
                "given with {0}access_key_id, without blanks around it",
                keys)};
  }
  if (has(error, "sts:AssumeRole") && !settings_.identity.role_arn.empty()) {
    const std::string& role = settings_.identity.role_arn;
    bj::array actions{"sts:AssumeRole"};
    if (!settings_.identity.session_tags.empty()) actions.push_back("sts:TagSession");
    bj::object trust{{"Effect", "Allow"},
                     {"Principal", bj::object{{"AWS", who_assumes(error, role)}}},
                     {"Action", std::move(actions)}};
    if (!settings_.identity.external_id.empty()) {
      trust["Condition"] = bj::object{
          {"StringEquals", bj::object{{"sts:ExternalId", settings_.identity.external_id}}}};
    }
    return {.text =
                "aws_role_name may not be assumed: its trust policy must name who assumes it "
                "(and its conditions, such as the external id, must hold: aws_external_id, "
                "aws_session_tags), and who assumes it must be allowed sts:AssumeRole on it",
            .place = "the trust policy of role " + last_segment(role),
            .statement = json::value_text(trust)};
  }
  if (has(error, "InvalidClientTokenId") || has(error, "UnrecognizedClient") ||
      has(error, "InvalidAccessKeyId") || has(error, "token included in the request is invalid")) {
    return {.text = fmt::format(
                "AWS does not know this key: it was deleted or disabled, belongs to another "
                "partition, or is temporary and its session token is missing; check "
                "{0}access_key_id and {0}session_token",
                keys)};
  }
  if (unreachable(error)) return reach("STS", "aws_sts_endpoint");
  // Who looked for them knows best what was missing.
  constexpr std::string_view kHint = "hint: ";
  if (const std::size_t hint = error.message().find(kHint); hint != std::string::npos) {
    return {.text = error.message().substr(hint + kHint.size())};
  }
  return {.text = fmt::format(
              "give the deployment an identity: {0}access_key_id and {0}secret_access_key{1}, or "
              "run Quarry where AWS gives it one (a role of the instance, task or pod)",
              keys, of_s3 ? "" : ", aws_profile_name, aws_role_name")};
}

Remedy Remedies::foreign_role() const {
  return {
      .text = fmt::format(
          "Bedrock takes batch roles of the caller's own account only: make the role in account "
          "{}, or become an identity of account {} first (aws_role_name)",
          account(), account_of(settings_.role_arn)),
      .setting = "aws_batch_role_arn",
      .value = arn("iam", "", fmt::format("{}:{}", account(), part_of(settings_.role_arn, 5)))};
}

Remedy Remedies::no_bucket(const S3Place& place) const {
  const std::string& region = settings_.bedrock_region;
  return {
      .text = fmt::format(
          "make it (aws s3api create-bucket --bucket {0} --region {1}{2}), or name the right one "
          "in {3}",
          place.bucket, region,
          region == "us-east-1"
              ? ""
              : fmt::format(" --create-bucket-configuration LocationConstraint={}", region),
          place.bucket == settings_.bucket ? "s3_bucket_name" : "s3_output_bucket_name")};
}

Remedy Remedies::wrong_region(const S3Place& place,
                              const std::string& bucket_region,
                              bool is_output) const {
  if (bucket_region == settings_.bedrock_region) {
    return {.text = "requests are signed for another region than the bucket's",
            .setting = "s3_region_name",
            .value = bucket_region};
  }
  const std::string key = is_output ? "s3_output_bucket_name" : "s3_bucket_name";
  return {.text = fmt::format(
              "a job reads and writes buckets of its own region only: name a bucket in {}, or run "
              "the jobs where {} is (aws_region_name: {}, if the model takes batches there)",
              settings_.bedrock_region, place.bucket, bucket_region),
          .setting = key,
          .value = fmt::format("A_BUCKET_IN_{}", settings_.bedrock_region)};
}

Remedy Remedies::wrong_owner() const {
  return {.text = fmt::format(
              "the bucket answers without the check of its owner, so account {} does not own it: "
              "set the account that does, or remove the key if any owner will do",
              settings_.bucket_owner),
          .setting = "s3_bucket_owner",
          .value = "THE_OWNER_S_ACCOUNT_ID"};
}

Remedy Remedies::foreign_bucket() const {
  if (!settings_.bucket_owner.empty()) return wrong_owner();
  return {.text = fmt::format("the bucket is in another account than {}: name the one that owns it",
                              account()),
          .setting = "s3_bucket_owner",
          .value = "THE_OWNER_S_ACCOUNT_ID"};
}

Remedy Remedies::s3(S3Right right, const S3Place& place, const Error& error) const {
  if (error.reason() == "NoSuchBucket") return no_bucket(place);
  if (unreachable(error)) return reach("S3", "s3_endpoint_url");
  if (error.message().contains("set s3_region_name")) {
    return {.text = "requests are signed for another region than the bucket's: set s3_region_name"};
  }
  if (error.code() != Errc::forbidden) {
    return {.text = "S3 refused this for a reason of its own; what it said is above"};
  }
  const std::string bucket = arn("s3", "", ":" + place.bucket);
  const std::string objects = fmt::format("{}/{}*", bucket, place.prefix);
  const bj::object below{{"StringLike", bj::object{{"s3:prefix", place.prefix + "*"}}}};
  Statement statement{.actions = {}, .resources = {objects}};
  switch (right) {
    case S3Right::write:
      statement.actions = {"s3:PutObject"};
      break;
    case S3Right::read:
      statement.actions = {"s3:GetObject"};
      break;
    case S3Right::remove:
      statement.actions = {"s3:DeleteObject"};
      break;
    case S3Right::abort_upload:
      statement.actions = {"s3:AbortMultipartUpload"};
      break;
    case S3Right::list:
      statement = {.actions = {"s3:ListBucket"}, .resources = {bucket}, .condition = below};
      break;
    case S3Right::list_uploads:
      statement = {.actions = {"s3:ListBucketMultipartUploads"}, .resources = {bucket}};
      break;
  }
  Remedy remedy{.text = denied_text(error, statement.actions.front()),
                .place = policy_of(s3_caller_.arn),
                .statement = allow(statement)};
  if (right == S3Right::write && denied_explicitly(error)) {
    remedy.text = fmt::format(
        "{} (aws s3api get-bucket-policy --bucket {} shows it). Policies that deny PutObject "
        "mostly "
        "insist on one KMS key",
        remedy.text, place.bucket);
    remedy.setting = "s3_encryption_key_id";
    remedy.value = settings_.kms_key_id.empty()
                       ? "the ARN of the key that the bucket's policy names"
                       : "the key that the bucket's policy names, in place "
                         "of " +
                             settings_.kms_key_id;
  }
  return remedy;
}

Remedy Remedies::kms(const Error& error, bool writing) const {
  const std::string key = kms_key_arn(error.message());
  const std::string id = last_segment(part_of(key, 5));
  const std::string& region = settings_.s3_region;
  if (has(error, "PendingDeletion") || has(error, "pending deletion")) {
    return {
        .text = fmt::format(
            "the key is to be deleted: aws kms cancel-key-deletion --key-id {0} --region {1} and "
            "aws kms enable-key --key-id {0} --region {1}, or name another key",
            id, region),
        .setting = "s3_encryption_key_id",
        .value = "the ARN of a key that is enabled"};
  }
  if (has(error, "Disabled") || has(error, "disabled") || has(error, "InvalidState")) {
    return {.text = fmt::format(
                "the key is disabled: aws kms enable-key --key-id {} --region {}, or name another "
                "key",
                id, region),
            .setting = "s3_encryption_key_id",
            .value = "the ARN of a key that is enabled"};
  }
  if (has(error, "NotFound") || has(error, "does not exist")) {
    return {.text = fmt::format("there is no such key in {}, where the bucket is", region),
            .setting = "s3_encryption_key_id",
            .value = "the ARN of a key in the bucket's region"};
  }
  const std::string_view action = has(error, "kms:Decrypt")           ? "kms:Decrypt"
                                  : has(error, "kms:GenerateDataKey") ? "kms:GenerateDataKey"
                                  : writing                           ? "kms:GenerateDataKey"
                                                                      : "kms:Decrypt";
  return {
      .text = fmt::format("{}; the key's own policy must allow it too, or leave it to the "
                          "account's IAM policies (arn:{}:iam::{}:root, kms:*)",
                          denied_text(error, action), partition_, account_of(key)),
      .place = policy_of(s3_caller_.arn),
      .statement = allow({.actions = {"kms:GenerateDataKey", "kms:Decrypt"}, .resources = {key}})};
}

Remedy Remedies::bedrock(std::string_view action, const Error& error) const {
  if (unreachable(error)) return reach("Bedrock", "aws_bedrock_endpoint");
  if (has(error, "API Key") || has(error, "Authentication failed")) {
    return {.text =
                "Bedrock does not take the API key: it is wrong, has ended or was revoked; give "
                "another in api_key (or AWS_BEARER_TOKEN_BEDROCK)"};
  }
  if (error.code() != Errc::forbidden) {
    return {.text = "Bedrock refused this for a reason of its own; what it said is above"};
  }
  const bool lists = action == "bedrock:ListModelInvocationJobs";
  Statement statement{.actions = {std::string(action)}, .resources = {lists ? "*" : job_arns()}};
  if (action == "bedrock:CreateModelInvocationJob") {
    // Create is asked of the model and of the job.
    statement.resources = {"*"};
  }
  return {.text = denied_text(error, action),
          .place = policy_of(caller_.arn),
          .statement = allow(statement)};
}

Remedy Remedies::pass_role() const {
  return {.text = "Quarry hands the batch role to Bedrock, which takes iam:PassRole on it",
          .place = policy_of(caller_.arn),
          .statement = allow(
              {.actions = {"iam:PassRole"},
               .resources = {settings_.role_arn},
               .condition = {{"StringEquals",
                              bj::object{{"iam:PassedToService", "bedrock.amazonaws.com"}}}}})};
}

Remedy Remedies::no_batch(const Error& error) const {
  if (has(error, "ccess to the model") || has(error, "model access")) {
    return {
        .text = fmt::format(
            "the account has no access to {} in {}: ask for it in Bedrock's console, under Model "
            "access",
            settings_.model_id, settings_.bedrock_region)};
  }
  if (has(error, "on-demand throughput") || has(error, "inference profile")) {
    return {.text =
                "the model is called by an inference profile here: put its prefix (us., eu., "
                "apac., global.…) before the id",
            .setting = "model",
            .value = "bedrock/PREFIX." + settings_.model_id};
  }
  return {.text = fmt::format(
              "{} runs no batch jobs in {}: take an inference profile of it (us., eu., apac., "
              "global.…), another region (aws_region_name), or another model; quarry models "
              "--batch-only lists them. Without model_info.mode: batch, and with small files, it "
              "still answers on demand",
              settings_.model_id, settings_.bedrock_region),
          .setting = "model",
          .value = "bedrock/A_MODEL_WITH_BATCH"};
}

Remedy Remedies::entitlement() const {
  return {
      .text = fmt::format(
          "account {} is not entitled to batch inference, whatever its policies and quotas say: "
          "open a support case with AWS (Amazon Bedrock, batch inference, {}, {})",
          account(), settings_.model_id, settings_.bedrock_region)};
}

std::string Remedies::trust_statement() const {
  const bj::object condition{{"StringEquals", bj::object{{"aws:SourceAccount", account()}}},
                             {"ArnEquals", bj::object{{"aws:SourceArn", job_arns()}}}};
  return json::value_text(
      bj::object{{"Effect", "Allow"},
                 {"Principal", bj::object{{"Service", "bedrock.amazonaws.com"}}},
                 {"Action", "sts:AssumeRole"},
                 {"Condition", condition}});
}

std::string Remedies::role_s3_statement() const {
  std::vector<std::string> resources;
  const auto add = [&](const std::string& bucket, const std::string& prefix) {
    const std::string whole = arn("s3", "", ":" + bucket);
    for (std::string one : {whole, fmt::format("{}/{}*", whole, prefix)}) {
      if (std::ranges::find(resources, one) == resources.end()) resources.push_back(std::move(one));
    }
  };
  add(settings_.bucket, settings_.prefix);
  add(settings_.output_bucket.empty() ? settings_.bucket : settings_.output_bucket,
      settings_.output_bucket.empty() ? settings_.prefix : settings_.output_prefix);
  return allow({.actions = {"s3:GetObject", "s3:PutObject", "s3:ListBucket"},
                .resources = std::move(resources)});
}

std::string Remedies::role_kms_statement() const {
  return allow({.actions = {"kms:Decrypt", "kms:GenerateDataKey", "kms:DescribeKey"},
                .resources = {kms_key_arn("")}});
}

Remedy Remedies::batch_role(std::string_view message) const {
  const std::string role = last_segment(settings_.role_arn);
  // An ARN of a session holds "assumed-role", which says that it was.
  const bool denied = message.contains("not authorized to perform: s3:") ||
                      message.contains("not authorized to perform: kms:");
  if (!denied && (message.contains("ssume") || message.contains("trust"))) {
    return {.text = "Bedrock cannot become the batch role: its trust policy must allow it",
            .place = "the trust policy of role " + role,
            .statement = trust_statement()};
  }
  if (message.contains("kms") || message.contains("KMS")) {
    return {.text = "the batch role may not use the key (the key's own policy counts as well)",
            .place = "the policy of role " + role,
            .statement = role_kms_statement()};
  }
  return {.text = "the batch role may not read or write the bucket",
          .place = "the policy of role " + role,
          .statement = role_s3_statement()};
}

Remedy Remedies::quota(std::string_view setting, std::uint64_t value, std::string_view what) const {
  return {.text = fmt::format("{}; where AWS lets it be raised, Service Quotas in {} takes the "
                              "request",
                              what, settings_.bedrock_region),
          .setting = std::string(setting),
          .value = std::to_string(value)};
}

}  // namespace quarry::cli
