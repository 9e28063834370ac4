#pragma once
// Threads for what must not run on the event loop: SQL, translation, hashing, disk.

#include <boost/asio/associated_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <exception>
#include <optional>
#include <type_traits>
#include <utility>

namespace quarry {

class BlockingPool {
 public:
  explicit BlockingPool(std::size_t thread_count) : threads_(thread_count) {}
  ~BlockingPool() { threads_.join(); }

  boost::asio::thread_pool& threads() { return threads_; }
  // Waits for what was posted; call before the io_context dies.
  void join() { threads_.join(); }

 private:
  boost::asio::thread_pool threads_;
};

// Runs `fn` on a thread of `pool` and resumes the coroutine on its own executor with the result.
// What fn throws is rethrown in the coroutine. Cancelling the coroutine does not stop fn: it is
// waited for, so fn may use what the coroutine's frame holds.
template <class F, class R = std::invoke_result_t<F&>>
boost::asio::awaitable<R> run_blocking(BlockingPool& pool, F fn) {
  namespace asio = boost::asio;
  using Slot = std::conditional_t<std::is_void_v<R>, bool, R>;
  std::optional<Slot> result;
  co_await asio::async_initiate<const asio::use_awaitable_t<>, void(std::exception_ptr)>(
      [&pool, &fn, &result](auto handler) {
        auto executor = asio::get_associated_executor(handler);
        asio::post(pool.threads(), [&fn, &result, executor, handler = std::move(handler),
                                    work = asio::make_work_guard(executor)]() mutable {
          std::exception_ptr error;
          try {
            if constexpr (std::is_void_v<R>) {
              static_cast<void>(result);
              fn();
            } else {
              result.emplace(fn());
            }
          } catch (...) {  // carried to the coroutine
            error = std::current_exception();
          }
          asio::post(executor, [handler = std::move(handler), error = std::move(error)]() mutable {
            std::move(handler)(std::move(error));
          });
        });
      },
      asio::use_awaitable);
  if constexpr (!std::is_void_v<R>) co_return std::move(*result);
}

}  // namespace quarry
