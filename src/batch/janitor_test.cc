// What the janitor takes, and above all what it leaves. The bucket is FakeS3, the rows are in a
// database of the test's own.
#include "batch/janitor.h"

#include "aws/testing/fake_s3.h"
#include "base/testing/run.h"
#include "store/testing/new_batch.h"
#include "store/testing/scratch_database.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace quarry::batch {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

class SettableClock final : public Clock {
 public:
  SysTime now() const override { return time; }
  SysTime time = from_unix_millis(1'800'000'000'000);
};

class Litter : public ::testing::Test {
 protected:
  static aws::DeploymentPtr deployment(const std::string& id,
                                       std::shared_ptr<testing::FakeS3> s3,
                                       const std::string& output_bucket) {
    auto made = std::make_shared<aws::Deployment>();
    made->settings.id = id;
    made->settings.model_name = "m";
    made->settings.bucket = "b";
    made->settings.prefix = "q/";
    made->settings.output_bucket = output_bucket;
    made->settings.output_prefix = "o/";
    made->s3 = std::move(s3);
    return made;
  }

  explicit Litter(const std::string& output_bucket = {})
      : s3_(std::make_shared<testing::FakeS3>()),
        deployments_(
            {deployment("dep", s3_, output_bucket), deployment("dep2", s3_, output_bucket)}),
        models_(*DeploymentModels::make(*catalog_of(config::Settings{}), {})),
        context_{.io = io_,
                 .batches = batches_,
                 .files = files_,
                 .direct_results = direct_,
                 .leases = leases_,
                 .deployments = deployments_,
                 .models = models_,
                 .memory = memory_,
                 .pool = pool_,
                 .clock = clock_},
        janitor_(io_, context_, store_, {hours(1), hours(24)}) {
    pass(minutes(0));
  }

  template <class T>
  Result<T> run(Task<T> task) {
    return testing::run(io_, std::move(task));
  }
  static Awaitable<bool> swept(Janitor& janitor) {
    co_await janitor.sweep();
    co_return true;
  }
  void sweep() { testing::run(io_, swept(janitor_)); }
  void pass(std::chrono::milliseconds span) { s3_->now = clock_.time += span; }
  std::int64_t now_s() const { return unix_seconds(clock_.now()); }
  std::int64_t now_ms() const { return unix_millis(clock_.now()); }

  void put(const std::string& name) { s3_->set_object({"b", "q/" + name}, "x"); }
  // Names below the prefix, without the mark.
  std::vector<std::string> objects() const {
    std::vector<std::string> names;
    for (const auto& [path, bytes] : s3_->objects()) {
      if (path.starts_with("b/q/") && path != "b/q/owner") names.push_back(path.substr(4));
    }
    return names;
  }

  FileId file(const std::string& id, std::optional<std::int64_t> expires_at = {}) {
    store::FileRow row;
    row.id = FileId{id};
    row.by.owner = "me";
    row.purpose = "batch";
    row.created_at = now_s();
    row.expires_at = expires_at;
    std::vector<store::SegmentRow> segments;
    for (int n = 0; n < 2; ++n) {
      const std::string name = fmt::format("files/{}/{}", id, n);
      put(name);
      segments.push_back({n, "dep", "b", "q/" + name, 1});
    }
    EXPECT_TRUE(run(files_.insert(row, segments)));
    return row.id;
  }
  BatchId batch(const std::string& id, const std::string& input = "file-in") {
    store::BatchRow row = quarry::testing::new_batch(id, now_ms());
    row.object.input_file_id = input;
    EXPECT_TRUE(run(batches_.create(row, std::nullopt, true, now_ms())));
    EXPECT_EQ(run(batches_.claim_batches(store::BatchPhase::planning, now_ms(), 1000, 5))->size(),
              1u);
    store::JobRow job;
    job.batch_id = row.id;
    job.n = 1;
    job.owner = "me";
    job.deployment_id = "dep";
    job.model_name = "m";
    job.lines = job.records = 100;
    EXPECT_TRUE(run(batches_.save_plan({row.id, "m", 100, 0, std::nullopt, {job}}, now_ms())));
    put(fmt::format("jobs/{}/1/input.jsonl", id));
    put(fmt::format("jobs/{}/1/custom_ids", id));
    put(fmt::format("results/{}/1/job/input.jsonl.out", id));
    put(fmt::format("files/file-out-{}/1", id));
    return row.id;
  }
  void end(const BatchId& id) {
    ASSERT_EQ(run(batches_.claim_jobs(store::JobKind::bedrock, {store::JobState::staged}, now_ms(),
                                      1000, 5))
                  ->size(),
              1u);
    store::BatchStore::Collected collected;
    collected.id = id;
    collected.n = 1;
    collected.completed = 100;
    collected.output_segment =
        store::SegmentRow{1, "dep", "b", fmt::format("q/files/file-out-{}/1", id.value), 1};
    ASSERT_TRUE(run(batches_.job_collected(collected, now_ms())));
    ASSERT_EQ(run(batches_.claim_batches(store::BatchPhase::running, now_ms(), 1000, 5))->size(),
              1u);
    store::BatchStore::End last;
    last.id = id;
    last.output_file.id = FileId{"file-out-" + id.value};
    last.output_file.by.owner = "me";
    last.output_file.purpose = "batch_output";
    last.output_file.created_at = now_s();
    ASSERT_TRUE(run(batches_.finish(last, now_ms())));
  }
  store::UploadRow upload(const std::string& id) {
    store::UploadRow row;
    row.id = store::UploadId{id};
    row.by.owner = "me";
    row.purpose = "batch";
    row.bytes = 1;
    row.created_at = now_s();
    row.expires_at = now_s() + 3600;
    row.file_id = FileId{"file-" + id};
    EXPECT_TRUE(run(uploads_.insert(row)));
    for (const char* part : {"a", "b"}) {
      const std::string part_id = fmt::format("part_{}_{}", id, part);
      const std::string name = fmt::format("files/{}/{}", row.file_id.value, part_id);
      put(name);
      EXPECT_TRUE(run(
          uploads_.add_part({part_id, row.id, now_s(), "dep", "b", "q/" + name, 1}, 10, now_s())));
    }
    return row;
  }

