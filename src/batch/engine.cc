#include "batch/engine.h"

#include "base/wakeup.h"
#include "batch/caught.h"
#include "batch/finisher.h"
#include "batch/job_steps.h"
#include "batch/monitor.h"
#include "batch/planner.h"
#include "batch/resource_names.h"
#include "obs/log.h"

#include <algorithm>
#include <set>

namespace quarry::batch {
namespace {

constexpr std::int64_t kLeaseMs = 60'000;
constexpr std::chrono::seconds kRenewEvery{15};
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

// Half of it by chance, so that what failed together does not come back together.
std::int64_t backoff_ms(int failures, double jitter) {
  const int doublings = std::clamp(failures - 1, 0, 16);
  const std::int64_t most = std::min(kBackoffMostMs, kBackoffFirstMs << doublings);
  return most / 2 + static_cast<std::int64_t>(static_cast<double>(most) * jitter / 2);
}

}  // namespace

struct Engine::State {
  State(boost::asio::io_context& io, Context& c)
      : context(c),
        tasks(io, obs::log_task_failure),
        loops(io, obs::log_task_failure),
        woken(io),
        monitor(io, c, [this] { woken.set(); }) {}

  Context& context;
  TaskGroup tasks;
  TaskGroup loops;
  Wakeup woken;
  Monitor monitor;
  std::array<int, kAtOnce.size()> running{};
  std::set<store::BatchStore::Lease> in_flight;  // what this process works on now

  Awaitable<void> dispatch_loop();
  Awaitable<void> renew_loop();
  Awaitable<void> dispatch();
  Awaitable<void> claim_batches(Kind kind, store::BatchPhase phase);
  Awaitable<void> claim_ended();
  Awaitable<void> claim_direct();
  void start_jobs(Kind kind, Result<std::vector<store::DueJob>> due);
  Awaitable<void> claim_submissions();
  Awaitable<std::vector<store::BatchStore::Slots>> free_slots();
  Awaitable<void> run_batch(Kind kind, store::BatchRow batch);
  Awaitable<void> run_job(Kind kind, store::DueJob due);
  Task<void> job_step(Kind kind, store::DueJob due);
  // A lease is as long in real time whatever the clock's speed is.
  std::int64_t lease_ms() const {
    return static_cast<std::int64_t>(static_cast<double>(kLeaseMs) * context.clock.speed());
  }
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
  // False if a step of that row runs already: its lease ran out while the clock jumped or the
  // database stood still.
  bool take(Kind kind, const store::BatchStore::Lease& lease) {
    if (!in_flight.insert(lease).second) return false;
    ++running[static_cast<std::size_t>(kind)];
    return true;
  }
};

Engine::Engine(boost::asio::io_context& io, Context& context)
    : state_(std::make_unique<State>(io, context)) {}
Engine::~Engine() = default;

Task<void> Engine::start() {
  auto released = co_await state_->context.batches.release_all_leases();
  if (!released) co_return released;
  state_->loops.spawn("engine", state_->dispatch_loop());
  state_->loops.spawn("lease renewal", state_->renew_loop());
  state_->monitor.start();
  co_return Result<void>();
}

void Engine::wake() {
  state_->woken.set();
  state_->monitor.wake();
}

Awaitable<void> Engine::stop(Deadline deadline) {
  // The loops first: one that is just claiming would start a task that nobody cancels.
  state_->loops.cancel();
  const bool loops_ended = co_await state_->loops.join(deadline);
  co_await state_->monitor.stop(deadline);
  state_->tasks.cancel();
  const bool tasks_ended = co_await state_->tasks.join(deadline);
  if (!loops_ended || !tasks_ended) {
    obs::warn("the engine did not stop in time", {{"tasks", state_->tasks.running()}});
  }
  auto released = co_await state_->context.batches.release_all_leases();
  if (!released) obs::warn("leases were not released", {{"message", released.error().message()}});
}

Awaitable<void> Engine::State::renew_loop() {
  while (true) {
    co_await sleep_for(kRenewEvery);
    std::vector<store::BatchStore::Lease> leases(in_flight.begin(), in_flight.end());
    auto renewed =
        co_await context.batches.renew_leases(std::move(leases), context.now_ms() + lease_ms());
    if (!renewed) obs::warn("leases were not renewed", {{"message", renewed.error().message()}});
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
  auto due =
      co_await context.batches.claim_batches(phase, context.now_ms(), lease_ms(), free(kind));
  if (!due) {
    obs::error("no batch could be claimed", {{"message", due.error().message()}});
    co_return;
  }
  for (store::DueBatch& item : *due) {
    if (!take(kind, {item.batch.id, 0})) continue;
    tasks.spawn(item.batch.id.value, run_batch(kind, std::move(item.batch)));
  }
}

// Of both kinds together, so that neither waits for the other's end.
Awaitable<void> Engine::State::claim_ended() {
  const int limit = free(Kind::collect);
  if (limit <= 0) co_return;
  std::vector<store::JobState> states{store::JobState::ended};
  start_jobs(Kind::collect,
             co_await context.batches.claim_jobs(std::nullopt, std::move(states), context.now_ms(),
                                                 lease_ms(), limit));
}

Awaitable<void> Engine::State::claim_direct() {
  const int limit = free(Kind::direct);
  if (limit <= 0) co_return;
  start_jobs(Kind::direct,
             co_await context.batches.claim_direct(context.now_ms(), lease_ms(), limit));
}

void Engine::State::start_jobs(Kind kind, Result<std::vector<store::DueJob>> due) {
  if (!due) {
    obs::error("no job could be claimed", {{"message", due.error().message()}});
    return;
  }
  for (store::DueJob& item : *due) {
    if (!take(kind, {item.job.batch_id, item.job.n})) continue;
    tasks.spawn(item.job.batch_id.value, run_job(kind, std::move(item)));
  }
}

// Where a job that waits may go now, and how many.
Awaitable<std::vector<store::BatchStore::Slots>> Engine::State::free_slots() {
  std::vector<store::BatchStore::Slots> slots;
  const std::int64_t now_ms = context.now_ms();
  auto loads = co_await context.batches.loads(now_ms);
  if (!loads) {
    obs::error("slots were not counted", {{"message", loads.error().message()}});
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
    slots.push_back({load.deployment_id, free});
    left -= free;
    if (left == 0) break;
  }
  co_return slots;
}

Awaitable<void> Engine::State::claim_submissions() {
  if (free(Kind::submit) <= 0) co_return;
  auto slots = co_await free_slots();
  if (slots.empty()) co_return;
  start_jobs(Kind::submit,
             co_await context.batches.claim_staged(std::move(slots), context.now_ms(), lease_ms()));
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
