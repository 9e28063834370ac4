#pragma once
// The account's KMS keys, as S3 and Bedrock use them. Pure.

#include "sandbox/account.h"
#include "sandbox/wire.h"

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace quarry::sandbox {

// The ARN of a key named by ARN, id or alias: `region` and `account_id` complete the latter two.
std::string key_arn(std::string_view key, std::string_view region, std::string_view account_id);

// Whether `principal_arn` may use the key for `action` ("kms:Decrypt"). An account that lists no
// keys has every key. Faults, in S3's words: KMS.NotFoundException, KMS.DisabledException,
// KMS.KMSInvalidStateException, AccessDenied.
Answer<void> use_key(const Account& account,
                     std::string_view principal_arn,
                     const std::string& arn,
                     std::string_view action);

// The key of an object by its headers or of a request by its own; "" where none is named.
std::string key_of(const std::vector<std::pair<std::string, std::string>>& headers);

// What a bucket that insists on a key has against an object with `key` ("" = none).
Answer<void> check_required_key(const Account& account,
                                std::string_view principal_arn,
                                const std::string& bucket,
                                std::string_view key_of_object,
                                const std::string& object_key);

}  // namespace quarry::sandbox