  boost::asio::io_context io_;
  testing::ScratchDatabase database_;
  std::shared_ptr<testing::FakeS3> s3_;
  SettableClock clock_;
  store::BatchStore batches_{*database_, "worker"};
  store::FileStore files_{*database_};
  store::UploadStore uploads_{*database_};
  store::DirectResultStore direct_{*database_, "worker"};
  store::LeaseStore leases_{*database_, "worker"};
  store::JanitorStore store_{*database_};
  TransferMemory memory_{io_, 4 * kTransferBufferBytes};
  BlockingPool pool_{1};
  aws::DeploymentSet deployments_;
  DeploymentModels models_;
  Context context_;
  Janitor janitor_;
};

TEST_F(Litter, OfDeletedAndExpiredFilesGoesAndThatOfOthersStays) {
  const FileId deleted = file("file-deleted");
  file("file-expired", now_s() + 60);
  file("file-kept", now_s() + 86'400);
  file("file-for-ever");
  ASSERT_TRUE(run(files_.remove(deleted, store::Viewer{"me"}, now_s())));
  pass(minutes(12));
  sweep();
  EXPECT_THAT(objects(), ElementsAre("files/file-for-ever/0", "files/file-for-ever/1",
                                     "files/file-kept/0", "files/file-kept/1"));
  EXPECT_THAT(*run(files_.segments(deleted)), IsEmpty());
  // It is done with: the next sweep asks S3 for nothing of it.
  const std::size_t removes = s3_->call_count("remove");
  sweep();
  EXPECT_EQ(s3_->call_count("remove"), removes);
}

TEST_F(Litter, OfAFileJustDeletedStaysWhileADownloadMayStillRun) {
  const FileId id = file("file-1");
  ASSERT_TRUE(run(files_.remove(id, store::Viewer{"me"}, now_s())));
  pass(Janitor::kGrace - std::chrono::seconds(1));
  sweep();
  EXPECT_EQ(objects().size(), 2u);
  pass(std::chrono::seconds(1));
  sweep();
  EXPECT_THAT(objects(), IsEmpty());
}

TEST_F(Litter, OfADeletedFileStaysUntilTheLastBatchHasReadIt) {
  const FileId input = file("file-in");
  const BatchId reader = batch("batch_1", "file-in");
  ASSERT_TRUE(run(files_.remove(input, store::Viewer{"me"}, now_s())));
  pass(hours(3));
  sweep();
  EXPECT_THAT(objects(), ::testing::IsSupersetOf({"files/file-in/0", "files/file-in/1"}));
  end(reader);
  sweep();
  EXPECT_THAT(objects(), ::testing::Not(::testing::Contains("files/file-in/0")));
}

TEST_F(Litter, OfAFileComesAgainWhereS3DidNotTakeIt) {
  const FileId id = file("file-1");
  ASSERT_TRUE(run(files_.remove(id, store::Viewer{"me"}, now_s())));
  pass(hours(1));
  s3_->fail_next("remove", Error(Errc::unavailable, "down"));
  sweep();
  EXPECT_THAT(objects(), ElementsAre("files/file-1/0"));
  EXPECT_EQ(run(files_.segments(id))->size(), 2u);
  sweep();
  EXPECT_THAT(objects(), IsEmpty());
}

TEST_F(Litter, OfADeploymentThatAlwaysFailsIsLeftForTheNextSweep) {
  for (int i = 0; i < 10; ++i) {
    ASSERT_TRUE(run(files_.remove(file(fmt::format("file-{}", i)), store::Viewer{"me"}, now_s())));
  }
  pass(hours(1));
  for (int i = 0; i < 100; ++i) s3_->fail_next(Error(Errc::unavailable, "down"));
  sweep();
  EXPECT_EQ(s3_->calls().size(), 3u);
}

// Where what jobs write lies in a bucket of its own.
class LitterOfTwoBuckets : public Litter {
 protected:
  LitterOfTwoBuckets() : Litter("out") {}
  void put_result(const std::string& name) { s3_->set_object({"out", "o/" + name}, "x"); }
  // Without the mark.
  std::size_t objects_in_out() const {
    return static_cast<std::size_t>(std::ranges::count_if(s3_->objects(), [](const auto& object) {
      return object.first.starts_with("out/") && object.first != "out/o/owner";
    }));
  }
};

TEST_F(LitterOfTwoBuckets, OfOneGoesThoughTheOtherCannotBeCleaned) {
  constexpr int kBatches = 7;  // more than the failures after which a place is left alone
  for (int i = 0; i < kBatches; ++i) {
    const std::string id = fmt::format("batch_{}", i);
    end(batch(id));
    put_result(fmt::format("results/{}/1/job/input.jsonl.out", id));
  }
  sweep();  // marks both
  put("files/file-orphan/0");
  ASSERT_TRUE(run(files_.remove(file("file-deleted"), store::Viewer{"me"}, now_s())));
  pass(hours(49));
  s3_->refuse_bucket("out", Error(Errc::forbidden, "AccessDenied"));
  sweep();
  std::vector<std::string> results;
  for (int i = 0; i < kBatches; ++i) results.push_back(fmt::format("files/file-out-batch_{}/1", i));
  EXPECT_THAT(objects(), ::testing::ElementsAreArray(results));
  EXPECT_EQ(objects_in_out(), static_cast<std::size_t>(kBatches));
  const auto asked = std::ranges::count_if(
      s3_->calls(), [](const std::string& call) { return call.starts_with("list out/o/"); });
  EXPECT_EQ(asked, 3);
  // None of them was taken for clean.
  s3_->refuse_bucket("out", std::nullopt);
  sweep();
  EXPECT_EQ(objects_in_out(), 0u);
}

TEST_F(LitterOfTwoBuckets, OfResultsGoesThoughTheInputCannotBeCleaned) {
  end(batch("batch_1"));
  put_result("results/batch_1/1/job/input.jsonl.out");
  for (int i = 0; i < 10; ++i) {
    ASSERT_TRUE(run(files_.remove(file(fmt::format("file-{}", i)), store::Viewer{"me"}, now_s())));
  }
  pass(hours(25));
  s3_->refuse_bucket("b", Error(Errc::forbidden, "AccessDenied"));
  sweep();
  EXPECT_EQ(objects_in_out(), 0u);
}

TEST_F(Litter, OfJobsGoesSomeTimeAfterTheBatchAndItsResultsStay) {
  const BatchId ended = batch("batch_1");
  end(ended);
  pass(hours(1));
  batch("batch_2");
  pass(hours(23) - std::chrono::seconds(1));
  sweep();
  EXPECT_EQ(objects().size(), 8u);
  pass(std::chrono::seconds(1));
  sweep();
  EXPECT_THAT(objects(), ElementsAre("files/file-out-batch_1/1", "files/file-out-batch_2/1",
                                     "jobs/batch_2/1/custom_ids", "jobs/batch_2/1/input.jsonl",
                                     "results/batch_2/1/job/input.jsonl.out"));
}

TEST_F(Litter, OfABatchMayBeManyPages) {
  s3_->page_keys_max = 2;
  const BatchId id = batch("batch_1");
  for (int i = 0; i < 7; ++i) put(fmt::format("results/batch_1/1/job/part-{}", i));
  end(id);
  pass(hours(25));
  sweep();
  EXPECT_THAT(objects(), ElementsAre("files/file-out-batch_1/1"));
}

TEST_F(Litter, OfUploadsThatCameToNothingGoesAndNamedPartsStay) {
  const auto completed = upload("upload_1");
  upload("upload_2");  // is left to expire
  const auto cancelled = upload("upload_3");
  store::FileRow row;
  row.id = completed.file_id;
  row.by.owner = "me";
  row.purpose = "batch";
  row.created_at = now_s();
  const std::string named = "files/file-upload_1/part_upload_1_b";
  ASSERT_TRUE(run(uploads_.complete(completed.id, row, {{0, "dep", "b", "q/" + named, 1}})));
  ASSERT_TRUE(run(uploads_.cancel(cancelled.id, store::Viewer{"me"}, now_s())));
  pass(minutes(69));
  sweep();
  EXPECT_EQ(objects().size(), 6u);
  pass(minutes(1));
  sweep();
  EXPECT_THAT(objects(), ElementsAre(named));
  EXPECT_EQ(run(uploads_.find(store::UploadId{"upload_2"}, store::Viewer{"me"}, 0))->status,
            openai::UploadStatus::expired);
  pass(hours(100));
  sweep();
  EXPECT_THAT(objects(), ElementsAre(named));  // it is a segment now, and no orphan
}

TEST_F(Litter, ThatNoRowRefersToGoesAfterTwoDays) {
  file("file-kept");
  batch("batch_1");
  upload("upload_1");
  const std::vector<std::string> kept = objects();
  for (const char* name : {"files/file-x/0", "files/file-kept/7", "jobs/batch_x/1/input.jsonl",
                           "results/batch_x/1/job/manifest.json.out"}) {
    put(name);
  }
  s3_->set_object({"b", "q/notes.txt"}, "somebody's");
  s3_->set_object({"b", "other/files/file-x/0"}, "somebody's");
  sweep();  // marks the prefix
  pass(Janitor::kOrphanAge - std::chrono::seconds(1));
  sweep();
  EXPECT_TRUE(s3_->objects().contains("b/q/files/file-x/0"));
  pass(std::chrono::seconds(1));
  sweep();
  std::vector<std::string> left = kept;
  left.emplace_back("notes.txt");
  // The upload has expired meanwhile.
  std::erase_if(left, [](const std::string& name) { return name.contains("upload_1"); });
  EXPECT_THAT(objects(), ::testing::UnorderedElementsAreArray(left));
  EXPECT_TRUE(s3_->objects().contains("b/other/files/file-x/0"));
}

TEST_F(Litter, IsJudgedPageByPage) {
  s3_->page_keys_max = 2;
  file("file-kept");
  for (int i = 0; i < 7; ++i) put(fmt::format("files/file-x/{}", i));
  sweep();
  pass(hours(49));
  sweep();
  EXPECT_THAT(objects(), ElementsAre("files/file-kept/0", "files/file-kept/1"));
}

TEST_F(Litter, OfAnothersDatabaseIsLeftAlone) {
  put("files/file-x/0");
  s3_->set_object({"b", "q/owner"}, std::string(32, '0'));
  auto begun = run(s3_->create_multipart({"b", "q/files/file-y/0"}, Deadline::after(hours(1))));
  ASSERT_TRUE(begun);
  const FileId mine = file("file-mine");
  ASSERT_TRUE(run(files_.remove(mine, store::Viewer{"me"}, now_s())));
  pass(hours(100));
  sweep();
  sweep();
  EXPECT_THAT(objects(), ElementsAre("files/file-x/0"));  // what is known to be ours still goes
  EXPECT_EQ(s3_->open_uploads(), 1u);
  EXPECT_EQ(s3_->objects().at("b/q/owner"), std::string(32, '0'));
}

TEST_F(Litter, IsNotJudgedInTheSweepThatMarksThePrefix) {
  put("files/file-x/0");
  pass(hours(100));
  sweep();
  EXPECT_THAT(objects(), ElementsAre("files/file-x/0"));
  EXPECT_EQ(s3_->objects().at("b/q/owner"), *run(store_.instance_id()));
  sweep();
  EXPECT_THAT(objects(), IsEmpty());
}

TEST_F(Litter, OfMultipartUploadsIsAbortedAfterADayButNotBedrocks) {
  sweep();
  const auto begin = [this](const std::string& name) {
    ASSERT_TRUE(run(s3_->create_multipart({"b", "q/" + name}, Deadline::after(hours(1)))));
  };
  s3_->page_keys_max = 2;
  for (int i = 0; i < 5; ++i) begin(fmt::format("files/file-{}/0", i));
  begin("jobs/batch_1/1/input.jsonl");
  begin("results/batch_1/1/job/input.jsonl.out");
  pass(Janitor::kMultipartAge - std::chrono::seconds(1));
  begin("files/file-young/0");
  sweep();
  EXPECT_EQ(s3_->open_uploads(), 8u);
  pass(std::chrono::seconds(1));
  sweep();
  EXPECT_EQ(s3_->open_uploads(), 2u);
}

TEST_F(Litter, OfOnePrefixIsLookedAtOnceHoweverManyDeploymentsShareIt) {
  sweep();
  sweep();
  EXPECT_EQ(std::ranges::count(s3_->calls(), "list b/q/files/"), 1);
}

}  // namespace
}  // namespace quarry::batch
