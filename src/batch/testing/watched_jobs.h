#pragma once
// Jobs in a real database, and an AWS that holds them: for tests of what watches jobs.

#include "aws/bedrock_client.h"
#include "aws/deployment_set.h"
#include "base/testing/run.h"
#include "batch/context.h"
#include "store/testing/new_batch.h"
#include "store/testing/scratch_database.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace quarry::batch::testing {

// What one account has in one region. Newest jobs are listed first, as AWS does.
class FakeRegion final : public aws::BedrockClient {
 public:
  std::map<std::string, bedrock::Job> jobs;
  std::set<std::string> not_listed;
  std::optional<Error> list_error, get_error, stop_error;
  bool never_answers = false;
  int lists = 0, gets = 0, stops = 0;
  std::vector<SysTime> filters;  // submitted_after of each list

  int calls() const { return lists + gets + stops; }
  void hold(std::string arn, SysTime submitted, bedrock::JobStatus status) {
    bedrock::Job job;
    job.job_arn = arn;
    job.status = status;
    job.submit_time = submitted;
    jobs[std::move(arn)] = std::move(job);
  }

  // What AWS answers to who asks for a job. Unset: nobody asks.
  std::function<Task<std::string>(bedrock::CreateJob)> on_create;
  int creates = 0;
  std::vector<bedrock::CreateJob> asked;

  Task<std::string> create_job(bedrock::CreateJob job, Deadline) override {
    ++creates;
    asked.push_back(job);
    if (!on_create) co_return fail(Errc::internal, "nobody creates jobs here");
    co_return co_await on_create(std::move(job));
  }
  Task<bedrock::Job> get_job(std::string arn, Deadline) override {
    ++gets;
    if (never_answers) co_await sleep_for(std::chrono::hours(1));
    if (get_error) co_return fail(*get_error);
    const auto found = jobs.find(arn);
    if (found == jobs.end()) co_return fail(Errc::not_found, "no job of that name");
    co_return found->second;
  }
  Task<bedrock::JobPage> list_jobs(ListQuery query, Deadline) override {
    ++lists;
    if (never_answers) co_await sleep_for(std::chrono::hours(1));
    if (list_error) co_return fail(*list_error);
    filters.push_back(query.submitted_after.value_or(SysTime()));
    std::vector<const bedrock::Job*> newest_first;
    for (const auto& [arn, job] : jobs) {
      if (job.submit_time >= query.submitted_after && !not_listed.contains(arn)) {
        newest_first.push_back(&job);
      }
    }
    std::ranges::sort(newest_first, std::greater(), [](const bedrock::Job* job) {
      return std::pair(*job->submit_time, job->job_arn);
    });
    const std::size_t begin = query.next_token.empty() ? 0 : std::stoul(query.next_token);
    const std::size_t end =
        std::min(newest_first.size(), begin + static_cast<std::size_t>(query.max_results));
    bedrock::JobPage page;
    for (std::size_t i = begin; i < end; ++i) page.jobs.push_back(*newest_first[i]);
    if (end < newest_first.size()) page.next_token = std::to_string(end);
    co_return page;
  }
  Task<void> stop_job(std::string arn, Deadline) override {
    ++stops;
    if (stop_error) co_return fail(*stop_error);
    if (const auto found = jobs.find(arn); found != jobs.end()) {
      if (!bedrock::terminal(found->second.status)) {
        found->second.status = bedrock::JobStatus::Stopping;
      }
    }
    co_return Result<void>();
  }
};

// Two deployments, "east" and "west", each a region of its own.
class WatchedJobs {
 public:
  explicit WatchedJobs(const Clock& clock)
      : clock_(clock),
        store_(*database_, "worker"),
        files_(*database_),
        direct_(*database_, "worker"),
        leases_(*database_, "worker"),
        deployments_({deployment("east", east), deployment("west", west)}),
        models_(*DeploymentModels::make(
            *catalog_of(config::Settings{}),
            {deployments_.by_id("east")->settings, deployments_.by_id("west")->settings})),
        memory_(io, kTransferBufferBytes),
        context{.io = io,
                .batches = store_,
                .files = files_,
                .direct_results = direct_,
                .leases = leases_,
                .deployments = deployments_,
                .models = models_,
                .memory = memory_,
                .pool = pool_,
                .clock = clock_} {}
  WatchedJobs(const WatchedJobs&) = delete;
  WatchedJobs& operator=(const WatchedJobs&) = delete;

  // Another server on the same database, with the same deployments.
  Context& another(const std::string& lease_owner) {
    return others_.emplace_back(*this, lease_owner).context;
  }

  template <class T>
  T run(Awaitable<T> task) {
    return quarry::testing::run(io, std::move(task));
  }

