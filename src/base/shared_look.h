#pragma once
// One look at a time at something that may take long to answer: who asks meanwhile waits for the
// same look, and what it saw serves all for a while. So a slow database is asked once, however many
// want to know how it is.

#include "base/task.h"

#include <boost/asio/io_context.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace quarry {

// Loop thread. Outlives its look: stop() it before it is destroyed.
template <class T>
class SharedLook {
 public:
  using Look = std::function<Awaitable<T>()>;

  // good_for: how long what was seen is not looked at again. on_failure: as TaskGroup's.
  SharedLook(boost::asio::io_context& io,
             std::string name,
             Deadline::clock::duration good_for,
             TaskGroup::OnFailure on_failure,
             Look look)
      : io_(io),
        name_(std::move(name)),
        good_for_(good_for),
        look_(std::move(look)),
        tasks_(io, std::move(on_failure)) {}

  // nullopt: the look has not ended by the deadline (it goes on, for those who ask later), or ended
  // with an exception.
  Awaitable<std::optional<T>> get(Deadline deadline) {
    if (seen_ && Deadline::clock::now() < seen_at_ + good_for_) co_return seen_;
    const std::uint64_t flight = flight_;
    if (!flying_) {
      flying_ = true;
      tasks_.spawn(name_, fly());
    }
    if (flight_ == flight) {
      const auto timer = std::make_shared<boost::asio::steady_timer>(io_, deadline.at());
      waiting_.push_back(timer);
      boost::system::error_code ignored;  // woken by landing, or by time
      co_await timer->async_wait(boost::asio::redirect_error(boost::asio::use_awaitable, ignored));
      std::erase(waiting_, timer);
      if (flight_ == flight) co_return std::nullopt;
    }
    co_return landed_ ? seen_ : std::nullopt;
  }

  // What was seen last, however long ago.
  const std::optional<T>& last() const { return seen_; }

  Awaitable<void> stop(Deadline deadline) {
    tasks_.cancel();
    co_await tasks_.join(deadline);
  }

 private:
  struct Landing {
    explicit Landing(SharedLook& the_look) : look(the_look) { look.landed_ = false; }
    ~Landing() {
      look.flying_ = false;
      ++look.flight_;
      for (const auto& timer : look.waiting_) timer->cancel();
    }
    Landing(const Landing&) = delete;
    Landing& operator=(const Landing&) = delete;
    SharedLook& look;
  };

  Awaitable<void> fly() {
    const Landing landing(*this);
    seen_.emplace(co_await look_());
    seen_at_ = Deadline::clock::now();
    landed_ = true;
  }

  boost::asio::io_context& io_;
  std::string name_;
  Deadline::clock::duration good_for_;
  Look look_;
  std::optional<T> seen_;
  Deadline::clock::time_point seen_at_{};
  bool flying_ = false;
  bool landed_ = false;       // the last flight brought something
  std::uint64_t flight_ = 0;  // how many have ended
  std::vector<std::shared_ptr<boost::asio::steady_timer>> waiting_;
  TaskGroup tasks_;
};

}  // namespace quarry
