// What the rows of uploads promise. On a real SQLite file in a directory of the test's own.
#include "store/upload_store.h"

#include "base/testing/run.h"
#include "store/file_store.h"
#include "store/testing/scratch_database.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

namespace quarry::store {
namespace {

using openai::UploadStatus;

constexpr std::int64_t kNow = 1'800'000'000;

class Uploads : public ::testing::Test {
 protected:
  Uploads() : store_(*database_), files_(*database_) {}

  template <class T>
  Result<T> run(Task<T> task) {
    return testing::run(io_, std::move(task));
  }

  UploadRow pending(const std::string& id) {
    UploadRow upload;
    upload.id = UploadId{id};
    upload.by.owner = "me";
    upload.filename = "in.jsonl";
    upload.purpose = "batch";
    upload.mime_type = "txt";
    upload.bytes = 30;
    upload.created_at = kNow;
    upload.expires_at = kNow + 3600;
    upload.file_expires_after_s = 7200;
    upload.target_models = {"m1", "m2"};
    upload.file_id = FileId{"file-" + id};
    EXPECT_TRUE(run(store_.insert(upload)));
    return upload;
  }
  static UploadPartRow part(const UploadRow& upload, const std::string& id) {
    return {id, upload.id, kNow, "dep", "bucket", "files/" + id, 10};
  }
  static FileRow file(const UploadRow& upload) {
    FileRow row;
    row.id = upload.file_id;
    row.by.owner = upload.by.owner;
    row.filename = upload.filename;
    row.purpose = upload.purpose;
    row.bytes = upload.bytes;
    row.created_at = kNow;
    return row;
  }
  UploadStatus status(const UploadRow& upload, std::int64_t now_s = kNow) {
    return run(store_.find(upload.id, Viewer{"me"}, now_s))->status;
  }

  boost::asio::io_context io_;
  quarry::testing::ScratchDatabase database_;
  UploadStore store_;
  FileStore files_;
};

TEST_F(Uploads, ComeBackAsTheyWereWritten) {
  const UploadRow written = pending("upload_1");
  const auto found = run(store_.find(written.id, Viewer{"me"}, kNow));
  ASSERT_TRUE(found);
  EXPECT_EQ(found->status, UploadStatus::pending);
  EXPECT_EQ(found->filename, "in.jsonl");
  EXPECT_EQ(found->mime_type, "txt");
  EXPECT_EQ(found->bytes, 30);
  EXPECT_EQ(found->file_expires_after_s, 7200);
  EXPECT_EQ(found->target_models, written.target_models);
  EXPECT_EQ(found->file_id, written.file_id);
}

TEST_F(Uploads, OfOthersAreNotFound) {
  const UploadRow mine = pending("upload_1");
  EXPECT_EQ(run(store_.find(mine.id, Viewer{"you"}, kNow)).error().code(), Errc::not_found);
  EXPECT_EQ(run(store_.cancel(mine.id, Viewer{"you"}, kNow)).error().code(), Errc::not_found);
  EXPECT_EQ(status(mine), UploadStatus::pending);
}

TEST_F(Uploads, ExpireToTheSecondAndTakeNothingMore) {
  const UploadRow upload = pending("upload_1");
  EXPECT_TRUE(run(store_.add_part(part(upload, "part_1"), 10, upload.expires_at - 1)));
  EXPECT_EQ(status(upload, upload.expires_at - 1), UploadStatus::pending);
  EXPECT_EQ(status(upload, upload.expires_at), UploadStatus::expired);
  const auto late = run(store_.add_part(part(upload, "part_2"), 10, upload.expires_at));
  ASSERT_FALSE(late);
  EXPECT_TRUE(late.error().message().contains("has expired"));
  EXPECT_FALSE(run(store_.cancel(upload.id, Viewer{"me"}, upload.expires_at)));
  EXPECT_EQ(run(store_.parts(upload.id))->size(), 1u);
}

TEST_F(Uploads, TakeSoManyPartsAndNoMore) {
  const UploadRow upload = pending("upload_1");
  EXPECT_TRUE(run(store_.add_part(part(upload, "part_1"), 2, kNow)));
  EXPECT_TRUE(run(store_.add_part(part(upload, "part_2"), 2, kNow)));
  const auto third = run(store_.add_part(part(upload, "part_3"), 2, kNow));
  ASSERT_FALSE(third);
  EXPECT_EQ(third.error().code(), Errc::invalid_request);
  EXPECT_EQ(run(store_.parts(upload.id))->size(), 2u);
}

TEST_F(Uploads, CompletingMakesTheFileOfTheSegmentsGiven) {
  const UploadRow upload = pending("upload_1");
  ASSERT_TRUE(run(store_.complete(upload.id, file(upload),
                                  {{0, "dep", "bucket", "b", 10}, {1, "dep", "bucket", "a", 20}})));
  EXPECT_EQ(status(upload), UploadStatus::completed);
  EXPECT_TRUE(run(files_.find(upload.file_id, Viewer{"me"}, kNow)));
  const auto segments = run(files_.segments(upload.file_id));
  ASSERT_EQ(segments->size(), 2u);
  EXPECT_EQ(segments->at(0).key, "b");
  EXPECT_EQ(segments->at(1).key, "a");
}

TEST_F(Uploads, AreCompletedOnceAndNotAfterTheyWereCancelled) {
  const UploadRow upload = pending("upload_1");
  ASSERT_TRUE(run(store_.complete(upload.id, file(upload), {{0, "dep", "bucket", "a", 30}})));
  FileRow second = file(upload);
  second.id = FileId{"file-second"};
  const auto again = run(store_.complete(upload.id, second, {}));
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().message(), "Upload upload_1 is already completed.");
  EXPECT_FALSE(run(files_.find(second.id, Viewer{"me"}, kNow)));

  const UploadRow other = pending("upload_2");
  EXPECT_EQ(run(store_.cancel(other.id, Viewer{"me"}, kNow))->status, UploadStatus::cancelled);
  EXPECT_EQ(run(store_.complete(other.id, file(other), {})).error().message(),
            "Upload upload_2 is already cancelled.");
  EXPECT_FALSE(run(files_.find(other.file_id, Viewer{"me"}, kNow)));
}

TEST_F(Uploads, ThatExpireWhileTheyAreReadAreStillCompleted) {
  const UploadRow upload = pending("upload_1");
  EXPECT_EQ(status(upload, upload.expires_at), UploadStatus::expired);
  EXPECT_TRUE(run(store_.complete(upload.id, file(upload), {})));
}

}  // namespace
}  // namespace quarry::store
