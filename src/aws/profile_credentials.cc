#include "aws/profile_credentials.h"

#include "aws/container_credentials.h"
#include "aws/credential_process.h"
#include "aws/instance_metadata.h"
#include "aws/profile_file.h"
#include "aws/sso_credentials.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <utility>

namespace quarry::aws {

namespace {

bool has(const IniSection& section, const std::string& key) { return section.contains(key); }

bool has_role(const IniSection& section) {
  return has(section, "role_arn") && !has(section, "web_identity_token_file");
}

bool has_keys(const IniSection& section) {
  return has(section, "aws_access_key_id") || has(section, "aws_secret_access_key");
}

std::unexpected<Error> wrong(const std::string& profile, std::string_view what) {
  return fail(Error(Errc::forbidden, fmt::format("profile {}: {}", profile, what))
                  .reason("InvalidProfile"));
}

// One look: the files as they are now, and the profiles that led here.
struct Walk {
  IdentityWorld world;
  StsPlace place;
  ProfileFiles files;
  bool with_environment = false;  // its web identity
  std::vector<std::string> visited;
  Deadline deadline;
};
using WalkPtr = std::shared_ptr<Walk>;

Task<Found> look_at_role(WalkPtr walk, std::string name, IniSection profile);

StsPlace place_of(const Walk& walk, const IniSection& profile) {
  StsPlace place = walk.place;
  const std::string region = value_of(profile, "region");
  if (!region.empty()) place.region = region;
  return place;
}

// Keys of one file; none where it has no aws_access_key_id.
Result<std::optional<Credentials>> keys_of(const std::map<std::string, IniSection>& file,
                                           const std::string& name,
                                           const std::string& path) {
  const auto found = file.find(name);
  if (found == file.end() || !has(found->second, "aws_access_key_id")) return std::nullopt;
  const IniSection& section = found->second;
  Credentials out;
  out.access_key_id = value_of(section, "aws_access_key_id");
  out.secret_access_key = Secret<std::string>(value_of(section, "aws_secret_access_key"));
  std::string token = value_of(section, "aws_security_token");
  if (token.empty()) token = value_of(section, "aws_session_token");
  out.session_token = Secret<std::string>(std::move(token));
  if (out.access_key_id.empty() || out.secret_access_key.reveal().empty()) {
    return wrong(name, path +
                           " has aws_access_key_id, but not both keys; hint: set "
                           "aws_secret_access_key too");
  }
  out.source = "profile " + name;
  return out;
}

std::string web_identity_value(const Walk& walk,
                               const IniSection& profile,
                               const char* variable,
                               const char* key) {
  const std::string set =
      walk.with_environment ? value_of(walk.world.environment, variable) : std::string();
  return set.empty() ? value_of(profile, key) : set;
}

// nullopt: none is set up.
Task<std::optional<Credentials>> look_at_web_identity(WalkPtr walk,
                                                      std::string name,
                                                      IniSection profile) {
  const std::string path =
      web_identity_value(*walk, profile, "AWS_WEB_IDENTITY_TOKEN_FILE", "web_identity_token_file");
  if (path.empty()) co_return std::nullopt;
  AssumeRole request;
  request.role_arn = web_identity_value(*walk, profile, "AWS_ROLE_ARN", "role_arn");
  request.session_name =
      web_identity_value(*walk, profile, "AWS_ROLE_SESSION_NAME", "role_session_name");
  if (request.role_arn.empty()) {
    co_return fail(Error(Errc::forbidden,
                         "there is a web identity token file, but no role for it; hint: set "
                         "AWS_ROLE_ARN, or role_arn in profile " +
                             name)
                       .reason("InvalidProfile"));
  }
  auto token = co_await read_token_file(walk->world, path);
  if (!token) co_return fail(std::move(token.error()));
  auto got = co_await assume_role_with_web_identity(
      walk->world, place_of(*walk, profile), std::move(request), std::move(*token), walk->deadline);
  if (!got) co_return fail(std::move(got.error()));
  co_return std::move(*got);
}

Result<SsoProfile> sso_of(const Walk& walk, const std::string& name, IniSection profile) {
  SsoProfile out;
  out.profile = name;
  out.session = value_of(profile, "sso_session");
  if (!out.session.empty()) {
    const auto session = walk.files.sso_sessions.find(out.session);
    if (session == walk.files.sso_sessions.end()) {
      return wrong(name, fmt::format("there is no [sso-session {}] in {}", out.session,
                                     walk.files.config_path));
    }
    for (const auto& [key, value] : session->second) {
      const auto [there, added] = profile.try_emplace(key, value);
      if (!added && there->second != value) {
        return wrong(name,
                     fmt::format("its {} differs from that of [sso-session {}]", key, out.session));
      }
    }
  }
  out.start_url = value_of(profile, "sso_start_url");
  out.region = value_of(profile, "sso_region");
  out.account_id = value_of(profile, "sso_account_id");
  out.role_name = value_of(profile, "sso_role_name");
  for (const char* key : {"sso_start_url", "sso_region", "sso_account_id", "sso_role_name"}) {
    if (value_of(profile, key).empty()) {
      return wrong(name,
                   fmt::format("it signs in through IAM Identity Center, but {} is missing", key));
    }
  }
  return out;
}

Task<Found> look_at_process(WalkPtr walk, std::string name, std::string command_line) {
  auto got = co_await run_credential_process(walk->world, std::move(command_line));
  if (!got) co_return fail(std::move(got.error()).within("profile " + name));
  got->source = "credential_process of profile " + name;
  co_return Found::some(std::move(*got));
}

// Everything but a role over other credentials.
Task<Found> look_at_rest(WalkPtr walk, std::string name, IniSection profile) {
  auto web = co_await look_at_web_identity(walk, name, profile);
  if (!web) co_return fail(std::move(web.error()));
  if (*web) co_return Found::some(std::move(**web));
  if (has(profile, "sso_role_name") || has(profile, "sso_account_id")) {
    auto sso = sso_of(*walk, name, profile);
    if (!sso) co_return fail(std::move(sso.error()));
    auto got = co_await fetch_sso_credentials(walk->world, std::move(*sso), walk->deadline);
    if (!got) co_return fail(std::move(got.error()));
    co_return Found::some(std::move(*got));
  }
  auto shared = keys_of(walk->files.credentials, name, walk->files.credentials_path);
  if (!shared) co_return fail(std::move(shared.error()));
  if (*shared) co_return Found::some(std::move(**shared));
  if (has(profile, "login_session")) {
    co_return wrong(name,
                    "it signs in through `aws login`, which Quarry does not speak; hint: in a "
                    "profile of its own, credential_process = aws configure export-credentials "
                    "--profile " +
                        name + " --format process");
  }
  const std::string process = value_of(profile, "credential_process");
  if (!process.empty()) co_return co_await look_at_process(walk, name, process);
  auto keys = keys_of(walk->files.config, name, walk->files.config_path);
  if (!keys) co_return fail(std::move(keys.error()));
  if (*keys) co_return Found::some(std::move(**keys));
  co_return Found::none(fmt::format("profile {} of {} has none", name, walk->files.paths()) +
                        (walk->with_environment ? "; AWS_WEB_IDENTITY_TOKEN_FILE is not set" : ""));
}

Task<Found> look_at_source(WalkPtr walk, std::string name, std::string source) {
  std::shared_ptr<CredentialSource> place;
  if (http::equal_ignoring_case(source, "Environment")) {
    place = environment_source(walk->world.environment);
  } else if (http::equal_ignoring_case(source, "EcsContainer")) {
    place = container_source(walk->world);
  } else if (http::equal_ignoring_case(source, "Ec2InstanceMetadata")) {
    place = instance_metadata_source(walk->world);
  } else {
    co_return wrong(name,
                    "its credential_source is none of Environment, EcsContainer and "
                    "Ec2InstanceMetadata: " +
                        source);
  }
  auto found = co_await place->look(walk->deadline);
  if (found && !found->credentials) {
    co_return wrong(name,
                    fmt::format("its credential_source {} has none: {}", source, found->absent));
  }
  co_return found;
}

Task<Found> look_at_source_profile(WalkPtr walk, std::string name, std::string source) {
  auto profile = walk->files.profile(source);
  if (!profile) {
    co_return wrong(name, fmt::format("its source_profile {} is not in {}; there are: {}", source,
                                      walk->files.paths(), walk->files.names()));
  }
  const bool again = std::ranges::find(walk->visited, source) != walk->visited.end();
  // One may name itself, for the keys that stand beside its role.
  if (again && !(source == name && has_keys(*profile))) {
    co_return wrong(walk->visited.front(),
                    fmt::format("source_profile goes round in circles: {} -> {}",
                                fmt::join(walk->visited, " -> "), source));
  }
  walk->visited.push_back(source);
  walk->with_environment = false;
  const bool role = has_role(*profile) && !has_keys(*profile);
  auto found = role ? co_await look_at_role(walk, source, std::move(*profile))
                    : co_await look_at_rest(walk, source, std::move(*profile));
  if (found && !found->credentials) {
    co_return wrong(name, fmt::format("its source_profile {} has no credentials", source));
  }
  co_return found;
}

Result<AssumeRole> role_of(const std::string& name, const IniSection& profile) {
  AssumeRole out;
  out.role_arn = value_of(profile, "role_arn");
  out.session_name = value_of(profile, "role_session_name");
  out.external_id = value_of(profile, "external_id");
  if (has(profile, "mfa_serial")) {
    return wrong(name,
                 "its role asks for a code of an MFA device (mfa_serial), and nobody is here "
                 "to type it; hint: use a role without, or credential_process");
  }
  const std::string duration = value_of(profile, "duration_seconds");
  if (duration.empty()) return out;
  int seconds = 0;
  const auto [end, error] =
      std::from_chars(duration.data(), duration.data() + duration.size(), seconds);
  if (error != std::errc() || end != duration.data() + duration.size()) {
    return wrong(name, "its duration_seconds is no number");
  }
  out.duration_seconds = seconds;
  return out;
}

Task<Found> look_at_role(WalkPtr walk, std::string name, IniSection profile) {
  auto request = role_of(name, profile);
  if (!request) co_return fail(std::move(request.error()));
  const std::string source_profile = value_of(profile, "source_profile");
  const std::string source = value_of(profile, "credential_source");
  if (source_profile.empty() == source.empty()) {
    co_return wrong(name, source.empty()
                              ? "its role_arn needs a source_profile or a credential_source"
                              : "it has both source_profile and credential_source; hint: keep one");
  }
  Result<Found> base = fail(Errc::internal, "");
  if (source.empty()) {
    base = co_await look_at_source_profile(walk, name, source_profile);
  } else {
    base = co_await look_at_source(walk, name, source);
  }
  if (!base) co_return fail(std::move(base.error()));
  auto got = co_await assume_role(walk->world, place_of(*walk, profile), std::move(*request),
                                  fixed_credentials(std::move(*base->credentials)), walk->deadline);
  if (!got) co_return fail(std::move(got.error()).within("profile " + name));
  co_return Found::some(std::move(*got));
}

class ProfileSource final : public CredentialSource {
 public:
  ProfileSource(IdentityWorld world, StsPlace place, ProfileChoice choice)
      : world_(std::move(world)), place_(std::move(place)), choice_(std::move(choice)) {}

