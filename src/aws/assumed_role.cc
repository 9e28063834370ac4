#include "aws/assumed_role.h"

#include "aws/profile_file.h"

#include <fmt/format.h>

#include <utility>

namespace quarry::aws {

namespace {

// CloudTrail shows it; the time tells one start of ours from another, as the CLI's does.
void name_session(AssumeRole& request, const Clock& clock) {
  if (!request.session_name.empty()) return;
  request.session_name = fmt::format("quarry-{}", unix_seconds(clock.now()));
}

Error with_hint(Error error, const std::string& hint) {
  return Error(error.code(), error.message() + "; hint: " + hint).reason(error.reason());
}

Result<std::shared_ptr<StsClient>> sts_at(const IdentityWorld& world,
                                          const StsPlace& place,
                                          std::shared_ptr<CredentialProvider> signer) {
  auto endpoint = find_endpoint("sts", place.region, place.endpoint, world.environment);
  if (!endpoint) return fail(std::move(endpoint.error()));
  std::string region = sts_signing_region(endpoint->authority, place.region);
  return make_sts_client({world.client, world.clock, world.pool}, std::move(signer),
                         std::move(*endpoint), std::move(region));
}

class RoleSource final : public CredentialSource {
 public:
  RoleSource(IdentityWorld world,
             StsPlace place,
             AssumeRole request,
             std::shared_ptr<CredentialProvider> base)
      : world_(std::move(world)),
        place_(std::move(place)),
        request_(std::move(request)),
        base_(std::move(base)) {}

  Task<Found> look(Deadline deadline) override {
    auto got = co_await assume_role(world_, place_, request_, base_, deadline);
    if (!got) co_return fail(std::move(got.error()));
    co_return Found::some(std::move(*got));
  }

 private:
  IdentityWorld world_;
  StsPlace place_;
  AssumeRole request_;
  std::shared_ptr<CredentialProvider> base_;
};

class WebIdentitySource final : public CredentialSource {
 public:
  WebIdentitySource(IdentityWorld world,
                    StsPlace place,
                    AssumeRole request,
                    Secret<std::string> token)
      : world_(std::move(world)),
        place_(std::move(place)),
        request_(std::move(request)),
        token_(std::move(token)) {}

  Task<Found> look(Deadline deadline) override {
    auto token = co_await read_web_identity_token(world_, token_);
    if (!token) co_return fail(std::move(token.error()));
    auto got = co_await assume_role_with_web_identity(world_, place_, request_, std::move(*token),
                                                      deadline);
    if (!got) co_return fail(std::move(got.error()));
    co_return Found::some(std::move(*got));
  }

