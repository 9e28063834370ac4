#include "batch/bucket_check.h"

#include "obs/log.h"

#include <set>
#include <tuple>

namespace quarry::batch {
namespace {

constexpr std::chrono::seconds kAskTime{15};

Awaitable<void> check_bucket(aws::DeploymentPtr deployment, std::string bucket) {
  const config::DeploymentSettings& settings = deployment->settings;
  const auto region = co_await deployment->s3->bucket_region(bucket, Deadline::after(kAskTime));
  if (!region) {
    obs::warn("a bucket does not answer; hint: `quarry doctor` says what is missing",
              {{"bucket", bucket},
               {"deployment", deployment->id()},
               {"error", region.error().message()}});
    co_return;
  }
  if (region->empty() || *region == settings.bedrock_region) co_return;
  obs::error(
      "a bucket is in another region than its jobs, which Bedrock fails; hint: set aws_region_name "
      "to the bucket's region, or s3_bucket_name to a bucket of the jobs' region",
      {{"bucket", bucket},
       {"bucket_region", *region},
       {"jobs_region", settings.bedrock_region},
       {"deployment", deployment->id()}});
}

Awaitable<bool> check_identity(aws::DeploymentPtr deployment) {
  const auto got = co_await deployment->s3_credentials->get(Deadline::after(kAskTime));
  if (got) co_return true;
  obs::error("a deployment has no AWS credentials",
             {{"deployment", deployment->id()},
              {"model_name", deployment->settings.model_name},
              {"error", got.error().message()}});
  co_return false;
}

}  // namespace

Awaitable<void> check_buckets(const aws::DeploymentSet& deployments) {
  std::set<std::tuple<std::string, std::string, std::string>> asked;
  for (const aws::DeploymentPtr& deployment : deployments.all()) {
    const config::DeploymentSettings& settings = deployment->settings;
    if (!co_await check_identity(deployment)) continue;
    for (const std::string& bucket : {settings.bucket, deployment->output_object("").bucket}) {
      if (!asked.emplace(bucket, settings.s3_endpoint, settings.bedrock_region).second) continue;
      co_await check_bucket(deployment, bucket);
    }
  }
}

}  // namespace quarry::batch
