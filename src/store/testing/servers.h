#pragma once
// Several servers on one database, as far as a store can tell. For tests on PostgreSQL.

#include "base/testing/run.h"
#include "store/testing/scratch_database.h"

#include <barrier>
#include <cstddef>
#include <memory>
#include <thread>
#include <vector>

namespace quarry::testing {

class Servers {
 public:
  explicit Servers(std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) {
      databases_.push_back(std::make_unique<store::Database>(scratch_.options()));
    }
  }

  store::Database& operator[](std::size_t i) { return *databases_[i]; }
  const ScratchSchema& schema() const { return scratch_.schema(); }
  const ScratchDatabase& scratch() const { return scratch_; }

  // Runs each(i) for every server at the same moment, and waits for all.
  template <class F>
  void all_at_once(F each) {
    std::barrier start(static_cast<std::ptrdiff_t>(databases_.size()));
    std::vector<std::jthread> threads;
    for (std::size_t i = 0; i < databases_.size(); ++i) {
      threads.emplace_back([&, i] {
        start.arrive_and_wait();
        each(i);
      });
    }
  }

 private:
  ScratchDatabase scratch_;
  std::vector<std::unique_ptr<store::Database>> databases_;
};

}  // namespace quarry::testing
