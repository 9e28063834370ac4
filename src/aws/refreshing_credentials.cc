#include "aws/refreshing_credentials.h"

#include "obs/log.h"
#include "obs/metrics.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/system/system_error.hpp>

#include <algorithm>
#include <exception>
#include <utility>
#include <vector>

namespace quarry::aws {

namespace {

namespace asio = boost::asio;
using std::chrono::milliseconds;

// One fetch and those who wait for it.
struct Flight {
  std::optional<Result<Credentials>> result;
  std::vector<std::shared_ptr<asio::steady_timer>> waiting;
};

// Shared by the provider and its fetch, which may outlast it.
struct State {
  const Clock& clock;
  std::shared_ptr<CredentialSource> source;

  std::optional<Credentials> current;
  SysTime fetched_at{};
  bool stable = false;     // as Found has it
  bool forgotten = false;  // AWS refuses current
  bool announced = false;
  Deadline::clock::time_point not_again_before{};  // after a failure that could be borne
  std::optional<Error> error;
  SysTime failed_at{};
  int failures = 0;  // in a row
  std::shared_ptr<Flight> flight;

  milliseconds error_remembered() const {
    return std::min<milliseconds>(kErrorRememberedMax,
                                  kErrorRemembered * (1 << std::min(failures - 1, 6)));
  }
  // Of credentials that expire.
  milliseconds left(SysTime now) const { return clock.real(*current->expires_at - now); }
  RefreshWindows windows() const { return refresh_windows(left(fetched_at)); }
  bool usable(SysTime now) const {
    if (!current || forgotten) return false;
    return !current->expires_at || stable || *current->expires_at > now;
  }
};

Result<Credentials> check(Found found, SysTime now) {
  if (!found.credentials) {
    return fail(
        Error(Errc::forbidden, "no AWS credentials: " + found.absent).reason("NoCredentials"));
  }
  const Credentials& got = *found.credentials;
  if (got.expires_at && *got.expires_at <= now) {
    return fail(Error(Errc::forbidden, "the AWS credentials of " + got.source +
                                           " had expired before they came: at " +
                                           iso8601(*got.expires_at) + ", and it is " +
                                           iso8601(now) + "; hint: is this machine's clock right?")
                    .reason("ExpiredToken"));
  }
  return std::move(*found.credentials);
}

void note_success(State& state, const Credentials& got, bool stable, SysTime now) {
  state.current = got;
  state.stable = stable;
  state.fetched_at = now;
  state.not_again_before = {};
  state.forgotten = false;
  state.error.reset();
  state.failures = 0;
  if (!std::exchange(state.announced, true)) {
    log_identity(got);
  } else {
    log_renewal(got);
  }
}

void note_failure(State& state, const Error& error, SysTime now) {
  obs::count(obs::Counter::credential_failures);
  state.error = error;
  state.failed_at = now;
  ++state.failures;
  if (!state.usable(now)) return;
  // What there is serves on; a new one is tried for after a tenth of what is left of it.
  const milliseconds left = state.left(now);
  const milliseconds pause = left > milliseconds(0)
                                 ? std::min<milliseconds>(left / 10, std::chrono::minutes(1))
                                 : std::chrono::minutes(5);
  state.not_again_before = Deadline::clock::now() + pause;
  obs::warn("aws credentials not renewed",
            {{"source", state.current->source}, {"why", error.message()}});
}

Awaitable<void> fetch(std::shared_ptr<State> state, std::shared_ptr<Flight> flight) {
  auto found = co_await state->source->look(Deadline::after(kFetchTimeout));
  const SysTime now = state->clock.now();
  const bool stable = found && found->stable;
  Result<Credentials> got =
      found ? check(std::move(*found), now) : Result<Credentials>(fail(std::move(found.error())));
  if (got) {
    note_success(*state, *got, stable, now);
  } else {
    note_failure(*state, got.error(), now);
  }
  flight->result.emplace(std::move(got));
}

void land(const std::shared_ptr<State>& state,
          const std::shared_ptr<Flight>& flight,
          const std::exception_ptr& thrown) {
  if (thrown && !flight->result) {
    obs::log_task_failure("aws credentials", thrown);
    flight->result.emplace(fail(Errc::internal, "fetching AWS credentials broke off"));
  }
  if (state->flight == flight) state->flight = nullptr;
  for (const auto& timer : flight->waiting) timer->cancel();
}

std::shared_ptr<Flight> take_off(const asio::any_io_executor& executor,
                                 const std::shared_ptr<State>& state) {
  if (state->flight) return state->flight;
  const auto flight = std::make_shared<Flight>();
  state->flight = flight;
  asio::co_spawn(executor, fetch(state, flight), [state, flight](const std::exception_ptr& thrown) {
    land(state, flight, thrown);
  });
  return flight;
}

Task<Credentials> wait_for(asio::any_io_executor executor,
                           std::shared_ptr<Flight> flight,
                           Deadline deadline) {
  if (flight->result) co_return *flight->result;
  auto timer = std::make_shared<asio::steady_timer>(executor, deadline.at());
  flight->waiting.push_back(timer);
  boost::system::error_code ended;  // by land(), or cancelled
  co_await timer->async_wait(asio::redirect_error(asio::use_awaitable, ended));
  if (flight->result) co_return *flight->result;
  if (ended) throw boost::system::system_error(asio::error::operation_aborted);
  co_return fail(Errc::deadline_exceeded, "AWS credentials did not come in time");
}

class RefreshingCredentials final : public CredentialProvider {
 public:
  RefreshingCredentials(const Clock& clock, std::shared_ptr<CredentialSource> source)
      : state_(std::make_shared<State>(State{.clock = clock, .source = std::move(source)})) {}

  Task<Credentials> get(Deadline deadline) override {
    const auto state = state_;
    const auto executor = co_await asio::this_coro::executor;
    const SysTime now = state->clock.now();
    const bool rest = Deadline::clock::now() < state->not_again_before;
    if (state->usable(now) && (rest || !due(*state, now, &RefreshWindows::mandatory))) {
      if (!rest && due(*state, now, &RefreshWindows::advisory)) take_off(executor, state);
      co_return *state->current;
    }
    if (!state->flight && state->error && now >= state->failed_at &&
        state->clock.real(now - state->failed_at) < state->error_remembered()) {
      co_return fail(*state->error);
    }
    auto got = co_await wait_for(executor, take_off(executor, state), deadline);
    if (!got && state->usable(state->clock.now())) co_return *state->current;
    co_return got;
  }

  void forget() override {
    State& state = *state_;
    if (state.flight || !state.current) return;
    milliseconds recent = kJustFetched;
    if (state.current->expires_at) {
      recent = std::min(recent, state.left(state.fetched_at) / 4);
    }
    const SysTime now = state.clock.now();
    if (state.clock.real(now - state.fetched_at) >= recent) {
      state.forgotten = true;
      state.error.reset();
    }
  }

 private:
  static bool due(const State& state, SysTime now, milliseconds RefreshWindows::* window) {
    return state.current->expires_at && state.left(now) <= state.windows().*window;
  }

  std::shared_ptr<State> state_;
};

}  // namespace

RefreshWindows refresh_windows(milliseconds lifetime) {
  return {std::min<milliseconds>(std::chrono::minutes(15), lifetime / 2),
          std::min<milliseconds>(std::chrono::minutes(10), lifetime / 4)};
}

std::shared_ptr<CredentialProvider> refreshing_credentials(
    const Clock& clock, std::shared_ptr<CredentialSource> source) {
  return std::make_shared<RefreshingCredentials>(clock, std::move(source));
}

}  // namespace quarry::aws
