#include "webhook/deliverer.h"

#include "base/bytes.h"
#include "base/wakeup.h"
#include "obs/log.h"
#include "obs/metrics.h"

#include "webhook/attempt.h"
#include "webhook/signature.h"
#include <algorithm>
#include <array>
#include <map>
#include <string>
#include <utility>

namespace quarry::webhook {

using std::chrono::milliseconds;

namespace {

// Longer than an attempt, so that none runs out under who keeps it.
constexpr std::chrono::seconds kLease{45};
constexpr milliseconds kLookAtLeast{100};  // between two looks that nothing has asked for
constexpr milliseconds kLookAtMost{1'000};
constexpr std::chrono::minutes kForgetEvery{30};

}  // namespace

struct Deliverer::State {
  explicit State(DelivererWorld w)
      : world(std::move(w)),
        loops(world.io, obs::log_task_failure),
        attempts(world.io, obs::log_task_failure),
        woken(world.io) {}

  // The receivers of the configuration, and those that batches name.
  struct Lane {
    int running = 0;
    std::map<std::string, int> by_receiver;
  };
  // Marks an attempt as running, however it ends.
  struct Running {
    Running(State* s, const store::WebhookRow& webhook)
        : state(s), of_batch(webhook.of_batch), receiver(webhook.receiver) {}
    Running(const Running&) = delete;
    Running& operator=(const Running&) = delete;
    ~Running() {
      Lane& lane = state->lane_of(of_batch);
      --lane.running;
      if (--lane.by_receiver[receiver] == 0) lane.by_receiver.erase(receiver);
      state->woken.set();
    }
    State* state;
    bool of_batch;
    std::string receiver;
  };

  DelivererWorld world;
  TaskGroup loops;
  TaskGroup attempts;
  Wakeup woken;
  std::array<Lane, 2> lanes;

  Lane& lane_of(bool of_batch) { return lanes[of_batch ? 1 : 0]; }
  std::int64_t now_ms() const { return unix_millis(world.clock.now()); }

