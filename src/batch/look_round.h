#pragma once
// One look at due jobs that one list of AWS's shows: by that list where it takes fewer calls than
// asking for each, and what it does not show one by one. Jobs whose time is over, or which nobody
// wants any more, are told to stop.

#include "aws/deployment_set.h"
#include "batch/context.h"
#include "batch/pacer.h"

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

namespace quarry::batch {

// Deployments of one endpoint, region and account, and what is remembered of their jobs from one
// look to the next. All of it can be lost.
struct LookGroup {
  std::string name;  // for the log
  std::int64_t phase_ms = 0;
  int rounds = 0;  // at work now
  struct Remembered {
    std::optional<std::int64_t> submitted_ms;
    int missing = 0;  // looks in a row at which AWS did not know the job
    std::int64_t missing_since_ms = 0;
    int looks_while_stopping = 0;
    std::int64_t looked_ms = 0;
  };
  std::unordered_map<std::string, Remembered> jobs;  // by ARN
  // How many jobs the list shows for each millisecond that it goes back; 0: not known.
  double listed_a_ms = 0;
  // That most jobs are unknown to AWS was said, and no job was seen since.
  bool said_vanished = false;
  // The account may not list jobs: not tried again until then.
  std::int64_t list_refused_until_ms = 0;
};

// What all rounds of a process share. Outlives them.
struct LookTools {
  Context& context;
  TaskGroup& tasks;
  Pacer& looks;
  Pacer& stops;
  std::function<void()> something_ended;
  bool paced = true;  // false: the user's own interval sets the pace
};

// How long a round may take, of real time; its jobs are leased for longer.
inline constexpr std::chrono::minutes kRoundTimeMax{4};

// Looks at each of `due` once, and gives all their leases back. open: how many jobs of the group
// AWS holds. `group` outlives the round.
Awaitable<void> look_at(LookTools& tools,
                        LookGroup& group,
                        aws::DeploymentPtr deployment,
                        std::vector<store::BatchStore::DueLook> due,
                        std::int64_t open);

}  // namespace quarry::batch
