#pragma once
// Runs a coroutine to its end on a loop of its own. For tests.

#include "base/task.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>

#include <exception>
#include <optional>
#include <utility>

namespace quarry::testing {

template <class T>
T run(boost::asio::io_context& io, Awaitable<T> task) {
  std::optional<T> out;
  std::exception_ptr thrown;
  boost::asio::co_spawn(io, std::move(task), [&](std::exception_ptr error, T value) {
    thrown = std::move(error);
    out.emplace(std::move(value));
  });
  io.restart();
  io.run();
  if (thrown) std::rethrow_exception(thrown);
  return std::move(*out);
}

template <class T>
T run(Awaitable<T> task) {
  boost::asio::io_context io;
  return run(io, std::move(task));
}

}  // namespace quarry::testing
