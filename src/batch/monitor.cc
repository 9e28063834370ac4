#include "batch/monitor.h"

#include "base/wakeup.h"
#include "batch/look_round.h"
#include "batch/look_times.h"
#include "batch/role.h"
#include "obs/log.h"
#include "store/away.h"

#include <algorithm>
#include <map>
#include <utility>

namespace quarry::batch {
namespace {

using store::BatchStore;

constexpr int kClaimMax = 5'000;
// Longer than a round can last with its last calls, in real time.
constexpr std::chrono::milliseconds kLease = kRoundTimeMax + std::chrono::minutes(2);
constexpr std::chrono::seconds kLapsedEvery{30};
constexpr std::chrono::seconds kWithoutRole{5};
constexpr std::chrono::milliseconds kWaitAtLeast{50};
constexpr std::chrono::milliseconds kWaitAtMost{500};  // of the clock
// All looks of the process together: one call a second, and room for those that are repeated.
constexpr double kLooksASecond = 0.9;
constexpr int kLooksAtOnce = 30;
// Who cancels many jobs waits for them; AWS's own limits are not published.
constexpr double kStopsASecond = 5;
constexpr int kStopsAtOnce = 50;

// One list shows the jobs of both.
bool same_list(const config::DeploymentSettings& a, const config::DeploymentSettings& b) {
  return a.bedrock_endpoint == b.bedrock_endpoint && a.bedrock_region == b.bedrock_region &&
         a.identity == b.identity && a.bearer_token == b.bearer_token;
}

}  // namespace

struct Monitor::State {
  State(boost::asio::io_context& loop, Context& c, std::function<void()> something_ended)
      : context(c),
        loops(loop, obs::log_task_failure),
        tasks(loop, obs::log_task_failure),
        woken(loop),
        looks(c.clock, kLooksASecond, kLooksAtOnce),
        stops(c.clock, kStopsASecond, kStopsAtOnce),
        tools{c, tasks, looks, stops, std::move(something_ended), !c.settings.polling_interval},
        role(loop,
             c,
             "monitor",
             {[this] { began = false, woken.set(); }, [this] { tasks.cancel(); }}) {}

  struct Group : LookGroup {
    aws::DeploymentPtr deployment;  // the first of them
  };
  using Looks = std::vector<BatchStore::DueLook>;
  // From a round's being planned to its end, however it ends.
  struct AtWork {
    AtWork(State& s, Group& g) : state(s), group(g) { ++group.rounds; }
    AtWork(const AtWork&) = delete;
    AtWork& operator=(const AtWork&) = delete;
    ~AtWork() {
      --group.rounds;
      state.woken.set();
    }
    State& state;
    Group& group;
  };

  Awaitable<void> dispatch_loop();
  Awaitable<bool> begin();
  Awaitable<void> release_lapsed_loop();
  // True if there may be more.
  Awaitable<bool> dispatch();
  Awaitable<std::chrono::milliseconds> wait_for_next();
  Awaitable<void> run_round(std::unique_ptr<AtWork> at_work, Looks due, std::int64_t open);
  Awaitable<void> put_off(Looks homeless);
  Group* group_of(const std::string& deployment_id);
  std::vector<std::string> deployments_at_work() const;

