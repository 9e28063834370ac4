#include "sandbox/sandbox.h"

#include "base/blocking_pool.h"
#include "base/bytes.h"
#include "base/clock.h"
#include "http/server.h"
#include "obs/log.h"
#include "sandbox/bedrock.h"
#include "sandbox/disk.h"
#include "sandbox/job_engine.h"
#include "sandbox/object_store.h"
#include "sandbox/router.h"
#include "sandbox/s3.h"
#include "sandbox/upload_store.h"

#include <boost/asio/io_context.hpp>
#include <fmt/format.h>

namespace quarry::sandbox {
namespace {

constexpr std::size_t kPoolThreads = 4;

class SandboxImpl final : public Sandbox {
 public:
  SandboxImpl(boost::asio::io_context& io, Options options)
      : io_(io),
        options_(std::move(options)),
        clock_(options_.clock_speed, options_.clock_origin),
        identities_({.access_key_id = options_.access_key_id,
                     .secret_access_key = options_.secret_access_key}),
        pool_(kPoolThreads) {
    faults_.replace(std::move(options_.faults));
    identities_.replace(std::move(options_.account));
  }

  void start() override {
    std::filesystem::create_directories(options_.data_dir);
    lock_.emplace(options_.data_dir);  // first: what follows clears away what was half done
    objects_.emplace(options_.data_dir);
    uploads_.emplace(*objects_);
    jobs_.emplace(pool_, options_.data_dir);
    for (const std::string& bucket : options_.buckets) {
      objects_->create_bucket(bucket, {}, clock_.now());  // of no region: of whoever asks
    }
    JobLimits limits;
    limits.records_min = options_.min_records_per_job;
    engine_.emplace(JobWorld{.io = io_,
                             .pool = pool_,
                             .objects = *objects_,
                             .table = *jobs_,
                             .identities = identities_,
                             .clock = clock_,
                             .job_time = options_.job_time,
                             .records_per_second = options_.records_per_second,
                             .limits = limits});
    s3_.emplace(S3Context{.io = io_,
                          .pool = pool_,
                          .blocks = blocks_,
                          .objects = *objects_,
                          .uploads = *uploads_,
                          .clock = clock_,
                          .wall = wall_,
                          .identities = identities_});
    bedrock_.emplace(BedrockContext{.pool = pool_,
                                    .jobs = *jobs_,
                                    .engine = *engine_,
                                    .clock = clock_,
                                    .wall = wall_,
                                    .identities = identities_,
                                    .faults = faults_,
                                    .calls = calls_,
                                    .max_jobs_per_model = options_.max_jobs_per_model});
    control_.emplace(ControlContext{
        .faults = faults_, .calls = calls_, .jobs = *jobs_, .identities = identities_});
    quotas_.emplace(QuotasContext{.identities = identities_,
                                  .wall = wall_,
                                  .records_min = options_.min_records_per_job,
                                  .jobs_max = options_.max_jobs_per_model});
    router_.emplace(*s3_, *bedrock_, sts_, *quotas_, metadata_, *control_);
    server_ = http::make_server(io_, *router_, http::ServerLimits{});
    server_->listen(options_.host, options_.port);
    server_->start();
    engine_->resume();
    obs::info("sandbox listening", {{"url", url()}, {"data_dir", options_.data_dir.string()}});
  }

  std::uint16_t port() const override { return server_ ? server_->port() : options_.port; }
  std::string url() const override { return fmt::format("http://{}:{}", options_.host, port()); }

  Awaitable<void> stop(Deadline deadline) override {
    if (server_) co_await server_->stop(deadline);
    if (engine_) co_await engine_->stop(deadline);
  }

 private:
  boost::asio::io_context& io_;
  Options options_;
  SystemClock wall_;
  ScaledClock clock_;
  FaultChoice faults_;
  CallRecords calls_;
  Identities identities_;
  StsContext sts_{.identities = identities_, .wall = wall_};
  MetadataContext metadata_{.identities = identities_, .wall = wall_};
  std::shared_ptr<BlockCache> blocks_ = std::make_shared<BlockCache>();
  // Each uses those above it, so they go in the other order.
  std::optional<DirectoryLock> lock_;
  std::optional<ObjectStore> objects_;
  std::optional<UploadStore> uploads_;
  std::optional<JobTable> jobs_;
  std::optional<JobEngine> engine_;
  BlockingPool pool_;  // what still runs on it uses all of the above
  std::optional<S3Context> s3_;
  std::optional<BedrockContext> bedrock_;
  std::optional<ControlContext> control_;
  std::optional<QuotasContext> quotas_;
  std::optional<Router> router_;
  std::unique_ptr<http::Server> server_;
};

}  // namespace

std::unique_ptr<Sandbox> make_sandbox(boost::asio::io_context& io, Options options) {
  return std::make_unique<SandboxImpl>(io, std::move(options));
}

}  // namespace quarry::sandbox