 private:
  IdentityWorld world_;
  StsPlace place_;
  AssumeRole request_;
  Secret<std::string> token_;
};

}  // namespace

std::string sts_signing_region(std::string_view authority, const std::string& otherwise) {
  std::string_view rest = authority.substr(0, authority.find(':'));
  while (!rest.empty()) {
    const auto dot = rest.find('.');
    const std::string_view label = rest.substr(0, dot);
    rest = dot == std::string_view::npos ? std::string_view() : rest.substr(dot + 1);
    if (label != "sts" && label != "sts-fips") continue;
    const std::string_view next = rest.substr(0, rest.find('.'));
    if (next == "amazonaws") return "us-east-1";
    const bool region = next.contains('-') && next.back() >= '0' && next.back() <= '9';
    return region && rest.contains("amazonaws.") ? std::string(next) : otherwise;
  }
  return otherwise;
}

Task<Credentials> assume_role(IdentityWorld world,
                              StsPlace place,
                              AssumeRole request,
                              std::shared_ptr<CredentialProvider> base,
                              Deadline deadline) {
  name_session(request, world.clock);
  const std::string arn = request.role_arn;
  const auto signer = co_await base->get(deadline);
  if (!signer) {
    Error error = signer.error();
    co_return fail(std::move(error).within("the credentials to assume role " + arn + " with"));
  }
  const std::string who = signer->source;
  auto sts = sts_at(world, place, base);
  if (!sts) co_return fail(std::move(sts.error()));
  const bool external_id = !request.external_id.empty();
  auto got = co_await (*sts)->assume_role(std::move(request), deadline);
  if (!got && got.error().code() == Errc::forbidden) {
    co_return fail(with_hint(
        std::move(got.error()),
        fmt::format("asked with the credentials of {} and {} external id; the role's trust policy "
                    "must allow sts:AssumeRole to them (sts:TagSession too, where session tags "
                    "are set), and their own policy too, in another account",
                    who, external_id ? "an" : "no")));
  }
  if (got) got->source = "role " + arn + " of " + who;
  co_return got;
}

Task<Credentials> assume_role_with_web_identity(IdentityWorld world,
                                                StsPlace place,
                                                AssumeRole request,
                                                Secret<std::string> token,
                                                Deadline deadline) {
  name_session(request, world.clock);
  auto sts = sts_at(world, place, nullptr);
  if (!sts) co_return fail(std::move(sts.error()));
  auto got = co_await (*sts)->assume_role_with_web_identity(std::move(request), std::move(token),
                                                            deadline);
  if (!got && got.error().code() == Errc::forbidden) {
    co_return fail(with_hint(std::move(got.error()),
                             "the role's trust policy must allow sts:AssumeRoleWithWebIdentity to "
                             "the token's issuer, audience and subject"));
  }
  co_return got;
}

Task<Secret<std::string>> read_token_file(IdentityWorld world, std::string path) {
  auto text = co_await run_blocking(world.pool, [&path] { return read_small_file(path); });
  if (!text) co_return fail(std::move(text.error()).within("the web identity token"));
  if (!*text) co_return fail(Errc::forbidden, "the web identity token: there is no file " + path);
  std::string token = std::move(**text);
  token.erase(token.find_last_not_of(" \t\r\n") + 1);
  if (token.empty())
    co_return fail(Errc::forbidden, "the web identity token: " + path + " is empty");
  co_return Secret<std::string>(std::move(token));
}

Task<Secret<std::string>> read_web_identity_token(IdentityWorld world, Secret<std::string> given) {
  const std::string& form = given.reveal();
  if (form.starts_with('/')) co_return co_await read_token_file(world, form);
  if (!form.starts_with("oidc/")) co_return given;
  constexpr std::string_view kFile = "oidc/file/";
  constexpr std::string_view kVariable = "oidc/env/";
  constexpr std::string_view kVariablePath = "oidc/env_path/";
  if (form.starts_with(kFile)) {
    const std::string path = form.substr(kFile.size());
    // "oidc/file/var/run/token" and "oidc/file//var/run/token" are both the absolute path.
    co_return co_await read_token_file(world, path.starts_with('/') ? path : "/" + path);
  }
  const bool is_path = form.starts_with(kVariablePath);
  if (!is_path && !form.starts_with(kVariable)) {
    co_return fail(Errc::forbidden,
                   "aws_web_identity_token is none of oidc/file/PATH, oidc/env/NAME and "
                   "oidc/env_path/NAME");
  }
  const std::string name = form.substr((is_path ? kVariablePath : kVariable).size());
  std::string value = value_of(world.environment, name);
  if (value.empty()) {
    co_return fail(Errc::forbidden, "aws_web_identity_token names " + name + ", which is not set");
  }
  if (is_path) co_return co_await read_token_file(world, value);
  co_return Secret<std::string>(std::move(value));
}

std::shared_ptr<CredentialSource> role_source(IdentityWorld world,
                                              StsPlace place,
                                              AssumeRole request,
                                              std::shared_ptr<CredentialProvider> base) {
  return std::make_shared<RoleSource>(std::move(world), std::move(place), std::move(request),
                                      std::move(base));
}

std::shared_ptr<CredentialSource> web_identity_source(IdentityWorld world,
                                                      StsPlace place,
                                                      AssumeRole request,
                                                      Secret<std::string> token) {
  return std::make_shared<WebIdentitySource>(std::move(world), std::move(place), std::move(request),
                                             std::move(token));
}

}  // namespace quarry::aws
