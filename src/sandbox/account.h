#pragma once
// What the sandbox's account holds beside its root keys: users, roles, the sources of temporary
// credentials, buckets' owners and regions, KMS keys, and what is denied to whom. Read from JSON,
// strictly: whatever is not known is an error that names it. Pure. docs/sandbox.md has the same
// document in words.

#include "base/secret.h"

#include <boost/json/object.hpp>

#include <cstdint>
#include <expected>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace quarry::sandbox {

struct AccountRole {
  std::string external_id;                  // "" = any, and none
  std::map<std::string, std::string> tags;  // that a session must be given
  std::vector<std::string> web_identity;    // the tokens it trusts; none named = any
  bool denied = false;                      // to everybody, Bedrock included
};

struct AccountUser {
  Secret<std::string> secret;
  std::string name;
  std::string account;  // 12 digits
};

struct AccountBucket {
  std::string owner;             // 12 digits
  std::string region;            // "" = where it was made, and asked from anywhere
  std::string required_kms_key;  // ARN; "" = none
};

struct AccountKey {
  std::string state = "Enabled";    // Enabled, Disabled, PendingDeletion
  std::vector<std::string> denied;  // actions: "kms:Decrypt"
};

struct SsoGrant {
  std::string account_id;
  std::string role_name;
};

// Each member is a part that must occur; "" occurs in everything. An action is whole, or ends in
// '*'.
struct Denial {
  std::string principal;
  std::string action;
  std::string resource;
};

struct Account {
  std::map<std::string, AccountRole> roles;  // by ARN
  std::map<std::string, AccountUser> users;  // by access key id
  std::string region = "us-west-2";          // of the instance, and of requests with an API key
  std::string instance_role;                 // "" = none attached
  bool imds_v1 = false;                      // requests without a session token are answered
  std::string container_token;               // "" = none asked for
  std::map<std::string, SsoGrant> sso;       // by access token
  std::optional<std::int64_t> session_seconds;
  std::vector<std::string> bearer_tokens;
  std::map<std::string, AccountBucket> buckets;  // by name
  std::map<std::string, AccountKey> kms_keys;    // by ARN; none = every key is known and allowed
  std::vector<Denial> denied;
  boost::json::object source;  // as it was written

  // nullptr where the document has none of that name.
  const AccountRole* role(const std::string& arn) const;
  const AccountBucket* bucket(const std::string& bucket_name) const;
  // 123456789012 unless the document says otherwise.
  std::string owner_of(const std::string& bucket_name) const;
  bool denies(std::string_view principal, std::string_view action, std::string_view resource) const;
};

// The error is one sentence.
std::expected<Account, std::string> parse_account(std::string_view text);

// "arn:aws:iam::123456789012:role/path/name" in its parts; nullopt when it is none.
struct RoleArn {
  std::string partition;  // "aws"
  std::string account;    // "" or 12 digits
  std::string name;       // without its path
};
std::optional<RoleArn> parse_role_arn(std::string_view arn);
bool is_account_id(std::string_view text);

}  // namespace quarry::sandbox
