#pragma once
// Coroutines as we use them: Task<T> is an awaitable Result<T>; TaskGroup owns background tasks;
// sleep_for waits. Everything here runs on the one event loop
// (docs/adr/0003-one-loop-and-a-pool.md).

#include "base/deadline.h"
#include "base/result.h"

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>

#include <chrono>
#include <exception>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

namespace quarry {

template <class T>
using Task = boost::asio::awaitable<Result<T>>;
template <class T>
using Awaitable = boost::asio::awaitable<T>;

// Suspends the calling coroutine. Throws system_error(operation_aborted) when cancelled.
Awaitable<void> sleep_for(std::chrono::steady_clock::duration span);

// Owns tasks that nobody awaits. Every task started in it has ended when join() returns.
// One executor, one thread; not copyable, outlives its tasks.
class TaskGroup {
 public:
  // Called on the loop with a task's name and what it threw. Cancellation is not reported.
  using OnFailure = std::function<void(std::string_view name, std::exception_ptr)>;

  TaskGroup(boost::asio::io_context& io, OnFailure on_failure);
  ~TaskGroup();
  TaskGroup(const TaskGroup&) = delete;
  TaskGroup& operator=(const TaskGroup&) = delete;

  void spawn(std::string name, Awaitable<void> task);
  // Asks every running task to stop at its next suspension. Later co_awaits in them throw.
  void cancel();
  // Suspends until no task runs. Result is false if the deadline came first.
  Awaitable<bool> join(Deadline deadline);
  std::size_t running() const;

 private:
  struct State;
  boost::asio::io_context& io_;
  std::shared_ptr<State> state_;
};

}  // namespace quarry
