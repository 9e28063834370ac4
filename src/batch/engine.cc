#include "batch/engine.h"

#include "base/wakeup.h"
#include "batch/caught.h"
#include "batch/finisher.h"
#include "batch/job_steps.h"
#include "batch/monitor.h"
#include "batch/planner.h"
#include "batch/resource_names.h"
#include "obs/log.h"
#include "obs/metrics.h"
#include "store/away.h"

#include <algorithm>
#include <array>
#include <map>
#include <set>
#include <string_view>
#include <utility>

namespace quarry::batch {
namespace {

// How long what is cancelled at another server may go on here.
constexpr std::chrono::seconds kLookForCancelledEvery{2};
// At stop: for answers that AWS is paid for, whether they are waited for or not.
constexpr std::chrono::seconds kCallsMayEnd{8};
// A step that is just ending has given its lease back already; one that writes holds its row.
constexpr std::chrono::milliseconds kMayBeEnding{200};
constexpr int kRenewalTries = 5;
constexpr std::chrono::milliseconds kLookAtLeast{
    100};  // between two looks that nothing has asked for
constexpr std::chrono::milliseconds kLookAtMost{5'000};
constexpr std::int64_t kBackoffFirstMs = 1'000;
constexpr std::int64_t kBackoffMostMs = 300'000;

// How many steps of a kind run at once. A planner may hold 12 transfer buffers and a collector 6:
// one of each fits the least memory there is, and neither can wait for what the other holds. Direct
// runs hold little, and those that get no answers make room for others.
enum class Kind { finish, plan, submit, direct, collect };
constexpr std::array<int, 5> kAtOnce{4, 1, 8, 32, 1};
constexpr std::array<std::string_view, 5> kStepNames{"finish", "plan", "submit", "direct",
                                                     "collect"};
constexpr std::size_t index_of(Kind kind) { return static_cast<std::size_t>(kind); }

// Steps that are mostly one call to AWS, or of the database alone: short, and not to be repeated.
constexpr bool may_end(Kind kind) {
  return kind == Kind::finish || kind == Kind::submit || kind == Kind::direct;
}

// Half of it by chance, so that what failed together does not come back together.
std::int64_t backoff_ms(int failures, double jitter) {
  const int doublings = std::clamp(failures - 1, 0, 16);
  const std::int64_t most = std::min(kBackoffMostMs, kBackoffFirstMs << doublings);
  return most / 2 + static_cast<std::int64_t>(static_cast<double>(most) * jitter / 2);
}

}  // namespace

struct Engine::State {
  State(boost::asio::io_context& loop, Context& c)
      : context(c),
        io(loop),
        loops(loop, obs::log_task_failure),
        upkeep(loop, obs::log_task_failure),
        woken(loop),
        monitor(loop, c, [this] { woken.set(); }) {}

  using steady = std::chrono::steady_clock;
  // A step at work.
  struct Step {
    Kind kind;
    std::shared_ptr<TaskGroup> task;  // of this step alone
    steady::time_point leased_until;
  };

  Context& context;
  boost::asio::io_context& io;
  TaskGroup loops;   // begin steps
  TaskGroup upkeep;  // of the steps that run
  Wakeup woken;
  Monitor monitor;
  std::array<int, kAtOnce.size()> running{};
  std::map<store::BatchStore::Lease, Step> in_flight;  // what this process works on now

  Awaitable<void> dispatch_loop();
  Awaitable<void> renew_loop();
  Awaitable<void> renew();
  Awaitable<void> watch_lapses();
  Awaitable<void> look_for_cancelled();
  void give_up(const store::BatchStore::Lease& lease, std::string_view why);
  Awaitable<bool> end_steps(Deadline deadline);
  Awaitable<void> dispatch();
  Awaitable<void> claim_batches(Kind kind, store::BatchPhase phase);
  Awaitable<void> claim_ended();
  Awaitable<void> claim_direct();
  Awaitable<void> start_jobs(Kind kind,
                             steady::time_point asked,
                             Result<std::vector<store::DueJob>> due);
  // Whether a claim's answer came so late that others may soon have the rows again.
  bool too_late(steady::time_point asked) const {
    return steady::now() - asked > context.settings.lease / 3;
  }
  Awaitable<void> claim_submissions();
  Awaitable<std::vector<store::BatchStore::Slots>> free_slots();
  Awaitable<void> run_batch(Kind kind, store::BatchRow batch);
  Awaitable<void> run_job(Kind kind, store::DueJob due);
  Task<void> job_step(Kind kind, store::DueJob due);
  int free(Kind kind) const {
    const auto i = static_cast<std::size_t>(kind);
    return kAtOnce[i] - running[i];
  }

