// The constraints of CreateModelInvocationJob, as the Bedrock service model states them (API
// version 2023-04-20), and AWS's way of naming what broke them.

#include "sandbox/jobs.h"

#include <boost/json.hpp>
#include <fmt/format.h>

#include <algorithm>

namespace quarry::sandbox {
namespace {

namespace json = boost::json;

bool digit(char c) { return c >= '0' && c <= '9'; }
bool lower(char c) { return c >= 'a' && c <= 'z'; }
bool alnum(char c) { return digit(c) || lower(c) || (c >= 'A' && c <= 'Z'); }
bool all(std::string_view text, bool (*allowed)(char)) {
  return std::ranges::all_of(text, allowed);
}
bool lower_dash(char c) { return lower(c) || digit(c) || c == '-'; }
bool alnum_dash(char c) { return alnum(c) || c == '-'; }

bool valid_token(std::string_view text) {
  return !text.empty() && alnum(text.front()) && alnum(text.back()) && all(text, alnum_dash);
}

bool valid_account(std::string_view text) { return text.size() == 12 && all(text, digit); }

// "arn:aws" or "arn:aws-…"; the rest after the partition's colon, nullopt when it is no ARN.
std::optional<std::string_view> after_partition(std::string_view text) {
  if (!text.starts_with("arn:aws")) return std::nullopt;
  const std::size_t colon = text.find(':', 4);
  if (colon == std::string_view::npos) return std::nullopt;
  const std::string_view suffix = text.substr(7, colon - 7);
  if (!suffix.empty() && (suffix.front() != '-' || suffix.size() < 2)) return std::nullopt;
  return text.substr(colon + 1);
}

bool valid_role(std::string_view text) {
  const auto rest = after_partition(text);
  if (!rest || !rest->starts_with("iam::")) return false;
  std::string_view tail = rest->substr(5);
  const std::size_t colon = tail.find(':');
  if (colon == std::string_view::npos || (colon > 0 && !valid_account(tail.substr(0, colon))))
    return false;
  tail.remove_prefix(colon + 1);
  return tail.starts_with("role/") && tail.size() > 5;
}

// "vendor.model-v1:0", "us.vendor.model", "model.name:1:2".
bool valid_dotted_model(std::string_view text) {
  std::size_t colons = 0;
  std::string_view head = text.substr(0, text.find(':'));
  std::string_view tail = text.substr(head.size());
  while (!tail.empty()) {
    tail.remove_prefix(1);
    const std::string_view group = tail.substr(0, tail.find(':'));
    if (group.empty() || group.size() > 63 || !all(group, lower_dash) || ++colons > 2) return false;
    tail.remove_prefix(group.size());
  }
  const std::size_t first = head.find('.');
  if (first == std::string_view::npos || first == 0 || first > 63 ||
      !all(head.substr(0, first), lower_dash))
    return false;
  head.remove_prefix(first + 1);
  const std::size_t second = head.find('.');
  if (second == std::string_view::npos)
    return head.size() >= 2 && head.size() <= 126 && all(head, lower_dash);
  const std::string_view left = head.substr(0, second), right = head.substr(second + 1);
  return !left.empty() && left.size() <= 63 && !right.empty() && right.size() <= 63 &&
         all(left, lower_dash) && all(right, lower_dash);
}

// ([0-9a-zA-Z][_-]?)+
bool valid_bare_model(std::string_view text) {
  bool separator = true;
  for (const char c : text) {
    const bool now = c == '_' || c == '-';
    if (now && separator) return false;
    if (!now && !alnum(c)) return false;
    separator = now;
  }
  return !text.empty();
}

bool valid_model(std::string_view text) {
  const auto rest = after_partition(text);
  if (!rest) return valid_dotted_model(text) || valid_bare_model(text);
  if (!rest->starts_with("bedrock:")) return false;
  std::string_view tail = rest->substr(8);
  const std::size_t colon = tail.find(':');
  if (colon == std::string_view::npos || colon == 0 || colon > 20 ||
      !all(tail.substr(0, colon), lower_dash))
    return false;
  tail.remove_prefix(colon + 1);
  if (tail.starts_with(":foundation-model/")) return valid_dotted_model(tail.substr(18));
  if (tail.size() < 13 || !valid_account(tail.substr(0, 12)) || tail[12] != ':') return false;
  tail.remove_prefix(13);
  for (const std::string_view kind : {"inference-profile/", "application-inference-profile/"}) {
    if (!tail.starts_with(kind)) continue;
    const std::string_view id = tail.substr(kind.size());
    return !id.empty() && all(id, [](char c) { return alnum_dash(c) || c == ':' || c == '.'; });
  }
  if (!tail.starts_with("custom-model/")) return false;
  tail.remove_prefix(13);
  const std::size_t slash = tail.rfind('/');
  if (slash == std::string_view::npos) return false;
  const std::string_view id = tail.substr(slash + 1);
  return valid_dotted_model(tail.substr(0, slash)) && id.size() == 12 &&
         all(id, [](char c) { return lower(c) || digit(c); });
}

bool valid_uri(std::string_view text) {
  if (!text.starts_with("s3://")) return false;
  text.remove_prefix(5);
  const std::string_view bucket = text.substr(0, text.find('/'));
  const auto inner = [](char c) { return lower(c) || digit(c) || c == '-' || c == '.'; };
  if (bucket.size() < 3 || bucket.size() > 63 || !std::ranges::all_of(bucket, inner)) return false;
  const auto edge = [](char c) { return lower(c) || digit(c); };
  if (!edge(bucket.front()) || !edge(bucket.back())) return false;
  std::string_view key = text.substr(bucket.size());
  if (key.ends_with('/')) key.remove_suffix(1);
  while (!key.empty()) {
    key.remove_prefix(1);
    const std::string_view segment = key.substr(0, key.find('/'));
    const auto allowed = [](char c) {
      return alnum(c) || std::string_view("-!_*'().").find(c) != std::string_view::npos;
    };
    if (segment.empty() || !std::ranges::all_of(segment, allowed)) return false;
    key.remove_prefix(segment.size());
  }
  return true;
}

bool valid_kms_key(std::string_view text) {
  if (text.size() == 36 && all(text, alnum_dash)) return true;
  const auto alias = [](std::string_view part) {
    return part.starts_with("alias/") && part.size() > 6 &&
           all(part.substr(6), [](char c) { return alnum_dash(c) || c == '_' || c == '/'; });
  };
  if (alias(text)) return true;
  const auto rest = after_partition(text);
  if (!rest || !rest->starts_with("kms:")) return false;
  std::string_view tail = rest->substr(4);
  const std::size_t colon = tail.find(':');
  if (colon == std::string_view::npos || !all(tail.substr(0, colon), alnum_dash)) return false;
  tail.remove_prefix(colon + 1);
  if (tail.size() < 14 || !valid_account(tail.substr(0, 12)) || tail[12] != ':') return false;
  tail.remove_prefix(13);
  return alias(tail) ||
         (tail.starts_with("key/") && tail.size() == 40 && all(tail.substr(4), alnum_dash));
}

bool valid_tag_text(std::string_view text) {
  return all(text, [](char c) {
    return alnum_dash(c) ||
           std::string_view(" \t\r\n\v\f._:/=+@").find(c) != std::string_view::npos;
  });
}

bool valid_network_id(std::string_view text) { return !text.empty() && all(text, alnum_dash); }

constexpr std::string_view kNamePattern = "[a-zA-Z0-9]{1,63}(-*[a-zA-Z0-9\\+\\-\\.]){0,63}";
constexpr std::string_view kTokenPattern = "[a-zA-Z0-9]{1,256}(-*[a-zA-Z0-9]){0,256}";
constexpr std::string_view kRolePattern = "arn:aws(-[^:]+)?:iam::([0-9]{12})?:role/.+";
constexpr std::string_view kModelPattern =
    "(arn:aws(-[^:]+)?:bedrock:[a-z0-9-]{1,20}:(([0-9]{12}:custom-model/"
    "[a-z0-9-]{1,63}[.]{1}[a-z0-9-:]{1,63}/[a-z0-9]{12}$)|(:foundation-model/"
    "([a-z0-9-]{1,63}[.]{1}[a-z0-9-]{1,63}([.]?[a-z0-9-]{1,63})([:][a-z0-9-]{1,63}){0,2})|(([0-9a-"
    "zA-Z][_-]?)+)$)|([0-9]{12}:(inference-profile|application-inference-profile)/"
    "[a-zA-Z0-9-:.]+$)))|([a-z0-9-]{1,63}[.]{1}[a-z0-9-]{1,63}([.]?[a-z0-9-]{1,63})([:][a-z0-9-]{1,"
    "63}){0,2})|(([0-9a-zA-Z][_-]?)+)";
constexpr std::string_view kUriPattern =
    "s3://[a-z0-9][-.a-z0-9]{1,61}[a-z0-9](?:/[-!_*'().a-z0-9A-Z]+(?:/[-!_*'().a-z0-9A-Z]+)*)?/?";
constexpr std::string_view kAccountPattern = "[0-9]{12}";
constexpr std::string_view kKmsPattern =
    "(arn:aws(-[^:]+)?:kms:[a-zA-Z0-9-]*:[0-9]{12}:((key/[a-zA-Z0-9-]{36})|(alias/[a-zA-Z0-9-_/"
    "]+)))|([a-zA-Z0-9-]{36})|(alias/[a-zA-Z0-9-_/]+)";
constexpr std::string_view kTagPattern = "[a-zA-Z0-9\\s._:/=+@-]*";
constexpr std::string_view kNetworkPattern = "[-0-9a-zA-Z]+";

struct TextRule {
  std::size_t length_min = 0;
  std::size_t length_max = 0;
  std::string_view pattern;
  bool (*matches)(std::string_view) = nullptr;
  bool required = false;
};

// Collects what is wrong, as AWS lists it.
class Checker {
 public:
  void wrong(std::string_view value, std::string_view path, std::string_view constraint) {
    found_.push_back(
        fmt::format("Value {} at '{}' failed to satisfy constraint: {}", value, path, constraint));
  }
  void missing(std::string_view path) { wrong("null", path, "Member must not be null"); }

