#pragma once
// A local AWS: S3, Bedrock, Bedrock runtime, STS, Service Quotas, and where instances and
// containers get their credentials, on one loopback port, with real paths, real errors and
// verified signatures. It shares no code with aws/ and bedrock/: it is another party.

#include "base/clock.h"
#include "base/secret.h"
#include "base/task.h"
#include "sandbox/account.h"
#include "sandbox/fault_script.h"

#include <boost/asio/io_context.hpp>

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

namespace quarry::sandbox {

struct Options {
  std::string host = "127.0.0.1";
  std::uint16_t port = 4566;  // 0 takes a free one
  std::filesystem::path
      data_dir;  // objects, multipart uploads and jobs live here and survive a restart
  std::string access_key_id = "AKIAQUARRYSANDBOX000";
  Secret<std::string> secret_access_key{"quarry-sandbox-secret-key-0000000000000"};
  // How long a job takes from Submitted to its end, spread over AWS's states. 0 is allowed.
  std::chrono::milliseconds job_time{3000};
  std::vector<std::string> buckets;  // made at start
  std::uint64_t min_records_per_job = 100;
  // Submitted and in progress, of one model in one region; 0 = no limit.
  std::uint64_t max_jobs_per_model = 20;
  // A job in progress takes as long as its records need at this pace, not a share of job_time;
  // 0 = no pace.
  double records_per_second = 0;
  // Times and spans of jobs and of what is stored are of a clock that was right at `clock_origin`
  // and runs `clock_speed` times as fast. Signatures are always held to the machine's own.
  double clock_speed = 1;
  SysTime clock_origin{};
  FaultScript faults;
  Account account;  // what there is beside the root's keys
};

class Sandbox {
 public:
  virtual ~Sandbox() = default;
  // Recovers the data directory, listens and starts. Throws when it cannot.
  virtual void start() = 0;
  virtual std::uint16_t port() const = 0;
  virtual std::string url() const = 0;  // http://127.0.0.1:4566
  virtual Awaitable<void> stop(Deadline deadline) = 0;
};

std::unique_ptr<Sandbox> make_sandbox(boost::asio::io_context& io, Options options);

}  // namespace quarry::sandbox
