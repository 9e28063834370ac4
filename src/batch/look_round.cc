#include "batch/look_round.h"

#include "base/wakeup.h"
#include "batch/look_results.h"
#include "obs/log.h"

#include <algorithm>
#include <utility>

namespace quarry::batch {
namespace {

using store::BatchStore;

constexpr std::chrono::seconds kCallTimeMax{60};
constexpr std::size_t kCallsAtOnce = 4;
constexpr int kPageJobs = 1'000;  // AWS API reference, ListModelInvocationJobs maxResults
// So many jobs of a round are told to stop before all of them are looked at; the others are soon
// due again.
constexpr std::size_t kStopsMax = 64;
// Jobs are asked for one by one between two writes.
constexpr std::size_t kGetsAtOnce = 50;
constexpr std::int64_t kListRefusedMs = 600'000;
constexpr std::int64_t kForgetMs = 3'600'000;
constexpr int kWritesMax = 3;

// --- several calls at once ---

using Step = Awaitable<void> (*)(RoundPtr, std::size_t);

struct Work {
  explicit Work(boost::asio::io_context& io) : ended(io) {}
  std::vector<std::size_t> queue;
  std::size_t next = 0;
  std::size_t workers = 0;
  Wakeup ended;
};

Awaitable<void> take_from(std::shared_ptr<Work> work, RoundPtr round, Step step) {
  struct Leaving {
    Work& work;
    ~Leaving() {
      --work.workers;
      work.ended.set();
    }
  };
  const Leaving leaving{*work};
  while (work->next < work->queue.size()) co_await step(round, work->queue[work->next++]);
}

Awaitable<void> for_each(RoundPtr round, std::vector<std::size_t> queue, Step step) {
  auto work = std::make_shared<Work>(round->context.io);
  work->queue = std::move(queue);
  work->workers = std::min(kCallsAtOnce, work->queue.size());
  for (std::size_t i = work->workers; i > 0; --i) {
    round->tools.tasks.spawn("look at jobs", take_from(work, round, step));
  }
  while (work->workers > 0) co_await work->ended.wait(Deadline::after(kRoundTimeMax));
}

Awaitable<bool> turn(RoundPtr round) {
  if (round->deadline.expired()) co_return false;
  if (!round->tools.paced) co_return true;
  co_return co_await round->tools.looks.turn(round->deadline);
}

// --- the calls ---

Awaitable<void> stop_one(RoundPtr round, std::size_t i) {
  if (!co_await round->tools.stops.turn(round->deadline)) co_return;
  round->stop_tried[i] = true;
  const auto client = round->deployment_of(i).bedrock;
  auto stopped = co_await client->stop_job(round->job(i).job_arn, Deadline::after(kCallTimeMax));
  // One that AWS does not know shows that when it is looked at.
  if (stopped || stopped.error().code() == Errc::not_found) co_return;
  ++round->stops_failed;
  round->stop_failure = std::move(stopped.error());
}

Awaitable<void> get_one(RoundPtr round, std::size_t i) {
  if (round->failure || !co_await turn(round) || round->failure) co_return;
  const auto client = round->deployment_of(i).bedrock;
  auto seen = co_await client->get_job(round->job(i).job_arn, Deadline::after(kCallTimeMax));
  if (seen) {
    round->observed(i, *seen);
  } else if (seen.error().code() == Errc::not_found) {
    round->unknown(i, seen.error());
  } else {
    round->failed(i, std::move(seen.error()));
  }
}

// The row says first that the job is to stop: what is told to AWS is not forgotten.
Awaitable<void> mark_overdue(RoundPtr round) {
  std::vector<std::size_t> overdue;
  std::vector<BatchStore::Lease> rows;
  for (std::size_t i = 0; i < round->looks.size(); ++i) {
    const store::DueJob& due = round->due(i);
    if (due.job.stop_requested) continue;
    if (!round->context.window_over(due) &&
        !round->context.fallback_due(due, round->deployment_of(i).settings)) {
      continue;
    }
    overdue.push_back(i);
    rows.push_back({due.job.batch_id, due.job.n});
  }
  if (rows.empty()) co_return;
  auto marked = co_await round->context.batches.request_stops(std::move(rows));
  if (!marked) {
    obs::error("jobs were not marked to stop", {{"message", marked.error().message()}});
    co_return;
  }
  obs::info("the time of jobs is over, they are stopped",
            {{"group", round->group.name}, {"jobs", overdue.size()}});
  for (const std::size_t i : overdue) round->job(i).stop_requested = true;
}

std::vector<std::size_t> to_stop(Round& round) {
  std::vector<std::size_t> jobs;
  for (std::size_t i = 0; i < round.looks.size() && jobs.size() < kStopsMax; ++i) {
    if (round.job(i).stop_requested && round.job(i).aws_status != kStopping) jobs.push_back(i);
  }
  return jobs;
}

// Gives the results to the database, and the leases back.
Awaitable<void> write(RoundPtr round) {
  if (round->results.empty()) co_return;
  const auto results = std::exchange(round->results, {});
  const bool any_ended = std::exchange(round->any_ended, false);
  for (int attempt = 1;; ++attempt) {
    const auto written = co_await round->context.batches.record_looks(results);
    if (written) break;
    obs::error("looks were not written", {{"message", written.error().message()}});
    if (attempt == kWritesMax) co_return;  // their leases lapse
    co_await sleep_for(std::chrono::seconds(attempt));
  }
  if (any_ended && round->tools.something_ended) round->tools.something_ended();
}

// --- the sweep ---

// How many pages of the list it takes to see all of `round`.
double pages_for(const Round& round) {
  const double by_open = static_cast<double>(round.open) / kPageJobs + 1;
  if (round.group.listed_a_ms <= 0) return by_open;
  std::int64_t oldest_ms = round.context.now_ms();
  for (std::size_t i = 0; i < round.looks.size(); ++i) {
    const auto submitted = round.submitted_ms(i);
    if (!submitted) return by_open;
    oldest_ms = std::min(oldest_ms, *submitted);
  }
  const auto back_ms = static_cast<double>(round.context.now_ms() - oldest_ms);
  return back_ms * round.group.listed_a_ms / kPageJobs + 1;
}

bool sweep_is_cheaper(const Round& round) {
  return round.context.now_ms() >= round.group.list_refused_until_ms &&
         static_cast<double>(round.looks.size()) > pages_for(round);
}

class Sweep {
 public:
  explicit Sweep(RoundPtr round) : round_(std::move(round)) {
    for (std::size_t i = 0; i < round_->looks.size(); ++i) {
      unseen_.emplace(round_->job(i).job_arn, i);
    }
  }
  // Until all were seen, the list ends, or the rest is cheaper one by one.
  Awaitable<void> run();

