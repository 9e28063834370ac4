#include "batch/submitted_job.h"

#include "batch/names.h"

#include <fmt/format.h>

namespace quarry::batch {

Task<std::optional<std::string>> find_submitted(const aws::Deployment& deployment,
                                                store::JobRow job,
                                                Deadline deadline) {
  const std::string wanted = job_name(job.batch_id, job.n, job.attempt);
  aws::BedrockClient::ListQuery query;
  query.name_contains = wanted;
  while (true) {
    auto page = co_await deployment.bedrock->list_jobs(query, deadline);
    if (!page) co_return fail(std::move(page.error()));
    for (bedrock::Job& found : page->jobs) {
      // "…-1-1" is also contained in "…-1-11".
      if (found.job_name == wanted) co_return std::move(found.job_arn);
    }
    if (page->next_token.empty()) co_return std::nullopt;
    query.next_token = std::move(page->next_token);
  }
}

Error no_longer_configured(const store::JobRow& job) {
  return Error(
      Errc::unavailable,
      fmt::format("deployment {} is no longer configured; hint: put it back into model_list",
                  job.deployment_id));
}

}  // namespace quarry::batch
