#pragma once
// What every step of a batch's life is given. Everything in it outlives the engine.

#include "aws/deployment_set.h"
#include "aws/retry.h"
#include "base/blocking_pool.h"
#include "base/clock.h"
#include "base/transfer_memory.h"
#include "batch/call_limiter.h"
#include "batch/deployment_health.h"
#include "batch/deployment_models.h"
#include "store/batch_store.h"
#include "store/file_store.h"
#include "store/lease_store.h"

#include <boost/asio/io_context.hpp>

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <set>

namespace quarry::batch {

struct EngineSettings {
  std::size_t line_bytes_max = std::size_t{16} << 20;
  bool drop_params = false;
  // How often an open job is looked at. Unset: from 5 s while it is young to 60 s.
  std::optional<std::chrono::milliseconds> polling_interval;
  // For what does not fit into memory and is not worth keeping: files without a name.
  std::filesystem::path scratch_directory;
  std::chrono::hours max_completion_window{24};
  // How long after a server's death another goes on with its work. Real time.
  std::chrono::milliseconds lease{30'000};
};

struct Context {
  boost::asio::io_context& io;
  store::BatchStore& batches;
  store::FileStore& files;
  store::DirectResultStore& direct_results;
  store::LeaseStore& leases;
  const aws::DeploymentSet& deployments;
  const DeploymentModels& models;
  TransferMemory& memory;
  BlockingPool& pool;
  const Clock& clock;
  EngineSettings settings;
  // Of the batches at work here, those that a client has cancelled, at whichever server: running
  // steps look here between calls.
  std::set<BatchId> cancelling;
  bool draining = false;  // what runs is to end soon, so that another server goes on with it
  DeploymentHealth health;
  // Jobs that were asked for, whose answer was lost, and that AWS's list does not show; since when,
  // and after how many failures: what was asked for again since then may be there again.
  struct Absence {
    std::int64_t since_ms = 0;
    int failures = 0;
    bool said_to_be_there = false;  // in AWS's answer to who asked for it again
  };
  std::map<store::BatchStore::Lease, Absence> absent;
  aws::Jitter jitter = aws::random_jitter();
  CallLimiters limiters;  // of on-demand calls

  // The completion window of the job's batch is over.
  bool window_over(const store::DueJob& due) const {
    return due.batch_expires_at <= unix_seconds(clock.now());
  }
  // So little is left of the window that the deployment's jobs are to run on demand instead.
  bool fallback_due(const store::DueJob& due, const config::DeploymentSettings& deployment) const {
    return deployment.deadline_fallback &&
           due.batch_expires_at - std::chrono::seconds(*deployment.deadline_fallback).count() <=
               unix_seconds(clock.now());
  }
  std::int64_t now_ms() const { return unix_millis(clock.now()); }
  // A lease is as long in real time whatever the clock's speed is.
  std::int64_t lease_ms() const {
    return static_cast<std::int64_t>(static_cast<double>(settings.lease.count()) * clock.speed());
  }
};

}  // namespace quarry::batch
