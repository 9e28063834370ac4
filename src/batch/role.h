#pragma once
// Work that one server at a time does for all: whoever has the named lease (store/lease_store.h)
// has the role. It is taken when nobody has it, renewed each third of the lease, and given up at
// stop, so that another server has it a moment later; of a server that died, after the lease.

#include "base/task.h"
#include "batch/context.h"

#include <boost/asio/io_context.hpp>

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>

namespace quarry::batch {

class Role {
 public:
  struct Changes {
    std::function<void()> gained;  // the work may begin
    std::function<void()> lost;    // another server has it now: what runs is to end
  };
  // `context` outlives it. Changes are told on the loop.
  Role(boost::asio::io_context& io, Context& context, std::string name, Changes changes);

  void start();
  // False also when the lease could not be renewed for as long as it lasts.
  bool held() const;
  // Gives the role up. Once.
  Awaitable<void> stop(Deadline deadline);

 private:
  using steady = std::chrono::steady_clock;

  Awaitable<void> loop();
  Awaitable<void> ask();
  void has(bool held);

  Context& context_;
  std::string name_;
  Changes changes_;
  TaskGroup tasks_;
  bool held_ = false;
  steady::time_point until_{};  // of the lease
};

}  // namespace quarry::batch
