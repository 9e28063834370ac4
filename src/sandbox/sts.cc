#include "sandbox/sts.h"

#include "base/bytes.h"
#include "sandbox/signature.h"
#include "sandbox/wire.h"
#include "sandbox/xml.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

namespace quarry::sandbox {
namespace {

constexpr std::string_view kNamespace = "https://sts.amazonaws.com/doc/2011-06-15/";
constexpr std::string_view kVersion = "2011-06-15";
constexpr int kSecondsMin = 900;
constexpr int kSecondsMax = 43200;
constexpr int kChainedSecondsMax = 3600;
constexpr int kTokenSecondsMax = 129600;  // GetSessionToken
constexpr std::size_t kTagsMax = 50;

using StsAnswer = Answer<std::string>;  // the XML within <…Result>

struct Asked {
  std::string role_arn;
  std::string session_name;
  int seconds = 3600;
  std::vector<std::pair<std::string, std::string>> tags;
};

// Collects what breaks a constraint of the service model, as AWS lists it.
class Checker {
 public:
  explicit Checker(const Query& form) : form_(form) {}

  std::string text(std::string_view parameter,
                   std::string_view member,
                   std::size_t length_min,
                   std::size_t length_max,
                   bool required,
                   std::string_view pattern = "",
                   bool (*allowed)(char) = nullptr) {
    const auto value = form_.get(parameter);
    if (!value) {
      if (required) wrong("null", member, "Member must not be null");
      return "";
    }
    check(*value, member, length_min, length_max, pattern, allowed);
    return *value;
  }

  void check(const std::string& value,
             std::string_view member,
             std::size_t length_min,
             std::size_t length_max,
             std::string_view pattern = "",
             bool (*allowed)(char) = nullptr) {
    const std::string shown = fmt::format("'{}'", value);
    if (value.size() < length_min)
      wrong(shown, member,
            fmt::format("Member must have length greater than or equal to {}", length_min));
    if (value.size() > length_max)
      wrong(shown, member,
            fmt::format("Member must have length less than or equal to {}", length_max));
    if (allowed != nullptr && !std::ranges::all_of(value, allowed))
      wrong(shown, member,
            fmt::format("Member must satisfy regular expression pattern: {}", pattern));
  }

  int seconds(int fallback, int most) {
    const auto text = form_.get("DurationSeconds");
    if (!text) return fallback;
    int value = 0;
    const auto [at, error] = std::from_chars(text->data(), text->data() + text->size(), value);
    if (error != std::errc{} || at != text->data() + text->size()) {
      malformed_ = true;
      return fallback;
    }
    const std::string shown = fmt::format("'{}'", value);
    const auto bound = [&](std::string_view which, int limit) {
      wrong(shown, "durationSeconds",
            fmt::format("Member must have value {} than or equal to {}", which, limit));
    };
    if (value < kSecondsMin) bound("greater", kSecondsMin);
    if (value > most) bound("less", most);
    return value;
  }

  void wrong(std::string_view value, std::string_view member, std::string_view constraint) {
    found_.push_back(fmt::format("Value {} at '{}' failed to satisfy constraint: {}", value, member,
                                 constraint));
  }

  Answer<void> verdict() const {
    if (malformed_) return refuse(400, "MalformedInput", "");
    if (found_.empty()) return {};
    return refuse(400, "ValidationError",
                  fmt::format("{} validation error{} detected: {}", found_.size(),
                              found_.size() == 1 ? "" : "s", fmt::join(found_, "; ")));
  }

