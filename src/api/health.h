#pragma once
// How this server and what it depends on are. Every question has a deadline of its own, is asked
// once however many want to know, and its answer names no bucket, role, host or account.

#include "api/serving_state.h"
#include "aws/deployment_set.h"
#include "base/clock.h"
#include "base/shared_look.h"
#include "store/census_store.h"

#include <chrono>
#include <string>
#include <vector>

namespace quarry::api {

// One thing that this server depends on.
struct Dependency {
  std::string name;   // database, s3, s3_output, bedrock
  std::string model;  // the public model name whose entry it is of; "" = of none
  bool healthy = false;
  std::chrono::milliseconds latency{0};
  std::string reason;  // what is wrong, in words for anybody; "" when healthy
};

struct Readiness {
  bool database = false;
  bool draining = false;
  std::string reason;  // "" when ready
  bool ready() const { return database && !draining; }
};

struct HealthSettings {
  std::chrono::milliseconds database_time{2'000};  // after which it counts as unreachable
  std::chrono::milliseconds aws_time{10'000};
  std::chrono::milliseconds database_good_for{1'000};
  std::chrono::milliseconds aws_good_for{30'000};
  std::chrono::milliseconds census_good_for{10'000};
  int asked_at_once = 4;  // of buckets and regions
};

// Loop thread. Everything given outlives it; stop() it before it is destroyed.
class Health {
 public:
  Health(boost::asio::io_context& io,
         store::CensusStore& database,
         const aws::DeploymentSet& deployments,
         const ServingState& serving,
         const Clock& clock,
         HealthSettings settings = {});

  // Asks the database only.
  Awaitable<Readiness> readiness();
  // Also S3 for each deployment's buckets, and Bedrock where it runs batch jobs.
  Awaitable<std::vector<Dependency>> dependencies();
  // Sets the gauges of the database, if what they show is older than census_good_for.
  Awaitable<void> refresh_gauges();

  Awaitable<void> stop(Deadline deadline);

 private:
  struct Probe;
  struct Round;

  Awaitable<Dependency> look_at_database();
  Awaitable<std::vector<Dependency>> look_at_aws();
  Awaitable<bool> look_at_census();
  Awaitable<void> work_through(std::shared_ptr<Round> round);
  Awaitable<Dependency> ask(Probe probe);

  store::CensusStore& database_;
  const aws::DeploymentSet& deployments_;
  const ServingState& serving_;
  const Clock& clock_;
  HealthSettings settings_;
  SharedLook<Dependency> database_look_;
  SharedLook<std::vector<Dependency>> aws_look_;
  SharedLook<bool> census_look_;
  TaskGroup asking_;
};

}  // namespace quarry::api
