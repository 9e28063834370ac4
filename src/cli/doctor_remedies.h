#pragma once
// What mends what AWS refused: the statement of a policy with the names of this very deployment
// filled in, or a key of its configuration. Pure.

#include "base/result.h"
#include "cli/doctor_report.h"
#include "config/settings.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace quarry::cli {

// Whom AWS takes us for; "" where it has not said.
struct Caller {
  std::string account;  // 12 digits
  std::string arn;
};

// "arn:aws:sts::123456789012:assumed-role/quarry/i-0abc" -> "role quarry"; "" -> "Quarry's
// identity".
std::string principal_name(const std::string& caller_arn);
// The account in an ARN; "" where it names none.
std::string account_of(std::string_view arn);
// Without the hint that our own clients add.
std::string words_of_aws(const Error& error);
// AWS refused for the sake of a KMS key.
bool about_kms(const Error& error);

// The actions on S3 that Quarry needs, by what fails without them.
enum class S3Right { write, read, list, remove, list_uploads, abort_upload };
// One of the two places that a deployment has in S3.
struct S3Place {
  std::string bucket;
  std::string prefix;  // "quarry/"
};

class Remedies {
 public:
  // caller: of Bedrock and STS; s3_caller: of S3.
  Remedies(const config::DeploymentSettings& settings, Caller caller, Caller s3_caller);

  Remedy no_credentials(const Error& error, bool of_s3) const;
  Remedy foreign_role() const;

  Remedy no_bucket(const S3Place& place) const;
  // bucket_region: not the one that jobs run in, or not the one that requests are signed for.
  Remedy wrong_region(const S3Place& place, const std::string& bucket_region, bool is_output) const;
  Remedy wrong_owner() const;
  // Bedrock takes a bucket for the caller's own unless it is told otherwise.
  Remedy foreign_bucket() const;
  Remedy s3(S3Right right, const S3Place& place, const Error& error) const;
  Remedy kms(const Error& error, bool writing) const;

  Remedy bedrock(std::string_view action, const Error& error) const;
  Remedy pass_role() const;
  Remedy no_batch(const Error& error) const;
  Remedy entitlement() const;
  // message: the probe job's, which failed for what the batch role may not.
  Remedy batch_role(std::string_view message) const;
  Remedy quota(std::string_view setting, std::uint64_t value, std::string_view what) const;

 private:
  std::string arn(std::string_view service, std::string_view region, std::string_view rest) const;
  std::string who_assumes(const Error& error, const std::string& role) const;
  std::string job_arns() const;
  std::string account() const;
  std::string kms_key_arn(std::string_view message) const;
  std::string trust_statement() const;
  std::string role_s3_statement() const;
  std::string role_kms_statement() const;

  const config::DeploymentSettings& settings_;
  Caller caller_;
  Caller s3_caller_;
  std::string partition_;
};

}  // namespace quarry::cli
