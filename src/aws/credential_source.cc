#include "aws/credential_source.h"

#include "base/timestamp.h"
#include "obs/log.h"

#include <fmt/format.h>

namespace quarry::aws {

namespace {

std::string value_of(const config::Environment& environment, const std::string& name) {
  return environment(name).value_or(std::string());
}

class EnvironmentSource final : public CredentialSource {
 public:
  explicit EnvironmentSource(config::Environment environment)
      : environment_(std::move(environment)) {}

  Task<Found> look(Deadline) override { co_return read(); }

 private:
  Result<Found> read() const {
    Credentials out;
    out.access_key_id = value_of(environment_, "AWS_ACCESS_KEY_ID");
    if (out.access_key_id.empty()) return Found::none("AWS_ACCESS_KEY_ID is not set");
    out.secret_access_key = Secret<std::string>(value_of(environment_, "AWS_SECRET_ACCESS_KEY"));
    if (out.secret_access_key.reveal().empty()) {
      return fail(
          Error(Errc::forbidden,
                "AWS_ACCESS_KEY_ID is set, but AWS_SECRET_ACCESS_KEY is not set; hint: set both, "
                "or neither")
              .reason("NoCredentials"));
    }
    out.session_token = Secret<std::string>(value_of(environment_, "AWS_SECURITY_TOKEN"));
    if (out.session_token.reveal().empty()) {
      out.session_token = Secret<std::string>(value_of(environment_, "AWS_SESSION_TOKEN"));
    }
    const std::string expiration = value_of(environment_, "AWS_CREDENTIAL_EXPIRATION");
    if (!expiration.empty()) {
      out.expires_at = parse_timestamp(expiration);
      if (!out.expires_at) {
        return fail(Errc::forbidden, "AWS_CREDENTIAL_EXPIRATION is not an ISO 8601 time");
      }
    }
    out.source = "environment";
    return Found::some(std::move(out));
  }

  config::Environment environment_;
};

class FirstOf final : public CredentialSource {
 public:
  explicit FirstOf(CredentialSources places) : places_(std::move(places)) {}

  Task<Found> look(Deadline deadline) override {
    std::string absent;
    for (const auto& place : places_) {
      auto found = co_await place->look(deadline);
      if (!found || found->credentials) co_return found;
      if (!absent.empty()) absent += "; ";
      absent += found->absent;
    }
    co_return Found::none(std::move(absent));
  }

 private:
  CredentialSources places_;
};

}  // namespace

std::shared_ptr<CredentialSource> environment_source(config::Environment environment) {
  return std::make_shared<EnvironmentSource>(std::move(environment));
}

std::shared_ptr<CredentialSource> first_of(CredentialSources places) {
  return std::make_shared<FirstOf>(std::move(places));
}

namespace {

void log_credentials(obs::Level level, std::string_view event, const Credentials& credentials) {
  const std::string& id = credentials.access_key_id;
  obs::log(level, event,
           {{"source", credentials.source},
            {"key", id.size() > 8 ? "…" + id.substr(id.size() - 4) : std::string("…")},
            {"expires", credentials.expires_at ? iso8601(*credentials.expires_at) : "never"}});
}

}  // namespace

void log_identity(const Credentials& credentials) {
  log_credentials(obs::Level::info, "aws identity", credentials);
}

void log_renewal(const Credentials& credentials) {
  log_credentials(obs::Level::debug, "aws identity renewed", credentials);
}

}  // namespace quarry::aws