  // A batch of as many jobs as there are ages, all of them at AWS since so long, and due now.
  // Gives their ARNs.
  std::vector<std::string> submitted(const std::string& batch_id,
                                     const std::vector<std::chrono::seconds>& ages,
                                     const std::string& deployment_id = "east",
                                     std::chrono::seconds window = std::chrono::hours(24)) {
    const std::int64_t now_ms = unix_millis(clock_.now());
    store::BatchRow batch = quarry::testing::new_batch(batch_id, now_ms);
    batch.object.created_at = now_ms / 1'000 - 86'400;
    batch.object.expires_at = now_ms / 1'000 + window.count();
    store::BatchStore::Plan plan{batch.id, "m", 0, 0, std::nullopt, {}};
    std::vector<std::string> arns;
    FakeRegion& region = deployment_id == "west" ? *west : *east;
    for (const std::chrono::seconds age : ages) {
      store::JobRow job;
      job.batch_id = batch.id;
      job.n = static_cast<int>(arns.size()) + 1;
      job.state = store::JobState::submitted;
      job.deployment_id = deployment_id;
      job.lines = job.records = 100;
      plan.total += job.lines;
      job.job_arn = fmt::format("arn:{}/{}", batch_id, job.n);
      arns.push_back(job.job_arn);
      region.hold(job.job_arn, clock_.now() - age, bedrock::JobStatus::InProgress);
      plan.jobs.push_back(std::move(job));
    }
    save(batch, std::move(plan));
    return arns;
  }
  // A batch of one job of the deployment that waits for a slot.
  void staged(const std::string& batch_id, const std::string& deployment_id = "east") {
    const store::BatchRow batch = quarry::testing::new_batch(batch_id, unix_millis(clock_.now()));
    store::JobRow job;
    job.batch_id = batch.id;
    job.n = 1;
    job.state = store::JobState::staged;
    job.deployment_id = deployment_id;
    job.model_name = "m";
    job.lines = job.records = 100;
    save(batch, {batch.id, "m", job.lines, 0, std::nullopt, {job}});
  }
  std::vector<store::BatchStore::DueLook> claim(std::int64_t now_ms) {
    auto due = run(store_.claim_looks(now_ms, 60'000, 10'000, {}));
    EXPECT_TRUE(due);
    return due ? std::move(*due) : std::vector<store::BatchStore::DueLook>();
  }
  std::vector<store::JobRow> rows(const std::string& batch_id) {
    return *run(store_.jobs(BatchId{batch_id}));
  }
  std::int64_t count(const std::string& batch_id, store::JobState state) {
    return std::ranges::count(rows(batch_id), state, &store::JobRow::state);
  }

  boost::asio::io_context io;
  std::shared_ptr<FakeRegion> east = std::make_shared<FakeRegion>();
  std::shared_ptr<FakeRegion> west = std::make_shared<FakeRegion>();

 private:
  void save(const store::BatchRow& batch, store::BatchStore::Plan plan) {
    const std::int64_t now_ms = unix_millis(clock_.now());
    EXPECT_TRUE(run(store_.create(batch, std::nullopt, true, now_ms)));
    EXPECT_EQ(run(store_.claim_batches(store::BatchPhase::planning, now_ms, 1'000, 1))->size(), 1u);
    EXPECT_TRUE(run(store_.save_plan(std::move(plan), now_ms)));
  }

  static aws::DeploymentPtr deployment(const std::string& id,
                                       const std::shared_ptr<FakeRegion>& region) {
    auto made = std::make_shared<aws::Deployment>();
    made->settings.id = id;
    made->settings.model_name = "m";
    made->settings.model_id = "anthropic.claude-3-5-sonnet-20240620-v1:0";
    made->settings.bedrock_region = id;
    made->settings.deadline_fallback = std::chrono::minutes(30);
    made->bedrock = region;
    return made;
  }

  const Clock& clock_;
  quarry::testing::ScratchDatabase database_;

 public:
  store::BatchStore store_;

 private:
  store::FileStore files_;
  store::DirectResultStore direct_;
  store::LeaseStore leases_;
  aws::DeploymentSet deployments_;
  DeploymentModels models_;
  TransferMemory memory_;
  BlockingPool pool_{1};

  struct Other {
    Other(WatchedJobs& first, const std::string& lease_owner)
        : store(*first.database_, lease_owner),
          direct(*first.database_, lease_owner),
          leases(*first.database_, lease_owner),
          context{.io = first.io,
                  .batches = store,
                  .files = first.files_,
                  .direct_results = direct,
                  .leases = leases,
                  .deployments = first.deployments_,
                  .models = first.models_,
                  .memory = first.memory_,
                  .pool = first.pool_,
                  .clock = first.clock_} {}
    store::BatchStore store;
    store::DirectResultStore direct;
    store::LeaseStore leases;
    Context context;
  };
  std::list<Other> others_;

 public:
  Context context;
};

}  // namespace quarry::batch::testing
