#include "aws/credentials.h"
#include "aws/deployment.h"
#include "base/timestamp.h"

#include "probes/aws_probe.h"
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <utility>

namespace quarry::probe {

namespace json = boost::json;

namespace {

constexpr std::chrono::seconds kCallTime{60};

// The first deployment of the file, as `quarry serve` makes it.
std::shared_ptr<const aws::Deployment> first_deployment(const std::string& config_file,
                                                        const aws::IdentityWorld& world,
                                                        aws::CredentialResolver& resolver) {
  std::ifstream stream(config_file, std::ios::binary);
  if (!stream) throw std::invalid_argument("cannot read " + config_file);
  const std::string yaml{std::istreambuf_iterator<char>(stream), {}};
  const auto settings = config::load(yaml, world.environment, [&world](const std::string& profile) {
    return aws::profile_region(profile, world.environment);
  });
  if (!settings) throw std::invalid_argument(config::describe(settings.error().front(), "config"));
  return aws::make_deployment(settings->deployments.front(), world, resolver);
}

json::object shown(const Result<aws::Credentials>& got, const std::string& region) {
  if (!got) return to_object(got.error());
  json::object out{{"access_key_id", got->access_key_id},
                   {"secret_access_key", got->secret_access_key.reveal()},
                   {"session_token", got->session_token.reveal()},
                   {"bearer_token", got->bearer_token.reveal()},
                   {"source", got->source},
                   {"region", region}};
  if (got->expires_at) out["expires_at"] = iso8601(*got->expires_at);
  return out;
}

Awaitable<json::object> answer(const aws::Deployment& deployment, std::string line) {
  const auto deadline = Deadline::after(kCallTime);
  const config::DeploymentSettings& settings = deployment.settings;
  if (line == "get") {
    co_return shown(co_await deployment.credentials->get(deadline), settings.bedrock_region);
  }
  if (line == "get s3") {
    co_return shown(co_await deployment.s3_credentials->get(deadline), settings.s3_region);
  }
  if (line == "forget") {
    deployment.credentials->forget();
    co_return json::object{};
  }
  if (line == "who") {
    const auto who = co_await deployment.sts->caller_identity(deadline);
    if (!who) co_return to_object(who.error());
    co_return json::object{{"account", who->account}, {"arn", who->arn}, {"user_id", who->user_id}};
  }
  if (line == "jobs") {
    const auto page = co_await deployment.bedrock->list_jobs({}, deadline);
    if (!page) co_return to_object(page.error());
    co_return json::object{{"jobs", page->jobs.size()}};
  }
  throw std::invalid_argument("no such command: " + line);
}

}  // namespace

int credentials(const std::string& config_file) {
  World world;
  const aws::IdentityWorld identities{*world.client, world.clock, world.pool, world.environment};
  aws::CredentialResolver resolver(identities);
  std::shared_ptr<const aws::Deployment> deployment;
  try {
    deployment = first_deployment(config_file, identities, resolver);
  } catch (const std::invalid_argument& refused) {
    print({{"error", refused.what()}, {"code", "configuration"}, {"reason", ""}});
    return 2;
  }
  return answer_lines(
      world, [&deployment](std::string line) { return answer(*deployment, std::move(line)); });
}

}  // namespace quarry::probe
