#pragma once
// Calls that came to nothing for no known fault of the record: is it the record, or the deployment?
// A record is judged by what became of the others. One book for all runs on a deployment; it
// outlives runs that make room for others, and not the process. Pure: time is passed in, and is the
// engine's clock's.

#include "base/clock.h"
#include "store/batch_store.h"

#include <chrono>
#include <cstdint>
#include <map>
#include <set>

namespace quarry::batch {

class DirectTries {
 public:
  // So often a record may fail while others are answered.
  static constexpr int kCountedMax = 5;
  // With no other to compare with, so often, and for so long for each that fails so; more than so
  // many that fail together are an outage, however long it takes.
  static constexpr int kAloneMax = 10;
  static constexpr std::chrono::minutes kAloneFor{5};
  static constexpr std::size_t kTogetherMax = 10;
  static constexpr std::chrono::milliseconds kWaitFirst{1'000};
  static constexpr std::chrono::milliseconds kWaitMost{30'000};

  struct Record {
    store::BatchStore::Lease job;
    store::DirectResultStore::Key key;
    auto operator<=>(const Record&) const = default;
  };

  enum class Verdict {
    later,    // to be tried again when due() says
    outage,   // and others fail too: nothing is to be called for a while
    give_up,  // the failure is the record's own
  };

  // A call on the deployment was answered.
  void answered(const Record& record);
  // How many were; told to failed() as it was when the failed call began.
  std::int64_t answers() const { return answers_; }
  // A call on the deployment came to nothing. last: the record's run has none left that was not
  // called. jitter, in [0, 1), takes up to half of the wait away.
  Verdict failed(
      const Record& record, std::int64_t answers_before, bool last, SysTime now, double jitter);
  // When the record is to be tried again; the epoch if it has not failed.
  SysTime due(const Record& record) const;
  // The record was given up, or its job has ended.
  void forget(const Record& record);
  void forget(const store::BatchStore::Lease& job);

 private:
  struct Tries {
    int all = 0;
    int counted = 0;
    SysTime first;
    SysTime due;
    std::int64_t answers = 0;  // as of the last one
  };
  bool hopeless(const Tries& tries, bool last, SysTime now) const;

  std::map<Record, Tries> records_;
  std::set<Record> failing_;  // since the last answer
  std::int64_t answers_ = 0;
};

}  // namespace quarry::batch