  Context& context;
  TaskGroup loops;
  TaskGroup tasks;
  Wakeup woken;
  Pacer looks;
  Pacer stops;
  LookTools tools;
  Role role;
  bool began = false;  // since the role was had last
  std::vector<std::unique_ptr<Group>> groups;
  std::map<std::string, Group*> by_deployment;
};

Monitor::Monitor(boost::asio::io_context& io,
                 Context& context,
                 std::function<void()> something_ended)
    : state_(std::make_unique<State>(io, context, std::move(something_ended))) {}
Monitor::~Monitor() = default;

void Monitor::start() {
  state_->role.start();
  state_->loops.spawn("monitor", state_->dispatch_loop());
  state_->loops.spawn("monitor's lapsed leases", state_->release_lapsed_loop());
}

void Monitor::wake() { state_->woken.set(); }

Awaitable<void> Monitor::stop(Deadline deadline) {
  // The loops first: one that is just claiming would start a round that nobody cancels.
  state_->loops.cancel();
  const bool loops_ended = co_await state_->loops.join(deadline);
  state_->tasks.cancel();
  const bool tasks_ended = co_await state_->tasks.join(deadline);
  co_await state_->role.stop(deadline);
  if (!loops_ended || !tasks_ended) {
    obs::warn("the monitor did not stop in time", {{"tasks", state_->tasks.running()}});
  }
}

Monitor::State::Group* Monitor::State::group_of(const std::string& deployment_id) {
  if (const auto known = by_deployment.find(deployment_id); known != by_deployment.end()) {
    return known->second;
  }
  const aws::DeploymentPtr deployment = context.deployments.by_id(deployment_id);
  if (!deployment) return nullptr;
  const auto& settings = deployment->settings;
  auto found = std::ranges::find_if(groups, [&](const std::unique_ptr<Group>& group) {
    return same_list(group->deployment->settings, settings);
  });
  if (found == groups.end()) {
    auto group = std::make_unique<Group>();
    group->name = settings.bedrock_region;
    if (!settings.bedrock_endpoint.empty()) group->name += " at " + settings.bedrock_endpoint;
    group->deployment = deployment;
    // Servers that started together do not ask together.
    group->phase_ms = static_cast<std::int64_t>(context.jitter() * double{kPhaseMs});
    found = groups.insert(groups.end(), std::move(group));
  }
  by_deployment.emplace(deployment_id, found->get());
  return found->get();
}

std::vector<std::string> Monitor::State::deployments_at_work() const {
  std::vector<std::string> ids;
  for (const auto& [id, group] : by_deployment) {
    if (group->rounds > 0) ids.push_back(id);
  }
  return ids;
}

Awaitable<void> Monitor::State::run_round(std::unique_ptr<AtWork> at_work,
                                          Looks due,
                                          std::int64_t open) {
  Group& group = at_work->group;
  co_await look_at(tools, group, group.deployment, std::move(due), open);
}

// Jobs whose deployment is gone: nobody can ask for them until it is back.
Awaitable<void> Monitor::State::put_off(Looks homeless) {
  const std::string first = homeless.front().due.job.deployment_id;
  const double jitter = context.jitter();
  std::vector<BatchStore::Look> later;
  for (const BatchStore::DueLook& look : homeless) {
    const store::JobRow& job = look.due.job;
    const int failures = job.failures + 1;
    later.push_back({job.batch_id, job.n, context.now_ms() + look_backoff_ms(failures, jitter),
                     failures, std::nullopt});
  }
  obs::warn(
      "jobs of a deployment that is no longer configured cannot be looked at; hint: put it "
      "back into model_list",
      {{"deployment", first}, {"jobs", later.size()}});
  const auto written = co_await context.batches.record_looks(std::move(later));
  if (!written) obs::error("looks were not written", {{"message", written.error().message()}});
}

Awaitable<bool> Monitor::State::dispatch() {
  const auto lease_ms =
      static_cast<std::int64_t>(static_cast<double>(kLease.count()) * context.clock.speed());
  auto due = co_await context.batches.claim_looks(context.now_ms(), lease_ms, kClaimMax,
                                                  deployments_at_work());
  if (!due) {
    obs::log(store::log_level(due.error()), "no job could be claimed",
             {{"message", due.error().message()}});
    co_return false;
  }
  if (due->empty()) co_return false;
  const bool more = due->size() == kClaimMax;
  std::map<Group*, Looks> by_group;
  for (BatchStore::DueLook& look : *due) {
    by_group[group_of(look.due.job.deployment_id)].push_back(std::move(look));
  }
  std::map<Group*, std::int64_t> open;
  auto counted = co_await context.batches.open_jobs();
  if (!counted) obs::error("jobs were not counted", {{"message", counted.error().message()}});
  if (counted) {
    for (const auto& [id, count] : *counted) open[group_of(id)] += count;
  }
  for (auto& [group, looks_due] : by_group) {
    if (!group) {
      co_await put_off(std::move(looks_due));
      continue;
    }
    tasks.spawn("looks at " + group->name, run_round(std::make_unique<AtWork>(*this, *group),
                                                     std::move(looks_due), open[group]));
  }
  co_return more;
}

Awaitable<std::chrono::milliseconds> Monitor::State::wait_for_next() {
  const auto most = std::max(kWaitAtLeast, context.clock.real(kWaitAtMost));
  const auto next = co_await context.batches.next_look_ms(deployments_at_work());
  if (!next || !*next) co_return most;
  const auto left = context.clock.real(std::chrono::milliseconds(**next - context.now_ms()));
  co_return std::clamp(left, kWaitAtLeast, most);
}

// What was being looked at when the role changed hands, by whomever, is looked at again.
Awaitable<bool> Monitor::State::begin() {
  if (!role.held()) co_return false;
  if (began) co_return true;
  co_await tasks.join(Deadline::after(kRoundTimeMax));  // of when the role was had before
  const auto released = co_await context.batches.release_all_looks(context.now_ms());
  if (!released) {
    obs::log(store::log_level(released.error()), "leases were not released",
             {{"message", released.error().message()}});
    co_return false;
  }
  began = true;
  co_return true;
}

Awaitable<void> Monitor::State::dispatch_loop() {
  while (true) {
    if (!co_await begin()) {
      co_await woken.wait(Deadline::after(kWithoutRole));
      continue;
    }
    while (role.held() && co_await dispatch()) {
    }
    co_await woken.wait(Deadline::after(co_await wait_for_next()));
  }
}

Awaitable<void> Monitor::State::release_lapsed_loop() {
  while (true) {
    co_await sleep_for(kLapsedEvery);
    if (!role.held()) continue;
    const auto released = co_await context.batches.release_lapsed_looks(context.now_ms());
    if (!released) {
      obs::log(store::log_level(released.error()), "lapsed leases were not released",
               {{"message", released.error().message()}});
    }
  }
}

}  // namespace quarry::batch
