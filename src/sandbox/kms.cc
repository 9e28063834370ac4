#include "sandbox/kms.h"

#include "http/message.h"
#include "sandbox/identities.h"

#include <fmt/format.h>

#include <algorithm>

namespace quarry::sandbox {

std::string key_arn(std::string_view key, std::string_view region, std::string_view account_id) {
  if (key.empty() || key.starts_with("arn:")) return std::string(key);
  return fmt::format("arn:aws:kms:{}:{}:{}{}", region, account_id,
                     key.starts_with("alias/") ? "" : "key/", key);
}

Answer<void> use_key(const Account& account,
                     std::string_view principal_arn,
                     const std::string& arn,
                     std::string_view action) {
  if (!account.kms_keys.empty()) {
    const auto found = account.kms_keys.find(arn);
    if (found == account.kms_keys.end())
      return refuse(400, "KMS.NotFoundException", fmt::format("Key '{}' does not exist", arn));
    const AccountKey& key = found->second;
    if (key.state == "Disabled")
      return refuse(400, "KMS.DisabledException", fmt::format("{} is disabled.", arn));
    if (key.state == "PendingDeletion")
      return refuse(400, "KMS.KMSInvalidStateException",
                    fmt::format("{} is pending deletion.", arn));
    if (std::ranges::find(key.denied, action) != key.denied.end())
      return refuse(403, "AccessDenied", denial_text(principal_arn, action, arn));
  }
  if (account.denies(principal_arn, action, arn))
    return refuse(403, "AccessDenied", denial_text(principal_arn, action, arn));
  return {};
}

std::string key_of(const std::vector<std::pair<std::string, std::string>>& headers) {
  for (const auto& [name, value] : headers) {
    if (http::equal_ignoring_case(name, "x-amz-server-side-encryption-aws-kms-key-id"))
      return value;
  }
  return "";
}

Answer<void> check_required_key(const Account& account,
                                std::string_view principal_arn,
                                const std::string& bucket,
                                std::string_view key_of_object,
                                const std::string& object_key) {
  const AccountBucket* known = account.bucket(bucket);
  if (known == nullptr || known->required_kms_key.empty() ||
      known->required_kms_key == key_of_object)
    return {};
  return refuse(403, "AccessDenied",
                fmt::format("User: {} is not authorized to perform: s3:PutObject on resource: "
                            "\"arn:aws:s3:::{}/{}\" with an explicit deny in a resource-based "
                            "policy",
                            principal_arn, bucket, object_key));
}

}  // namespace quarry::sandbox