  // The member when it is there and of the right kind.
  const json::value* member(const json::object& object,
                            std::string_view name,
                            std::string_view path,
                            json::kind kind,
                            bool required) {
    const json::value* value = object.if_contains(name);
    if (value == nullptr || value->is_null()) {
      if (required) missing(path);
      return nullptr;
    }
    if (value->kind() == kind) return value;
    // The service's parser refuses the whole body before it looks at constraints.
    malformed_ = true;
    return nullptr;
  }

  void text(const json::object& object,
            std::string_view name,
            std::string_view path,
            const TextRule& rule) {
    if (const json::value* value = member(object, name, path, json::kind::string, rule.required)) {
      text_value(value->get_string(), path, rule);
    }
  }

  void text_value(std::string_view value, std::string_view path, const TextRule& rule) {
    const std::string shown = fmt::format("'{}'", value);
    if (value.size() < rule.length_min) {
      wrong(shown, path,
            fmt::format("Member must have length greater than or equal to {}", rule.length_min));
    }
    if (rule.length_max > 0 && value.size() > rule.length_max) {
      wrong(shown, path,
            fmt::format("Member must have length less than or equal to {}", rule.length_max));
    } else if (rule.matches != nullptr && !rule.matches(value)) {
      wrong(shown, path,
            fmt::format("Member must satisfy regular expression pattern: {}", rule.pattern));
    }
  }

