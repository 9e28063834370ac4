#include "sandbox/job_access.h"

#include "sandbox/families.h"
#include "sandbox/kms.h"

#include <boost/json.hpp>
#include <fmt/format.h>

namespace quarry::sandbox {
namespace {

namespace json = boost::json;

constexpr std::size_t kInputsAsked = 1000;

std::string text_of(const json::object& object, std::string_view member) {
  const json::value* value = object.if_contains(member);
  return value != nullptr && value->is_string() ? std::string(std::string_view(value->get_string()))
                                                : "";
}

const json::object& s3_config(const json::object& request,
                              std::string_view config,
                              std::string_view inner) {
  return request.at(config).as_object().at(inner).as_object();
}

const json::object& input_config(const json::object& request) {
  return s3_config(request, "inputDataConfig", "s3InputDataConfig");
}
const json::object& output_config(const json::object& request) {
  return s3_config(request, "outputDataConfig", "s3OutputDataConfig");
}

Answer<void> check_bucket_owner(const Account& account,
                                const Caller& caller,
                                const json::object& config) {
  const std::string bucket = s3_location(text_of(config, "s3Uri")).bucket;
  std::string expected = text_of(config, "s3BucketOwner");
  if (expected.empty()) expected = caller.principal.account;
  if (expected == account.owner_of(bucket)) return {};
  return refuse(400, "ValidationException",
                fmt::format("The S3 bucket {} is not owned by the account {}. Name its owner as "
                            "s3BucketOwner.",
                            bucket, expected));
}

// Who the role is to S3 and KMS while it works for Bedrock.
std::string worker_arn(const RoleArn& role, const Job& job) {
  return fmt::format("arn:{}:sts::{}:assumed-role/{}/BedrockBatchInference-{}", role.partition,
                     role.account.empty() ? job.account() : role.account, role.name, job.id);
}

std::string bucket_fault(const Account& account, const Job& job, const std::string& bucket) {
  const AccountBucket* known = account.bucket(bucket);
  if (known == nullptr || known->region.empty() || known->region == job.region) return "";
  return fmt::format(
      "The S3 bucket {} is in region {}, but the batch job runs in {}. Use a bucket in the region "
      "of the job.",
      bucket, known->region, job.region);
}

class RoleAccess {
 public:
  RoleAccess(const Account& account, std::string principal)
      : account_(account), principal_(std::move(principal)) {}

  std::string s3(std::string_view action, const std::string& bucket, const std::string& key) const {
    const std::string arn = fmt::format("arn:aws:s3:::{}{}{}", bucket, key.empty() ? "" : "/", key);
    if (!account_.denies(principal_, action, arn)) return "";
    return fmt::format("Access to the S3 location was denied: {}",
                       denial_text(principal_, action, arn));
  }

  std::string kms(std::string_view action, const std::string& key) const {
    if (key.empty()) return "";
    const auto used = use_key(account_, principal_, key, action);
    return used ? "" : fmt::format("The KMS key cannot be used: {}", used.error().message);
  }

  std::string required_key(const std::string& bucket,
                           const std::string& key,
                           const std::string& object) const {
    const auto right = check_required_key(account_, principal_, bucket, key, object);
    return right ? "" : right.error().message;
  }

