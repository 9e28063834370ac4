#pragma once
// Deletes from S3 what nothing needs any more, in small steps that may all be repeated:
//
//   files that were deleted or have expired, unless an unfinished batch reads them; parts of
//   uploads that came to nothing;
//   the input and the raw results of jobs, some time after their batch's end;
//   multipart uploads that were begun long ago and never completed;
//   objects that no row refers to: what a crash left between writing and saying so.
//
// The last two judge by what is missing in the database, so they touch only a prefix that carries
// this database's mark, <prefix>owner: two Quarrys with one prefix by mistake must not take each
// other's objects for litter. docs/storage.md says what lies where and for how long.

#include "aws/deployment_set.h"
#include "base/task.h"
#include "batch/context.h"
#include "batch/role.h"
#include "store/janitor_store.h"

#include <boost/asio/io_context.hpp>

#include <chrono>
#include <map>
#include <set>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

namespace quarry::batch {

struct JanitorSettings {
  std::chrono::milliseconds interval{std::chrono::hours(1)};  // of real time, between two sweeps
  std::chrono::hours job_files_retention{24};                 // after the batch's end
};

class Janitor {
 public:
  // What may still be in use for a moment: a download that has begun, a batch that is being made.
  static constexpr std::chrono::minutes kGrace{10};
  static constexpr std::chrono::hours kMultipartAge{24};
  static constexpr std::chrono::hours kOrphanAge{48};

  // context and store outlive it.
  Janitor(boost::asio::io_context& io,
          Context& context,
          store::JanitorStore& store,
          JanitorSettings settings);

  // The first sweep comes a minute later, or an interval where that is shorter.
  void start();
  Awaitable<void> stop(Deadline deadline);
  // One whole round. What fails is logged, and comes again in the next.
  Awaitable<void> sweep();

 private:
  // Where objects of ours lie: every prefix once, however many deployments share it.
  struct Place {
    aws::DeploymentPtr deployment;  // whose credentials reach it
    std::string bucket, prefix;
    aws::S3Uri root() const { return {bucket, prefix}; }
  };
  using PlaceKey = std::tuple<std::string, std::string, std::string>;  // bucket, prefix, endpoint
  // A place as one deployment sees it: one may be refused where another is not, and be refused in
  // its jobs' bucket alone.
  using Reach = std::pair<std::string, PlaceKey>;

  Awaitable<void> loop();
  void begin_anew();
  static bool lies_in_a_folder_of(const Place& inner, const Place& outer);
  static std::vector<aws::S3Uri> roots(const aws::Deployment& deployment);
  static Reach reach_of(const aws::Deployment& deployment, const aws::S3Uri& at);
  std::vector<Place> places() const;

  Awaitable<void> sweep_files();
  Awaitable<bool> clean_file(FileId id);
  Awaitable<void> sweep_uploads();
  Awaitable<bool> clean_upload(store::UploadId id);
  Awaitable<void> sweep_batches();
  Awaitable<bool> clean_batch(BatchId id);
  Awaitable<void> sweep_place(Place place);
  Awaitable<bool> owns(Place place);
  Awaitable<void> abort_multiparts(Place place, std::string folder);
  Awaitable<void> delete_orphans(Place place, std::string folder);
  Awaitable<bool> delete_orphans_of(Place place, std::vector<aws::ObjectInfo> objects);

  // False: it failed, or its place has failed too often in this sweep to be asked again.
  Awaitable<bool> remove(const aws::Deployment& deployment, aws::S3Uri object);
  Awaitable<bool> remove_all_below(const aws::Deployment& deployment, aws::S3Uri prefix);
  // Logs it and counts it against the place in which `at` lies.
  void failed(const aws::Deployment& deployment, const aws::S3Uri& at, const Error& error);
  bool given_up(const aws::Deployment& deployment, const aws::S3Uri& at) const;

  SysTime now() const { return context_.clock.now(); }

  Context& context_;
  store::JanitorStore& store_;
  JanitorSettings settings_;
  TaskGroup tasks_;
  Role role_;                                // one server sweeps for all
  std::set<std::string> warned_;             // marks of others that were already spoken of
  std::map<Reach, int> failures_;            // in this sweep
  std::uint64_t removed_ = 0, aborted_ = 0;  // in this sweep
};

}  // namespace quarry::batch