 private:
  const Query& form_;
  std::vector<std::string> found_;
  bool malformed_ = false;
};

bool alnum(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}
bool name_char(char c) { return alnum(c) || std::string_view("_+=,.@-").contains(c); }
bool external_id_char(char c) { return alnum(c) || std::string_view("_+=,.@:/-").contains(c); }

std::vector<std::pair<std::string, std::string>> tags_of(const Query& form, Checker& checker) {
  std::vector<std::pair<std::string, std::string>> tags;
  for (std::size_t i = 1;; ++i) {
    const std::string prefix = fmt::format("Tags.member.{}.", i);
    const auto key = form.get(prefix + "Key"), value = form.get(prefix + "Value");
    if (!key && !value) break;
    if (i > kTagsMax) {
      checker.wrong("'[…]'", "tags", "Member must have length less than or equal to 50");
      break;
    }
    const std::string member = fmt::format("tags.{}.member", i);
    if (!key) checker.wrong("null", member + ".key", "Member must not be null");
    if (!value) checker.wrong("null", member + ".value", "Member must not be null");
    checker.check(key.value_or("?"), member + ".key", 1, 128);
    checker.check(value.value_or(""), member + ".value", 0, 256);
    tags.emplace_back(key.value_or(""), value.value_or(""));
  }
  return tags;
}

// What AssumeRole and AssumeRoleWithWebIdentity both take.
Asked read_asked(const Query& form, Checker& checker) {
  return {.role_arn = checker.text("RoleArn", "roleArn", 20, 2048, true),
          .session_name = checker.text("RoleSessionName", "roleSessionName", 2, 64, true,
                                       "[\\w+=,.@-]*", name_char),
          .seconds = checker.seconds(3600, kSecondsMax),
          .tags = tags_of(form, checker)};
}

Answer<RoleArn> role_of(const Asked& asked) {
  auto role = parse_role_arn(asked.role_arn);
  if (role && !role->account.empty()) return *std::move(role);
  return refuse(400, "ValidationError", fmt::format("{} is invalid", asked.role_arn));
}

std::string text_of(SysTime at) { return iso8601(at).substr(0, 19) + "Z"; }

void write_credentials(XmlWriter& xml, const Session& session) {
  xml.open("Credentials");
  xml.element("AccessKeyId", session.access_key_id);
  xml.element("SecretAccessKey", session.key.secret.reveal());
  xml.element("SessionToken", session.key.session_token.reveal());
  xml.element("Expiration", text_of(*session.key.expires));
  xml.close("Credentials");
}

void write_role_user(XmlWriter& xml, const Session& session) {
  xml.open("AssumedRoleUser");
  xml.element("AssumedRoleId", session.key.principal.user_id);
  xml.element("Arn", session.key.principal.arn);
  xml.close("AssumedRoleUser");
}

bool has_tags(const AccountRole& role, const Asked& asked) {
  return std::ranges::all_of(role.tags, [&](const auto& tag) {
    return std::ranges::find(asked.tags, std::pair(tag.first, tag.second)) != asked.tags.end();
  });
}

StsAnswer assume_role(StsContext& sts, const Caller& caller, const Query& form, SysTime now) {
  Checker checker(form);
  const Asked asked = read_asked(form, checker);
  const std::string external_id = checker.text("ExternalId", "externalId", 2, 1224, false,
                                               "[\\w+=,.@:\\/-]*", external_id_char);
  if (auto right = checker.verdict(); !right) return std::unexpected(right.error());
  const auto role = role_of(asked);
  if (!role) return std::unexpected(role.error());
  const Identities& identities = sts.identities;
  const AccountRole* known = identities.account().role(asked.role_arn);
  // AWS does not say which condition of the trust policy was not met.
  const bool trusted =
      known == nullptr || (!known->denied && has_tags(*known, asked) &&
                           (known->external_id.empty() || known->external_id == external_id));
  const auto denies = [&](std::string_view action) {
    return identities.account().denies(caller.principal.arn, action, asked.role_arn);
  };
  const bool may_tag = asked.tags.empty() || !denies("sts:TagSession");
  if (!trusted || denies("sts:AssumeRole") || !may_tag) {
    return refuse(403, "AccessDenied",
                  fmt::format("User: {} is not authorized to perform: {} on resource: {}",
                              caller.principal.arn, may_tag ? "sts:AssumeRole" : "sts:TagSession",
                              asked.role_arn));
  }
  if (caller.assumed_role && asked.seconds > kChainedSecondsMax) {
    return refuse(400, "ValidationError",
                  "The requested DurationSeconds exceeds the 1 hour session limit for roles "
                  "assumed by role chaining");
  }
  const Session session =
      sts.identities.assume(*role, asked.role_arn, asked.session_name, asked.seconds, now);
  XmlWriter xml;
  write_credentials(xml, session);
  write_role_user(xml, session);
  return std::move(xml).text();
}

StsAnswer assume_role_with_web_identity(StsContext& sts, const Query& form, SysTime now) {
  Checker checker(form);
  const Asked asked = read_asked(form, checker);
  const std::string token = checker.text("WebIdentityToken", "webIdentityToken", 4, 20000, true);
  if (auto right = checker.verdict(); !right) return std::unexpected(right.error());
  const auto role = role_of(asked);
  if (!role) return std::unexpected(role.error());
  const AccountRole* known = sts.identities.account().role(asked.role_arn);
  if (known != nullptr && !known->web_identity.empty() &&
      std::ranges::find(known->web_identity, token) == known->web_identity.end()) {
    return refuse(400, "InvalidIdentityToken",
                  "The ID Token provided is not a valid JWT. (You may see this error if you sent "
                  "an Access Token)");
  }
  if ((known != nullptr && known->denied) ||
      sts.identities.account().denies("", "sts:AssumeRoleWithWebIdentity", asked.role_arn)) {
    return refuse(403, "AccessDenied", "Not authorized to perform sts:AssumeRoleWithWebIdentity");
  }
  const Session session =
      sts.identities.assume(*role, asked.role_arn, asked.session_name, asked.seconds, now);
  XmlWriter xml;
  write_credentials(xml, session);
  write_role_user(xml, session);
  xml.element("Provider", "arn:aws:iam::123456789012:oidc-provider/quarry-sandbox");
  xml.element("Audience", "sts.amazonaws.com");
  xml.element("SubjectFromWebIdentityToken", "quarry-sandbox");
  return std::move(xml).text();
}

StsAnswer caller_identity(const Caller& caller) {
  XmlWriter xml;
  xml.element("Arn", caller.principal.arn);
  xml.element("UserId", caller.principal.user_id);
  xml.element("Account", caller.principal.account);
  return std::move(xml).text();
}

StsAnswer session_token(StsContext& sts, const Caller& caller, const Query& form, SysTime now) {
  Checker checker(form);
  const int seconds = checker.seconds(kSecondsMax, kTokenSecondsMax);
  if (auto right = checker.verdict(); !right) return std::unexpected(right.error());
  if (caller.access_key_id.starts_with("ASIA")) {
    return refuse(403, "AccessDenied", "Cannot call GetSessionToken with session credentials");
  }
  XmlWriter xml;
  write_credentials(xml, sts.identities.begin_session(caller.principal, false, seconds, now));
  return std::move(xml).text();
}

StsAnswer answer(StsContext& sts,
                 const http::ServerRequest& request,
                 const std::string& body,
                 SysTime now) {
  const auto form = Query::parse(body);
  if (!form) return refuse(400, "MalformedInput", "");
  const std::string action = form->get("Action").value_or("");
  if (action.empty())
    return refuse(400, "MissingAction", "No action was supplied with this request");
  if (form->get("Version") != std::string(kVersion)) {
    return refuse(400, "InvalidAction",
                  fmt::format("Could not find operation {} for version {}", action,
                              form->get("Version").value_or("NO_VERSION_SPECIFIED")));
  }
  // Its token speaks for itself: it is not signed.
  if (action == "AssumeRoleWithWebIdentity") return assume_role_with_web_identity(sts, *form, now);
  const auto caller =
      verify_signature(request, Service::sts, sha256_hex(body), sts.identities, now);
  if (!caller) return std::unexpected(caller.error());
  if (action == "AssumeRole") return assume_role(sts, *caller, *form, now);
  if (action == "GetCallerIdentity") return caller_identity(*caller);
  if (action == "GetSessionToken") return session_token(sts, *caller, *form, now);
  return refuse(400, "InvalidAction",
                fmt::format("Could not find operation {} for version {}", action, kVersion));
}

// What XmlWriter has written, without its declaration.
std::string_view inner(std::string_view xml) {
  return xml.starts_with("<?xml") ? xml.substr(xml.find("?>") + 2) : xml;
}

}  // namespace

bool is_sts_request(const http::ServerRequest& request) {
  return request.path == "/" && request.method == "POST" &&
         request.headers.get("content-type")
             .value_or("")
             .starts_with("application/x-www-form-urlencoded");
}

std::string sts_action(std::string_view form) {
  const auto query = Query::parse(form);
  return query ? query->get("Action").value_or("") : "";
}

http::ServerResponse handle_sts(StsContext& sts,
                                const http::ServerRequest& request,
                                const std::string& form,
                                std::chrono::seconds clock_offset) {
  const std::string id = amzn_request_id();
  const StsAnswer result = answer(sts, request, form, sts.wall.now() + clock_offset);
  if (!result) return query_fault(result.error(), id);
  const std::string action = sts_action(form);
  http::ServerResponse response;
  response.headers.set("Content-Type", "text/xml");
  response.headers.set("x-amzn-RequestId", id);
  response.body = fmt::format(
      "<{0}Response xmlns=\"{1}\"><{0}Result>{2}</{0}Result><ResponseMetadata><RequestId>{3}"
      "</RequestId></ResponseMetadata></{0}Response>",
      action, kNamespace, inner(*result), id);
  return response;
}

}  // namespace quarry::sandbox