 private:
  const Account& account_;
  std::string principal_;
};

std::string input_fault(const RoleAccess& role,
                        const ObjectStore& objects,
                        const S3Location& input,
                        const Job& job) {
  if (auto fault = role.s3("s3:ListBucket", input.bucket, ""); !fault.empty()) return fault;
  const auto page = objects.list(
      input.bucket, {.prefix = input.key, .delimiter = {}, .after = {}, .count_max = kInputsAsked});
  for (const ObjectPtr& object : page.objects) {
    if (auto fault = role.s3("s3:GetObject", input.bucket, object->key); !fault.empty())
      return fault;
    const std::string key = key_arn(key_of(object->headers), job.region, job.account());
    if (auto fault = role.kms("kms:Decrypt", key); !fault.empty()) return fault;
  }
  return "";
}

std::string output_fault(const RoleAccess& role, const S3Location& output, const Job& job) {
  if (auto fault = role.s3("s3:PutObject", output.bucket, output.key); !fault.empty()) return fault;
  const std::string key =
      key_arn(text_of(output_config(job.request), "s3EncryptionKeyId"), job.region, job.account());
  if (auto fault = role.kms("kms:GenerateDataKey", key); !fault.empty()) return fault;
  return role.required_key(output.bucket, key, output.key);
}

}  // namespace

std::string bedrock_arn(const Caller& caller, std::string_view resource) {
  return fmt::format("arn:{}:bedrock:{}:{}:{}", partition_of(caller.region), caller.region,
                     caller.principal.account, resource);
}

std::string model_arn(std::string_view model_id, const Caller& caller) {
  if (model_id.starts_with("arn:")) return std::string(model_id);
  if (base_model(model_id) != model_id)
    return bedrock_arn(caller, fmt::format("inference-profile/{}", model_id));
  return fmt::format("arn:{}:bedrock:{}::foundation-model/{}", partition_of(caller.region),
                     caller.region, model_id);
}

Answer<void> may_create_job(const Identities& identities,
                            const Caller& caller,
                            const json::object& request) {
  const Account& account = identities.account();
  const std::string role_arn = text_of(request, "roleArn");
  const auto role = parse_role_arn(role_arn);
  // Before it is told anything of an account, the sandbox plays whichever a configuration names.
  const bool known = !account.source.empty();
  if (known && role && !role->account.empty() && role->account != caller.principal.account)
    return refuse(403, "AccessDeniedException", "Cross-account pass role is not allowed.");
  const Principal& who = caller.principal;
  if (auto right = identities.authorize(who, "iam:PassRole", role_arn); !right) return right;
  constexpr std::string_view kCreate = "bedrock:CreateModelInvocationJob";
  for (const std::string& arn : {bedrock_arn(caller, "model-invocation-job/*"),
                                 model_arn(text_of(request, "modelId"), caller)}) {
    if (auto right = identities.authorize(who, kCreate, arn); !right) return right;
  }
  const json::value* tags = request.if_contains("tags");
  if (tags != nullptr && tags->is_array() && !tags->get_array().empty()) {
    auto right = identities.authorize(who, "bedrock:TagResource",
                                      bedrock_arn(caller, "model-invocation-job/*"));
    if (!right) return right;
  }
  if (auto right = check_bucket_owner(account, caller, input_config(request)); !right) return right;
  return check_bucket_owner(account, caller, output_config(request));
}

std::string job_access_fault(const Identities& identities,
                             const ObjectStore& objects,
                             const Job& job) {
  const Account& account = identities.account();
  const std::string role_arn = job.text("roleArn");
  const AccountRole* known = account.role(role_arn);
  const auto role = parse_role_arn(role_arn);
  if (!role || (known != nullptr && known->denied)) {
    return fmt::format(
        "Bedrock could not assume the role {}. Check that it exists and that its trust policy "
        "allows bedrock.amazonaws.com to assume it.",
        role_arn);
  }
  const S3Location input = s3_location(job.input_uri());
  const S3Location output = s3_location(job.output_uri());
  if (auto fault = bucket_fault(account, job, input.bucket); !fault.empty()) return fault;
  if (auto fault = bucket_fault(account, job, output.bucket); !fault.empty()) return fault;
  const RoleAccess access(account, worker_arn(*role, job));
  if (auto fault = input_fault(access, objects, input, job); !fault.empty()) return fault;
  return output_fault(access, output, job);
}

std::vector<std::pair<std::string, std::string>> output_encryption(const Job& job) {
  const std::string key = text_of(output_config(job.request), "s3EncryptionKeyId");
  if (key.empty()) return {{"x-amz-server-side-encryption", "AES256"}};
  return {{"x-amz-server-side-encryption", "aws:kms"},
          {"x-amz-server-side-encryption-aws-kms-key-id", key_arn(key, job.region, job.account())}};
}

}  // namespace quarry::sandbox