  void one_of(const json::object& object,
              std::string_view name,
              std::string_view path,
              std::initializer_list<std::string_view> known) {
    const json::value* value = member(object, name, path, json::kind::string, false);
    if (value == nullptr ||
        std::ranges::find(known, std::string_view(value->get_string())) != known.end())
      return;
    wrong(fmt::format("'{}'", std::string_view(value->get_string())), path,
          fmt::format("Member must satisfy enum value set: [{}]", fmt::join(known, ", ")));
  }

  void count(const json::array& array, std::string_view path, std::size_t least, std::size_t most) {
    const std::string shown = fmt::format("'{}'", json::serialize(array));
    if (array.size() < least)
      wrong(shown, path, fmt::format("Member must have length greater than or equal to {}", least));
    if (array.size() > most)
      wrong(shown, path, fmt::format("Member must have length less than or equal to {}", most));
  }

  Answer<void> verdict() const {
    if (malformed_)
      return refuse(400, "ValidationException",
                    "The request body could not be deserialized: a member is not of its type.");
    if (found_.empty()) return {};
    return refuse(400, "ValidationException",
                  fmt::format("{} validation error{} detected: {}", found_.size(),
                              found_.size() == 1 ? "" : "s", fmt::join(found_, "; ")));
  }

 private:
  std::vector<std::string> found_;
  bool malformed_ = false;
};

// A union holds exactly one of its members: both of ours have only one to hold.
const json::object* data_config(Checker& check,
                                const json::object& request,
                                std::string_view name,
                                std::string_view inner) {
  const json::value* config = check.member(request, name, name, json::kind::object, true);
  if (config == nullptr) return nullptr;
  const std::string path = fmt::format("{}.{}", name, inner);
  if (config->get_object().size() != 1) {
    check.wrong(fmt::format("'{}'", json::serialize(*config)), name,
                "Member must have exactly one of its union members set");
    return nullptr;
  }
  const json::value* value =
      check.member(config->get_object(), inner, path, json::kind::object, true);
  return value == nullptr ? nullptr : &value->get_object();
}

void check_data(Checker& check, const json::object& request) {
  const TextRule uri{.length_min = 1,
                     .length_max = 1024,
                     .pattern = kUriPattern,
                     .matches = valid_uri,
                     .required = true};
  const TextRule owner{.pattern = kAccountPattern, .matches = valid_account};
  if (const auto* input = data_config(check, request, "inputDataConfig", "s3InputDataConfig")) {
    check.text(*input, "s3Uri", "inputDataConfig.s3InputDataConfig.s3Uri", uri);
    check.text(*input, "s3BucketOwner", "inputDataConfig.s3InputDataConfig.s3BucketOwner", owner);
    check.one_of(*input, "s3InputFormat", "inputDataConfig.s3InputDataConfig.s3InputFormat",
                 {"JSONL"});
  }
  if (const auto* output = data_config(check, request, "outputDataConfig", "s3OutputDataConfig")) {
    check.text(*output, "s3Uri", "outputDataConfig.s3OutputDataConfig.s3Uri", uri);
    check.text(*output, "s3BucketOwner", "outputDataConfig.s3OutputDataConfig.s3BucketOwner",
               owner);
    check.text(
        *output, "s3EncryptionKeyId", "outputDataConfig.s3OutputDataConfig.s3EncryptionKeyId",
        {.length_min = 1, .length_max = 2048, .pattern = kKmsPattern, .matches = valid_kms_key});
  }
}

void check_tags(Checker& check, const json::object& request) {
  const json::value* tags = check.member(request, "tags", "tags", json::kind::array, false);
  if (tags == nullptr) return;
  check.count(tags->get_array(), "tags", 0, 200);
  for (std::size_t i = 0; i < tags->get_array().size(); ++i) {
    const std::string path = fmt::format("tags.{}.member", i + 1);
    const json::value& tag = tags->get_array()[i];
    if (!tag.is_object()) {
      check.missing(path);
      continue;
    }
    check.text(tag.get_object(), "key", path + ".key",
               {.length_min = 1,
                .length_max = 128,
                .pattern = kTagPattern,
                .matches = valid_tag_text,
                .required = true});
    check.text(
        tag.get_object(), "value", path + ".value",
        {.length_max = 256, .pattern = kTagPattern, .matches = valid_tag_text, .required = true});
  }
}

void check_vpc(Checker& check, const json::object& request) {
  const json::value* vpc =
      check.member(request, "vpcConfig", "vpcConfig", json::kind::object, false);
  if (vpc == nullptr) return;
  const auto ids = [&](const char* name, std::size_t most) {
    const std::string path = fmt::format("vpcConfig.{}", name);
    const json::value* list = check.member(vpc->get_object(), name, path, json::kind::array, true);
    if (list == nullptr) return;
    check.count(list->get_array(), path, 1, most);
    for (std::size_t i = 0; i < list->get_array().size(); ++i) {
      const json::value& id = list->get_array()[i];
      check.text_value(id.is_string() ? std::string_view(id.get_string()) : std::string_view{},
                       fmt::format("{}.{}.member", path, i + 1),
                       {.length_max = 32, .pattern = kNetworkPattern, .matches = valid_network_id});
    }
  };
  ids("subnetIds", 16);
  ids("securityGroupIds", 5);
}

void check_timeout(Checker& check, const json::object& request) {
  const json::value* timeout = check.member(request, "timeoutDurationInHours",
                                            "timeoutDurationInHours", json::kind::int64, false);
  if (timeout == nullptr) return;
  const std::int64_t hours = timeout->get_int64();
  const std::string shown = fmt::format("'{}'", hours);
  if (hours < 24)
    check.wrong(shown, "timeoutDurationInHours",
                "Member must have value greater than or equal to 24");
  if (hours > 168)
    check.wrong(shown, "timeoutDurationInHours",
                "Member must have value less than or equal to 168");
}

}  // namespace

bool valid_job_name(std::string_view text) {
  return !text.empty() && text.size() <= 63 && alnum(text.front()) &&
         all(text, [](char c) { return alnum_dash(c) || c == '+' || c == '.'; });
}

Answer<void> check_create_request(const json::value& request) {
  if (!request.is_object())
    return refuse(400, "ValidationException", "The request body is not a JSON object.");
  const json::object& body = request.get_object();
  Checker check;
  check.text(body, "jobName", "jobName",
             {.length_min = 1,
              .length_max = 63,
              .pattern = kNamePattern,
              .matches = valid_job_name,
              .required = true});
  check.text(
      body, "roleArn", "roleArn",
      {.length_max = 2048, .pattern = kRolePattern, .matches = valid_role, .required = true});
  check.text(body, "modelId", "modelId",
             {.length_min = 1,
              .length_max = 2048,
              .pattern = kModelPattern,
              .matches = valid_model,
              .required = true});
  check.text(
      body, "clientRequestToken", "clientRequestToken",
      {.length_min = 1, .length_max = 256, .pattern = kTokenPattern, .matches = valid_token});
  check_data(check, body);
  check_timeout(check, body);
  check_tags(check, body);
  check_vpc(check, body);
  check.one_of(body, "modelInvocationType", "modelInvocationType", {"InvokeModel", "Converse"});
  return check.verdict();
}

}  // namespace quarry::sandbox
