#pragma once
// For tests: runs one coroutine to its end on a loop of its own and gives its value.

#include "base/task.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/use_future.hpp>

namespace quarry::testing {

// Rethrows what the coroutine throws.
template <class T>
T run_on(boost::asio::io_context& io, Awaitable<T> task) {
  auto future = boost::asio::co_spawn(io, std::move(task), boost::asio::use_future);
  io.restart();
  io.run();
  return future.get();
}

}  // namespace quarry::testing
