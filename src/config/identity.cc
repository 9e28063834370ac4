#include "config/identity.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <set>
#include <utility>

namespace quarry::config {
namespace {

constexpr std::size_t kSessionTagsMax = 50;  // STS API reference, AssumeRole
constexpr std::size_t kTagKeyCharsMax = 128;
constexpr std::size_t kTagValueCharsMax = 256;

std::string capitals(std::string_view key) {
  std::string out(key);
  for (char& c : out) {
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
  }
  return out;
}

bool is_word(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

bool all_of(std::string_view text, std::string_view besides_words) {
  return std::ranges::all_of(text, [&](char c) { return is_word(c) || besides_words.contains(c); });
}

// STS API reference, AssumeRole: RoleSessionName, ExternalId.
Complaint check_session_name(std::string_view name) {
  if (name.size() >= 2 && name.size() <= 64 && all_of(name, "+=,.@-")) return std::nullopt;
  return "is no session name: 2 to 64 letters, digits and _ + = , . @ -";
}

Complaint check_external_id(std::string_view id) {
  if (id.size() >= 2 && id.size() <= 1224 && all_of(id, "+=,.@:/-")) return std::nullopt;
  return "is no external id: 2 to 1224 letters, digits and _ + = , . @ : / -";
}

// The forms of a token that are no token themselves.
Complaint check_token(std::string_view token) {
  if (token.starts_with("./") || token.starts_with("../") || token.starts_with("~")) {
    return "is no absolute path; a token's file is named from / on";
  }
  if (!token.starts_with("oidc/")) return std::nullopt;
  for (std::string_view form : {"oidc/file/", "oidc/env/", "oidc/env_path/"}) {
    if (token.starts_with(form) && token.size() > form.size()) return std::nullopt;
  }
  return "is none of oidc/file/PATH, oidc/env/NAME and oidc/env_path/NAME, which Quarry knows";
}

// Tag keys and values of Bedrock (TagResource) and of STS.
bool tag_text(std::string_view text, std::size_t least, std::size_t most) {
  return text.size() >= least && text.size() <= most && all_of(text, " .:/=+@-");
}

class IdentityReader {
 public:
  IdentityReader(Section& params, Findings& findings, DeploymentSettings& out)
      : params_(params), findings_(findings), out_(out) {}

  void read();

 private:
  std::optional<StaticCredentials> read_pair(std::string_view id_key, std::string_view secret_key);
  void read_keys();
  void read_role();
  std::optional<std::string> given_or_set(std::string_view key,
                                          Complaint (*check)(std::string_view));
  // Of keys that mean nothing without another one.
  void needs_role(std::string_view key);

  Section& params_;
  Findings& findings_;
  DeploymentSettings& out_;
};

std::optional<StaticCredentials> IdentityReader::read_pair(std::string_view id_key,
                                                           std::string_view secret_key) {
  auto id = params_.text(id_key);
  auto secret = params_.text(secret_key);
  for (auto [given, missing] : {std::pair(id_key, secret_key), std::pair(secret_key, id_key)}) {
    if (params_.has(given) && !params_.has(missing)) {
      params_.complain(given, fmt::format("is half a pair: {} is missing", missing));
    }
  }
  if (!id || !secret) return std::nullopt;
  return StaticCredentials{*id, Secret<std::string>(*secret), Secret<std::string>()};
}

// A file with only one of the two pairs means that pair for everything, as the s3_* keys of
// LiteLLM's own example are the account's keys; unless it says otherwise who it is.
void IdentityReader::read_keys() {
  auto aws = read_pair("aws_access_key_id", "aws_secret_access_key");
  auto s3 = read_pair("s3_access_key_id", "s3_secret_access_key");
  auto token = params_.text("aws_session_token", /*may_be_empty=*/true);
  const bool any_key = params_.has("aws_access_key_id") || params_.has("s3_access_key_id") ||
                       params_.has("aws_secret_access_key") || params_.has("s3_secret_access_key");
  if (token && !token->empty()) {
    if (!any_key) {
      params_.complain("aws_session_token",
                       "needs aws_access_key_id and aws_secret_access_key beside it");
    }
    // A token belongs to one access key.
    const bool for_s3 = s3 && (!aws || aws->access_key_id == s3->access_key_id);
    if (aws) aws->session_token = Secret<std::string>(*token);
    if (for_s3) s3->session_token = Secret<std::string>(*token);
  }
  // LiteLLM's examples name the key and the secret of the environment, and not the token beside
  // them.
  for (std::optional<StaticCredentials>* pair : {&aws, &s3}) {
    if (params_.has("aws_session_token") || !*pair) continue;
    if ((*pair)->access_key_id != findings_.environment("AWS_ACCESS_KEY_ID")) continue;
    (*pair)->session_token =
        Secret<std::string>(findings_.environment("AWS_SESSION_TOKEN").value_or(""));
  }
  const bool somebody = params_.has("aws_role_name") || params_.has("aws_profile_name");
  if (!aws && s3 && !somebody) aws = s3;
  // The same keys twice are one identity, which may go on to take a role.
  if (s3 && s3 != aws) out_.s3_credentials = std::move(s3);
  out_.identity.keys = std::move(aws);
}

std::optional<std::string> IdentityReader::given_or_set(std::string_view key,
                                                        Complaint (*check)(std::string_view)) {
  if (params_.has(key)) return params_.checked_text(key, check);
  const std::string variable = capitals(key);
  auto value = findings_.environment(variable);
  if (!value || value->empty()) return std::nullopt;
  if (auto complaint = check(*value)) {
    params_.complain(key, fmt::format("{} in the environment {}", variable, *complaint));
    return std::nullopt;
  }
  return value;
}

void IdentityReader::needs_role(std::string_view key) {
  if (params_.has(key) && out_.identity.role_arn.empty()) {
    params_.complain(key, "does nothing without aws_role_name, the role that is taken on with it");
  }
}

void IdentityReader::read_role() {
  AwsIdentity& identity = out_.identity;
  const bool somebody = identity.keys || params_.has("aws_profile_name") ||
                        params_.has("aws_role_name") || params_.has("aws_web_identity_token") ||
                        params_.has("api_key");
  // Of entries that say who they are, only their own words count.
  const auto who = [&](std::string_view key, Complaint (*check)(std::string_view)) {
    return somebody ? params_.checked_text(key, check) : given_or_set(key, check);
  };
  identity.profile = who("aws_profile_name", check_name).value_or("");
  identity.role_arn = who("aws_role_name", check_role_arn).value_or("");
  identity.web_identity_token =
      Secret<std::string>(who("aws_web_identity_token", check_token).value_or(""));
  identity.sts_endpoint = given_or_set("aws_sts_endpoint", check_endpoint).value_or("");
  identity.session_tags = read_tags(params_, "aws_session_tags", kSessionTagsMax, findings_);
  if (params_.has("aws_profile_name") && identity.keys && identity.role_arn.empty()) {
    params_.complain("aws_profile_name",
                     "and aws_access_key_id say twice who this is; hint: keep one of them");
  }
  if (params_.has("aws_session_name") && !params_.has("aws_role_name") &&
      identity.role_arn.empty()) {
    params_.text("aws_session_name");
    findings_.unused.push_back(fmt::format("{} (line {}; there is no aws_role_name)",
                                           params_.path_of("aws_session_name"),
                                           params_.line_of("aws_session_name")));
  }
  for (std::string_view key : {"aws_external_id", "aws_session_tags", "aws_web_identity_token"}) {
    needs_role(key);
  }
  if (identity.role_arn.empty()) return;
  identity.session_name = given_or_set("aws_session_name", check_session_name).value_or("");
  identity.external_id = given_or_set("aws_external_id", check_external_id).value_or("");
}

void IdentityReader::read() {
  read_keys();
  read_role();
  out_.bearer_token = Secret<std::string>(params_.text("api_key").value_or(""));
}

}  // namespace

void read_identity(Section& params, Findings& findings, DeploymentSettings& out) {
  IdentityReader(params, findings, out).read();
}

std::vector<Tag> read_tags(Section& params,
                           std::string_view key,
                           std::size_t tags_max,
                           Findings& findings) {
  std::vector<Tag> tags;
  std::set<std::string> keys;
  const std::vector<YAML::Node> entries = params.list(key);
  if (entries.size() > tags_max) {
    params.complain(key, fmt::format("holds {} tags; AWS takes {}", entries.size(), tags_max));
  }
  for (std::size_t i = 0; i < entries.size(); ++i) {
    Section entry(entries[i], Place::tag, fmt::format("{}[{}]", params.path_of(key), i),
                  yaml_line(entries[i], params.line_of(key)), findings);
    if (!entry.is_map()) continue;
    // AWS's own spelling too, which LiteLLM's examples have.
    const bool capital = entry.has("Key") || entry.has("Value");
    const auto name = entry.required_text(capital ? "Key" : "key");
    const auto value = entry.text(capital ? "Value" : "value", /*may_be_empty=*/true);
    entry.leftovers();
    if (!name) continue;
    if (!tag_text(*name, 1, kTagKeyCharsMax)) {
      entry.complain(capital ? "Key" : "key",
                     "is no tag's key: 1 to 128 letters, digits, spaces and _ . : / = + @ -");
    } else if (!tag_text(value.value_or(""), 0, kTagValueCharsMax)) {
      entry.complain(capital ? "Value" : "value",
                     "is no tag's value: up to 256 letters, digits, spaces and _ . : / = + @ -");
    } else if (!keys.insert(*name).second) {
      entry.complain(capital ? "Key" : "key", fmt::format("'{}' is given twice", *name));
    }
    tags.push_back({*name, value.value_or("")});
  }
  return tags;
}

}  // namespace quarry::config