  Awaitable<void> deliver_loop();
  Awaitable<void> forget_loop();
  Awaitable<void> claim(bool of_batches);
  Awaitable<void> attempt(store::WebhookRow webhook);
  Task<http::ClientResponse> post(store::WebhookRow webhook);
  Task<void> write_down(store::WebhookRow webhook, Verdict verdict);
};

Deliverer::Deliverer(DelivererWorld world) : state_(std::make_unique<State>(std::move(world))) {}
Deliverer::~Deliverer() = default;

void Deliverer::start() {
  state_->loops.spawn("webhooks", state_->deliver_loop());
  state_->loops.spawn("webhooks, old ones", state_->forget_loop());
}

void Deliverer::wake() { state_->woken.set(); }

Awaitable<void> Deliverer::stop(Deadline deadline) {
  // The loop first: one that is just claiming would start an attempt that nobody cancels.
  state_->loops.cancel();
  const bool loops_ended = co_await state_->loops.join(deadline);
  state_->attempts.cancel();
  const bool attempts_ended = co_await state_->attempts.join(deadline);
  if (!loops_ended || !attempts_ended) {
    obs::warn("webhooks did not stop in time", {{"attempts", state_->attempts.running()}});
  }
  auto released = co_await state_->world.store.release_all(state_->now_ms());
  if (!released) {
    obs::warn("webhooks were not given back", {{"message", released.error().message()}});
  }
}

Awaitable<void> Deliverer::State::deliver_loop() {
  // What a server that is gone had claimed.
  auto released = co_await world.store.release_all(now_ms());
  if (!released) obs::warn("webhooks stay claimed", {{"message", released.error().message()}});
  while (true) {
    auto due = co_await world.store.next_due_ms();
    milliseconds wait = kLookAtMost;
    if (!due) {
      obs::error("webhooks were not looked up", {{"message", due.error().message()}});
    } else if (*due) {
      if (**due <= now_ms()) {
        co_await claim(false);
        co_await claim(true);
      }
      wait =
          std::clamp(world.clock.real(milliseconds(**due - now_ms())), kLookAtLeast, kLookAtMost);
    }
    co_await woken.wait(Deadline::after(wait));
  }
}

Awaitable<void> Deliverer::State::forget_loop() {
  while (true) {
    const std::int64_t now = now_ms();
    auto gone = co_await world.store.forget(now - milliseconds(kKeepDelivered).count(),
                                            now - milliseconds(kKeepGivenUp).count());
    if (!gone) obs::warn("old webhooks stay", {{"message", gone.error().message()}});
    co_await sleep_for(kForgetEvery);
  }
}

Awaitable<void> Deliverer::State::claim(bool of_batches) {
  Lane& lane = lane_of(of_batches);
  store::WebhookStore::Claim wanted;
  wanted.of_batches = of_batches;
  wanted.limit = kAtOnce - lane.running;
  if (wanted.limit <= 0) co_return;
  wanted.per_receiver = kAtOncePerReceiver;
  wanted.running = lane.by_receiver;
  wanted.now_ms = now_ms();
  // As long in real time whatever the clock's speed is.
  wanted.lease_ms = static_cast<std::int64_t>(static_cast<double>(milliseconds(kLease).count()) *
                                              world.clock.speed());
  auto claimed = co_await world.store.claim(std::move(wanted));
  if (!claimed) {
    obs::error("no webhook could be claimed", {{"message", claimed.error().message()}});
    co_return;
  }
  for (store::WebhookRow& webhook : *claimed) {
    ++lane.running;
    ++lane.by_receiver[webhook.receiver];
    const std::string task = webhook.id;
    attempts.spawn(task, attempt(std::move(webhook)));
  }
}

Awaitable<void> Deliverer::State::attempt(store::WebhookRow webhook) {
  const Running counted(this, webhook);
  const auto began = std::chrono::steady_clock::now();
  const Result<http::ClientResponse> answer = co_await post(webhook);
  obs::observe(obs::Histogram::webhook_delivery_seconds, {},
               std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count());
  // What is not written down is sent again when the lease has run out.
  auto written = co_await write_down(webhook, judge(answer, world.wall.now()));
  if (!written) {
    obs::error("a webhook's outcome was not written down",
               {{"webhook_id", webhook.id},
                {"batch_id", webhook.batch_id.value},
                {"message", written.error().message()}});
  }
}

Task<http::ClientResponse> Deliverer::State::post(store::WebhookRow webhook) {
  const Secret<std::string>* key = world.targets.key_for(webhook);
  if (key == nullptr) co_return fail(Errc::not_found, "the configuration names it no more");
  const std::int64_t timestamp = unix_seconds(world.wall.now());
  http::ClientRequest request;
  request.method = "POST";
  request.url = webhook.url;
  request.headers = {{"Content-Type", "application/json"},
                     {"webhook-id", webhook.id},
                     {"webhook-timestamp", std::to_string(timestamp)},
                     {"webhook-signature", signature(*key, webhook.id, timestamp, webhook.body)}};
  request.body = as_bytes(webhook.body);
  request.public_addresses_only = !world.targets.private_addresses();
  request.discard_body = true;
  co_return co_await world.client.send(std::move(request), Deadline::after(kAttemptTime));
}

Task<void> Deliverer::State::write_down(store::WebhookRow webhook, Verdict verdict) {
  const std::int64_t now = now_ms();
  const int attempts_made = webhook.attempts + 1;
  // Told once it is written: until then it may be done again.
  if (verdict.kind == Verdict::Kind::delivered) {
    auto written = co_await world.store.delivered(webhook.id, now);
    if (!written) co_return written;
    obs::count(obs::Counter::webhook_deliveries, {"delivered"});
    obs::info("webhook delivered", {{"webhook_id", webhook.id},
                                    {"batch_id", webhook.batch_id.value},
                                    {"event", webhook.event_type},
                                    {"receiver", webhook.receiver},
                                    {"attempts", attempts_made}});
    co_return written;
  }
  std::optional<std::int64_t> next;
  if (verdict.kind == Verdict::Kind::again) {
    next =
        next_attempt_ms(webhook.created_ms, now, attempts_made, world.jitter(), verdict.asked_for);
  }
  auto written = next ? co_await world.store.failed(webhook.id, verdict.why, *next)
                      : co_await world.store.given_up(webhook.id, verdict.why, now);
  if (!written) co_return written;
  obs::log(next ? obs::Level::info : obs::Level::warn,
           next ? "webhook not delivered, will be tried again" : "webhook given up",
           {{"webhook_id", webhook.id},
            {"batch_id", webhook.batch_id.value},
            {"event", webhook.event_type},
            {"receiver", webhook.receiver},
            {"attempts", attempts_made},
            {"again_in_ms", next.value_or(now) - now},
            {"why", verdict.why}});
  obs::count(obs::Counter::webhook_deliveries, {!next             ? "given_up"
                                                : verdict.refused ? "refused"
                                                                  : "retried"});
  co_return written;
}

}  // namespace quarry::webhook
