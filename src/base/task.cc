#include "base/task.h"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/system/system_error.hpp>

#include <list>

namespace quarry {

namespace asio = boost::asio;

Awaitable<void> sleep_for(std::chrono::steady_clock::duration span) {
  asio::steady_timer timer(co_await asio::this_coro::executor, span);
  co_await timer.async_wait(asio::use_awaitable);
}

struct TaskGroup::State {
  explicit State(asio::io_context& io) : emptied(io, asio::steady_timer::time_point::max()) {}

  std::list<asio::cancellation_signal> signals;  // stable addresses: each task holds its slot
  asio::steady_timer emptied;                    // cancelled, so woken, when the last task ends
  OnFailure on_failure;
};

TaskGroup::TaskGroup(asio::io_context& io, OnFailure on_failure)
    : io_(io), state_(std::make_shared<State>(io)) {
  state_->on_failure = std::move(on_failure);
}

TaskGroup::~TaskGroup() = default;

void TaskGroup::spawn(std::string name, Awaitable<void> task) {
  auto state = state_;
  const auto signal = state->signals.emplace(state->signals.end());
  asio::co_spawn(
      io_, std::move(task),
      asio::bind_cancellation_slot(
          signal->slot(), [state, signal, name = std::move(name)](const std::exception_ptr& error) {
            bool report = error != nullptr;
            try {
              if (error) std::rethrow_exception(error);
            } catch (const boost::system::system_error& e) {
              report = e.code() != asio::error::operation_aborted;
            } catch (...) {  // reported below, by whoever owns the group
            }
            if (report && state->on_failure) state->on_failure(name, error);
            state->signals.erase(signal);
            if (state->signals.empty()) state->emptied.cancel();
          }));
}

void TaskGroup::cancel() {
  // A task may end, and erase itself, while its signal is emitted.
  for (auto it = state_->signals.begin(); it != state_->signals.end();) {
    auto current = it++;
    current->emit(asio::cancellation_type::terminal);
  }
}

Awaitable<bool> TaskGroup::join(Deadline deadline) {
  auto state = state_;
  while (!state->signals.empty()) {
    if (deadline.expired()) co_return false;
    state->emptied.expires_at(deadline.at());
    boost::system::error_code ignored;  // woken by cancel() or by time: the loop looks again
    co_await state->emptied.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
  }
  co_return true;
}

std::size_t TaskGroup::running() const { return state_->signals.size(); }

}  // namespace quarry
