#pragma once
// Model invocation jobs: what CreateModelInvocationJob takes, and the table of jobs, which survives
// a restart (one JSON file a job under bedrock/jobs/).

#include "base/blocking_pool.h"
#include "base/clock.h"
#include "base/task.h"
#include "sandbox/fault_script.h"
#include "sandbox/wire.h"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>

#include <filesystem>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

namespace quarry::sandbox {

// As AWS spells them.
enum class JobStatus {
  Submitted,
  Validating,
  Scheduled,
  InProgress,
  Completed,
  Failed,
  Stopping,
  Stopped,
  PartiallyCompleted,
  Expired,
};
std::string_view name(JobStatus status);
std::optional<JobStatus> job_status(std::string_view status_name);
bool terminal(JobStatus status);

struct Job {
  std::string id;  // 12 of [a-z0-9]
  std::string arn;
  std::string region;
  std::string token;            // clientRequestToken; "" when none was given
  boost::json::object request;  // as created, without its token
  JobStatus status = JobStatus::Submitted;
  std::string message;
  SysTime submitted{};
  SysTime modified{};
  std::optional<SysTime> ended;
  std::uint64_t total_records = 0;
  std::uint64_t processed_records = 0;
  std::uint64_t success_records = 0;
  std::uint64_t error_records = 0;
  // What it would be billed for: 0 until it has written output.
  std::uint64_t input_tokens = 0;
  std::uint64_t output_tokens = 0;
  std::vector<FaultRule> faults;  // what is to go wrong with it
  boost::json::array tags;        // as they are now
  std::uint64_t revision = 0;     // of what is saved

  std::string text(std::string_view member) const;  // of the request; "" when absent
  std::string account() const;                      // 12 digits
  SysTime expires() const;
  // The first of that kind; nullptr when there is none.
  const FaultRule* fault(FaultKind kind) const;
  // Gone from what AWS shows of it (FaultKind::vanish).
  bool vanished() const;
  std::string input_uri() const;
  std::string output_uri() const;
};
using JobPtr = std::shared_ptr<Job>;

// Every constraint that the service model puts on the request. Fault: ValidationException in AWS's
// words.
Answer<void> check_create_request(const boost::json::value& request);
// The pattern of jobName, which nameContains shares.
bool valid_job_name(std::string_view name);

// GetModelInvocationJob's answer; ListModelInvocationJobs' summaries are the same.
boost::json::object job_json(const Job& job);

struct S3Location {
  std::string bucket;
  std::string key;  // may be "" or end in '/'
};
// Of an s3Uri that check_create_request() has let through.
S3Location s3_location(std::string_view uri);

// Loop's thread only, but for the constructor.
class JobTable {
 public:
  // Reads what is there. Blocking. Throws when the directory cannot be used.
  JobTable(BlockingPool& pool, const std::filesystem::path& data_dir);

  // Makes an id and an ARN; not yet saved.
  JobPtr add(boost::json::object request,
             std::string token,
             const std::string& region,
             const std::string& account,
             SysTime now);
  JobPtr find(std::string_view arn) const;
  JobPtr find_by_token(std::string_view token,
                       std::string_view region,
                       std::string_view account) const;
  const std::map<std::string, JobPtr>& jobs() const { return jobs_; }  // by id
  // By time of submission, then id.
  using Order = std::map<std::pair<SysTime, std::string>, JobPtr>;
  const Order& of_region(const std::string& region) const;
  // Submitted or in progress, so of those that count for the quota.
  std::size_t open_jobs(const std::string& model_id,
                        const std::string& region,
                        const std::string& account) const;

  // Writes the job as it is now. Saves of one job may overtake each other on the pool: the latest
  // stays.
  Awaitable<void> save(JobPtr job);

 private:
  void index(const JobPtr& job);

  BlockingPool& pool_;
  std::filesystem::path folder_;
  std::map<std::string, JobPtr> jobs_;
  std::unordered_map<std::string, JobPtr> by_token_;  // region, account and token
  std::map<std::string, Order> by_region_;
  // region, account and model id -> those that had not ended when last looked at
  mutable std::unordered_map<std::string, std::vector<JobPtr>> open_;
  std::mutex writing_;
  std::map<std::string, std::uint64_t> written_;  // id -> revision on disk; under writing_
};

}  // namespace quarry::sandbox