  // Marks a step as running, however it ends. Its lease is renewed for as long, and then no more: a
  // row that could not be given back lapses, and is claimed again.
  struct Running {
    Running(State* s, Kind kind, store::BatchStore::Lease l)
        : state(s), i(static_cast<std::size_t>(kind)), lease(std::move(l)) {}
    Running(const Running&) = delete;
    Running& operator=(const Running&) = delete;
    ~Running() {
      --state->running[i];
      state->in_flight.erase(lease);
      state->woken.set();
    }
    State* state;
    std::size_t i;
    store::BatchStore::Lease lease;
  };
  // asked: when the lease was asked for, which is when it began. Null if a step of that row runs
  // already: its lease ran out while the clock jumped or the database stood still.
  std::shared_ptr<TaskGroup> take(Kind kind,
                                  const store::BatchStore::Lease& lease,
                                  bool from_other,
                                  steady::time_point asked);
};

std::shared_ptr<TaskGroup> Engine::State::take(Kind kind,
                                               const store::BatchStore::Lease& lease,
                                               bool from_other,
                                               steady::time_point asked) {
  if (from_other) {
    obs::count(obs::Counter::lease_takeovers);
    obs::info("another server's work is taken over", {{"batch_id", lease.batch_id.value},
                                                      {"job", lease.n},
                                                      {"step", kStepNames[index_of(kind)]}});
  }
  auto task = std::make_shared<TaskGroup>(io, obs::log_task_failure);
  const auto until = asked + context.settings.lease;
  if (!in_flight.emplace(lease, Step{kind, task, until}).second) return nullptr;
  ++running[index_of(kind)];
  return task;
}

Engine::Engine(boost::asio::io_context& io, Context& context)
    : state_(std::make_unique<State>(io, context)) {}
Engine::~Engine() = default;

Task<void> Engine::start(bool alone) {
  if (alone) {
    auto released = co_await state_->context.batches.release_all_leases();
    if (!released) co_return released;
    auto roles = co_await state_->context.leases.release_all();
    if (!roles) co_return roles;
  }
  state_->loops.spawn("engine", state_->dispatch_loop());
  state_->upkeep.spawn("lease renewal", state_->renew_loop());
  if (!alone) {
    state_->upkeep.spawn("lapsed leases", state_->watch_lapses());
    state_->upkeep.spawn("cancelled elsewhere", state_->look_for_cancelled());
  }
  state_->monitor.start();
  co_return Result<void>();
}

void Engine::wake() {
  state_->woken.set();
  state_->monitor.wake();
}

Awaitable<void> Engine::stop(Deadline deadline) {
  // The loops first: one that is just claiming would start a task that nobody cancels.
  state_->context.draining = true;
  state_->loops.cancel();
  const bool loops_ended = co_await state_->loops.join(deadline);
  co_await state_->monitor.stop(deadline);
  const bool steps_ended = co_await state_->end_steps(deadline);
  state_->upkeep.cancel();
  const bool upkeep_ended = co_await state_->upkeep.join(deadline);
  if (!loops_ended || !steps_ended || !upkeep_ended) {
    obs::warn("the engine did not stop in time", {{"steps", state_->in_flight.size()}});
  }
  auto released = co_await state_->context.batches.release_own_leases(state_->context.now_ms());
  if (!released) obs::warn("leases were not released", {{"message", released.error().message()}});
}

// Those that may end are cancelled after a while, the others at once.
Awaitable<bool> Engine::State::end_steps(Deadline deadline) {
  std::vector<std::shared_ptr<TaskGroup>> cancelled;
  std::vector<std::shared_ptr<TaskGroup>> ending;
  for (const auto& [lease, step] : in_flight) {
    (may_end(step.kind) ? ending : cancelled).push_back(step.task);
  }
  for (const auto& task : cancelled) task->cancel();
  const Deadline calls = deadline.sooner(kCallsMayEnd);
  bool ended = true;
  for (const auto& task : ending) {
    if (!co_await task->join(calls)) task->cancel();
    cancelled.push_back(task);
  }
  for (const auto& task : cancelled) ended = co_await task->join(deadline) && ended;
  co_return ended;
}

Awaitable<void> Engine::State::renew_loop() {
  while (true) {
    co_await sleep_for(context.settings.lease / 3);
    co_await renew();
  }
}

Awaitable<void> Engine::State::renew() {
  std::vector<store::BatchStore::Lease> left;
  for (const auto& [lease, step] : in_flight) left.push_back(lease);
  for (int tries = 1; !left.empty(); ++tries) {
    const auto asked = steady::now();
    auto failed =
        co_await context.batches.renew_leases(left, context.now_ms() + context.lease_ms());
    if (!failed) {
      obs::warn("leases were not renewed", {{"message", failed.error().message()}});
      co_return;
    }
    std::set<store::BatchStore::Lease> again(failed->lost.begin(), failed->lost.end());
    again.insert(failed->locked.begin(), failed->locked.end());
    for (const auto& lease : left) {
      const auto step = in_flight.find(lease);
      if (again.contains(lease) || step == in_flight.end()) continue;
      step->second.leased_until = asked + context.settings.lease;
    }
    if (tries > 1) {
      for (const auto& lease : failed->lost) {
        give_up(lease, "another server has taken it");
        again.erase(lease);
      }
    }
    if (tries == kRenewalTries) co_return;  // the next renewal is in time
    if (!again.empty()) co_await sleep_for(kMayBeEnding);
    std::erase_if(again, [this](const auto& lease) { return !in_flight.contains(lease); });
    left.assign(again.begin(), again.end());
  }
}

// While the database cannot be reached by this server, it may be by others.
Awaitable<void> Engine::State::watch_lapses() {
  while (true) {
    co_await sleep_for(context.settings.lease / 3);
    std::vector<store::BatchStore::Lease> lapsed;
    for (const auto& [lease, step] : in_flight) {
      if (step.leased_until < steady::now()) lapsed.push_back(lease);
    }
    for (const auto& lease : lapsed) give_up(lease, "its lease could not be renewed");
  }
}

void Engine::State::give_up(const store::BatchStore::Lease& lease, std::string_view why) {
  const auto step = in_flight.find(lease);
  if (step == in_flight.end()) return;
  obs::count(obs::Counter::leases_lost);
  obs::warn("work is given up", {{"batch_id", lease.batch_id.value},
                                 {"job", lease.n},
                                 {"step", kStepNames[index_of(step->second.kind)]},
                                 {"why", why}});
  const auto task = step->second.task;  // the step may go while it is cancelled
  task->cancel();
}

// Only on-demand runs look for it: the other steps are short, or read it when they begin.
Awaitable<void> Engine::State::look_for_cancelled() {
  while (true) {
    co_await sleep_for(
        std::min<std::chrono::milliseconds>(kLookForCancelledEvery, context.settings.lease / 3));
    std::set<BatchId> at_work;
    for (const auto& [lease, step] : in_flight) {
      if (step.kind == Kind::direct) at_work.insert(lease.batch_id);
    }
    if (at_work.empty()) continue;
    auto cancelling = co_await context.batches.cancelling_of(std::move(at_work));
    if (cancelling) context.cancelling = std::move(*cancelling);
  }
}

Awaitable<void> Engine::State::dispatch_loop() {
  while (true) {
    co_await dispatch();
    auto due = co_await context.batches.next_due_ms(context.now_ms());
    std::chrono::milliseconds wait = kLookAtMost;
    if (due && *due) {
      const std::chrono::milliseconds left(**due - context.now_ms());
      wait = std::clamp(context.clock.real(left), kLookAtLeast, kLookAtMost);
    }
    co_await woken.wait(Deadline::after(wait));
  }
}

Awaitable<void> Engine::State::dispatch() {
  co_await claim_batches(Kind::finish, store::BatchPhase::running);
  co_await claim_batches(Kind::plan, store::BatchPhase::planning);
  co_await claim_ended();
  co_await claim_submissions();
  co_await claim_direct();
}

Awaitable<void> Engine::State::claim_batches(Kind kind, store::BatchPhase phase) {
  if (free(kind) <= 0) co_return;
  const auto asked = steady::now();
  auto due = co_await context.batches.claim_batches(phase, context.now_ms(), context.lease_ms(),
                                                    free(kind));
  if (!due) {
    obs::log(store::log_level(due.error()), "no batch could be claimed",
             {{"message", due.error().message()}});
    co_return;
  }
  for (store::DueBatch& item : *due) {
    if (too_late(asked) && !in_flight.contains({item.batch.id, 0})) {
      obs::warn("a claim was answered too late, and is given back",
                {{"batch_id", item.batch.id.value}});
      co_await context.batches.release_batch(item.batch.id, context.now_ms(), item.batch.failures);
      continue;
    }
    const auto task = take(kind, {item.batch.id, 0}, item.taken_over, asked);
    if (task) task->spawn(item.batch.id.value, run_batch(kind, std::move(item.batch)));
  }
}

// Of both kinds together, so that neither waits for the other's end.
Awaitable<void> Engine::State::claim_ended() {
  const int limit = free(Kind::collect);
  if (limit <= 0) co_return;
  std::vector<store::JobState> states{store::JobState::ended};
  const auto asked = steady::now();
  auto due = co_await context.batches.claim_jobs(std::nullopt, std::move(states), context.now_ms(),
                                                 context.lease_ms(), limit);
  co_await start_jobs(Kind::collect, asked, std::move(due));
}

Awaitable<void> Engine::State::claim_direct() {
  const int limit = free(Kind::direct);
  if (limit <= 0) co_return;
  const auto asked = steady::now();
  auto due = co_await context.batches.claim_direct(context.now_ms(), context.lease_ms(), limit);
  co_await start_jobs(Kind::direct, asked, std::move(due));
}

Awaitable<void> Engine::State::start_jobs(Kind kind,
                                          steady::time_point asked,
                                          Result<std::vector<store::DueJob>> due) {
  if (!due) {
    obs::log(store::log_level(due.error()), "no job could be claimed",
             {{"message", due.error().message()}});
    co_return;
  }
  for (store::DueJob& item : *due) {
    const store::BatchStore::Lease lease{item.job.batch_id, item.job.n};
    if (too_late(asked) && !in_flight.contains(lease)) {
      obs::warn("a claim was answered too late, and is given back",
                {{"batch_id", lease.batch_id.value}, {"job", lease.n}});
      co_await context.batches.release_job(lease.batch_id, lease.n, context.now_ms(),
                                           item.job.failures);
      continue;
    }
    const auto task = take(kind, lease, item.taken_over, asked);
    if (task) task->spawn(item.job.batch_id.value, run_job(kind, std::move(item)));
  }
}

// Where a job that waits may go now, and how many.
Awaitable<std::vector<store::BatchStore::Slots>> Engine::State::free_slots() {
  std::vector<store::BatchStore::Slots> slots;
  const std::int64_t now_ms = context.now_ms();
  auto loads = co_await context.batches.loads(now_ms);
  if (!loads) {
    obs::log(store::log_level(loads.error()), "slots were not counted",
             {{"message", loads.error().message()}});
    co_return slots;
  }
  std::int64_t left = free(Kind::submit);
  for (const store::BatchStore::Load& load : *loads) {
    if (load.staged_due == 0 || context.health.busy(load.deployment_id, now_ms)) continue;
    const auto deployment = context.deployments.by_id(load.deployment_id);
    // Jobs of one that is no longer configured are claimed too: they end.
    const std::int64_t limit = deployment ? deployment->settings.max_concurrent_jobs : left;
    // What AWS was asked for before holds its slot already: it needs no free one to be settled.
    const std::int64_t open =
        std::max(std::int64_t{0}, limit - (deployment ? load.slots_taken : 0));
    const std::int64_t free = std::min({open + load.asked_due, load.staged_due, left});
    if (free <= 0) continue;
    slots.push_back(
        {load.deployment_id, free, deployment ? std::optional<std::int64_t>(limit) : std::nullopt});
    left -= free;
    if (left == 0) break;
  }
  co_return slots;
}

Awaitable<void> Engine::State::claim_submissions() {
  if (free(Kind::submit) <= 0) co_return;
  auto slots = co_await free_slots();
  if (slots.empty()) co_return;
  const auto asked = steady::now();
  auto due =
      co_await context.batches.claim_staged(std::move(slots), context.now_ms(), context.lease_ms());
  co_await start_jobs(Kind::submit, asked, std::move(due));
}

Awaitable<void> Engine::State::run_batch(Kind kind, store::BatchRow batch) {
  const Running counted(this, kind, {batch.id, 0});
  const BatchId id = batch.id;
  const int failures = batch.failures + 1;
  const std::int64_t expires_at = batch.object.expires_at.value_or(0);
  auto step = kind == Kind::plan ? plan_batch(context, std::move(batch))
                                 : finish_batch(context, std::move(batch));
  auto done = co_await caught(std::move(step));
  if (done) co_return;
  if (kind == Kind::plan && expires_at <= unix_seconds(context.clock.now())) {
    obs::error("batch could not be planned within its window",
               {{"batch_id", id.value}, {"message", done.error().message()}});
    auto failed = co_await context.batches.fail_validation(
        id,
        {{"batch_expired",
          "The batch could not be prepared before the completion window expired: " +
              public_words(done.error()),
          "", std::nullopt}},
        context.now_ms());
    if (failed) co_return;
  }
  const std::int64_t wait_ms = backoff_ms(failures, context.jitter());
  obs::warn("batch step failed, will be done again", {{"batch_id", id.value},
                                                      {"failures", failures},
                                                      {"again_in_ms", wait_ms},
                                                      {"code", name(done.error().code())},
                                                      {"message", done.error().message()}});
  auto released = co_await context.batches.release_batch(id, context.now_ms() + wait_ms, failures);
  if (!released) obs::error("a lease was not released", {{"message", released.error().message()}});
}

Task<void> Engine::State::job_step(Kind kind, store::DueJob due) {
  switch (kind) {
    case Kind::submit:
      return submit_job(context, std::move(due));
    case Kind::direct:
      return run_directly(context, std::move(due));
    case Kind::collect:
    case Kind::finish:
    case Kind::plan:
      break;
  }
  return collect_job(context, std::move(due));
}

Awaitable<void> Engine::State::run_job(Kind kind, store::DueJob due) {
  const Running counted(this, kind, {due.job.batch_id, due.job.n});
  const BatchId id = due.job.batch_id;
  const int n = due.job.n;
  const int failures = due.job.failures + 1;
  auto done = co_await caught(job_step(kind, std::move(due)));
  if (kind == Kind::submit) monitor.wake();  // its first look is soon
  if (done) co_return;
  const std::int64_t wait_ms = backoff_ms(failures, context.jitter());
  obs::warn("job step failed, will be done again", {{"batch_id", id.value},
                                                    {"job", n},
                                                    {"failures", failures},
                                                    {"again_in_ms", wait_ms},
                                                    {"code", name(done.error().code())},
                                                    {"message", done.error().message()}});
  auto released = co_await context.batches.release_job(id, n, context.now_ms() + wait_ms, failures);
  if (!released) obs::error("a lease was not released", {{"message", released.error().message()}});
}

}  // namespace quarry::batch