 private:
  void take(const bedrock::JobPage& page);
  double pages_left(const bedrock::JobPage& page) const;
  void refused(Error error);

  RoundPtr round_;
  std::unordered_map<std::string_view, std::size_t> unseen_;  // views of the rows' ARNs
  double listed_ = 0;
};

void Sweep::take(const bedrock::JobPage& page) {
  listed_ += static_cast<double>(page.jobs.size());
  for (const bedrock::Job& job : page.jobs) {
    const auto found = unseen_.find(job.job_arn);
    if (found == unseen_.end()) continue;
    const std::size_t i = found->second;
    unseen_.erase(found);
    round_->observed(i, job);
  }
  if (page.jobs.empty() || !page.jobs.back().submit_time) return;
  const std::int64_t back_ms =
      round_->context.now_ms() - unix_millis(*page.jobs.back().submit_time);
  if (back_ms > 0) round_->group.listed_a_ms = listed_ / static_cast<double>(back_ms);
}

// To the oldest job that is not seen yet, at the pace of this page.
double Sweep::pages_left(const bedrock::JobPage& page) const {
  if (page.jobs.empty() || !page.jobs.front().submit_time || !page.jobs.back().submit_time) {
    return 1;
  }
  const std::int64_t newest_ms = unix_millis(*page.jobs.front().submit_time);
  const std::int64_t last_ms = unix_millis(*page.jobs.back().submit_time);
  std::int64_t oldest_ms = last_ms;
  for (const auto& [arn, i] : unseen_) {
    oldest_ms = std::min(oldest_ms, round_->submitted_ms(i).value_or(last_ms));
  }
  const auto span_ms = static_cast<double>(std::max<std::int64_t>(1, newest_ms - last_ms));
  return std::max(1.0, static_cast<double>(last_ms - oldest_ms) / span_ms);
}

void Sweep::refused(Error error) {
  if (error.code() != Errc::forbidden) {
    round_->failure = std::move(error);
    return;
  }
  // Each can still be asked for.
  round_->group.list_refused_until_ms = round_->context.now_ms() + kListRefusedMs;
  obs::warn(
      "jobs cannot be listed, so each is asked for; hint: allow "
      "bedrock:ListModelInvocationJobs",
      {{"group", round_->group.name}, {"message", error.message()}});
}

Awaitable<void> Sweep::run() {
  aws::BedrockClient::ListQuery query;
  query.max_results = kPageJobs;
  std::int64_t oldest_ms = round_->context.now_ms();
  for (std::size_t i = 0; i < round_->looks.size(); ++i) {
    oldest_ms = std::min(oldest_ms, round_->submitted_at_least_ms(i));
  }
  query.submitted_after = from_unix_millis(oldest_ms);
  while (co_await turn(round_)) {
    auto page =
        co_await round_->deployment->bedrock->list_jobs(query, Deadline::after(kCallTimeMax));
    if (!page) {
      refused(std::move(page.error()));
      co_return;
    }
    take(*page);
    if (page->next_token.empty()) {
      round_->none_listed = round_->looks.size() > 1 && unseen_.size() == round_->looks.size();
      co_return;
    }
    if (unseen_.empty() || page->next_token == query.next_token) co_return;
    if (static_cast<double>(unseen_.size()) <= pages_left(*page)) co_return;
    query.next_token = std::move(page->next_token);
  }
}

void forget_old(Round& round) {
  auto& jobs = round.group.jobs;
  if (jobs.size() < 2 * static_cast<std::size_t>(round.open) + kPageJobs) return;
  const std::int64_t before_ms = round.context.now_ms() - kForgetMs;
  std::erase_if(jobs, [=](const auto& entry) { return entry.second.looked_ms < before_ms; });
}

}  // namespace

Awaitable<void> look_at(LookTools& tools,
                        LookGroup& group,
                        aws::DeploymentPtr deployment,
                        std::vector<BatchStore::DueLook> due,
                        std::int64_t open) {
  auto round = std::make_shared<Round>(tools, group, std::move(deployment), std::move(due), open);
  co_await mark_overdue(round);
  co_await for_each(round, to_stop(*round), stop_one);
  if (sweep_is_cheaper(*round)) {
    Sweep sweep(round);
    co_await sweep.run();
    co_await write(round);
  }
  std::vector<std::size_t> rest = round->open_looks();
  while (!rest.empty() && !round->failure && !round->deadline.expired()) {
    const auto share = static_cast<std::ptrdiff_t>(std::min(kGetsAtOnce, rest.size()));
    std::vector<std::size_t> next(rest.begin(), rest.begin() + share);
    co_await for_each(round, std::move(next), get_one);
    co_await write(round);
    rest.erase(rest.begin(), rest.begin() + share);
  }
  round->settle_missing();
  round->give_up_rest();
  co_await write(round);
  forget_old(*round);
}

}  // namespace quarry::batch