  Task<Found> look(Deadline deadline) override {
    auto files = co_await run_blocking(world_.pool,
                                       [this] { return read_profile_files(world_.environment); });
    if (!files) {
      co_return fail(Errc::forbidden, "shared configuration: " + files.error().message());
    }
    const bool chosen = choice_.profile.has_value();
    const auto named = chosen ? choice_.profile : profile_of_environment(world_.environment);
    const std::string name = named.value_or("default");
    auto profile = files->profile(name);
    if (named && !profile) {
      co_return wrong(
          name, fmt::format("it is not in {}; there are: {}; hint: {}", files->paths(),
                            files->names(), chosen ? "mend aws_profile_name" : "mend AWS_PROFILE"));
    }
    if (!profile) profile.emplace();
    const bool role = has_role(*profile);
    auto walk = std::make_shared<Walk>(world_, place_, std::move(*files), !chosen,
                                       std::vector{name}, deadline);
    if (role) co_return co_await look_at_role(walk, name, std::move(*profile));
    co_return co_await look_at_rest(walk, name, std::move(*profile));
  }

 private:
  IdentityWorld world_;
  StsPlace place_;
  ProfileChoice choice_;
};

}  // namespace

std::shared_ptr<CredentialSource> profile_source(IdentityWorld world,
                                                 StsPlace place,
                                                 ProfileChoice choice) {
  return std::make_shared<ProfileSource>(std::move(world), std::move(place), std::move(choice));
}

}  // namespace quarry::aws
