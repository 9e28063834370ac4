// What uploads promise when calls meet, S3 fails and time passes. FakeS3 scripts the failures.
#include "files/upload_service.h"

#include "aws/testing/fake_s3.h"
#include "base/bytes.h"
#include "base/testing/run.h"
#include "store/testing/scratch_database.h"

#include <boost/asio/steady_timer.hpp>
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <memory>

namespace quarry::files {
namespace {

access::Caller me() { return {.by = {.owner = "me"}, .key = nullptr}; }

constexpr std::string_view kContent =
    R"({"custom_id":"a","method":"POST","url":"/v1/chat/completions","body":{"model":"m"}})"
    "\n";

class SettableClock final : public Clock {
 public:
  SysTime now() const override { return time; }
  SysTime time = from_unix_millis(1'800'000'000'000);
};

class TextBody final : public http::BodyReader {
 public:
  explicit TextBody(std::string text) : text_(std::move(text)) {}
  Task<std::span<const std::byte>> read() override {
    const auto rest = as_bytes(text_).subspan(at_);
    const auto piece = rest.first(std::min<std::size_t>(rest.size(), 100'000));
    at_ += piece.size();
    co_return piece;
  }

 private:
  std::string text_;
  std::size_t at_ = 0;
};

aws::DeploymentPtr deployment(std::shared_ptr<testing::FakeS3> s3) {
  auto made = std::make_shared<aws::Deployment>();
  made->settings.id = "dep";
  made->settings.model_name = "m";
  made->settings.bucket = "b";
  made->s3 = std::move(s3);
  return made;
}

class UploadsOfParts : public ::testing::Test {
 protected:
  UploadsOfParts() : s3_(std::make_shared<testing::FakeS3>()), deployments_({deployment(s3_)}) {}

  template <class T>
  Result<T> run(Task<T> task) {
    return testing::run(io_, std::move(task));
  }
  // Starts it; what it gave is there after a later run().
  void start(Task<UploadView> task, std::optional<Result<UploadView>>& out) {
    boost::asio::co_spawn(
        io_, std::move(task),
        [&out](const std::exception_ptr&, Result<UploadView> result) { out = std::move(result); });
  }
  // Runs the loop until it holds; a loop with nothing left to do is a test that failed.
  template <class Condition>
  void run_until(Condition condition) {
    io_.restart();
    while (!condition()) ASSERT_GT(io_.run_one(), 0u);
  }
  store::UploadRow create(std::int64_t bytes, const std::string& purpose = "batch") {
    auto made = run(service_.create({"in.jsonl", purpose, "txt", bytes, {}, {}}, me()));
    EXPECT_TRUE(made);
    return made->upload;
  }
  Result<store::UploadPartRow> send(const store::UploadRow& upload, std::string_view bytes) {
    TextBody body(fmt::format(
        "--x\r\nContent-Disposition: form-data; name=\"data\"; filename=\"f\"\r\n\r\n{}\r\n--x--",
        bytes));
    return run(service_.add_part(upload.id, "multipart/form-data; boundary=x", body, me()));
  }
  Task<UploadView> complete(const store::UploadRow& upload, std::vector<std::string> ids) {
    return service_.complete(upload.id, {std::move(ids), ""}, me());
  }

  boost::asio::io_context io_;
  testing::ScratchDatabase database_;
  std::shared_ptr<testing::FakeS3> s3_;
  aws::DeploymentSet deployments_;
  TransferMemory memory_{io_, 4 * kTransferBufferBytes};
  BlockingPool pool_{1};
  SettableClock clock_;
  store::UploadStore uploads_{*database_};
  store::FileStore files_{*database_};
  UploadService service_{
      uploads_, files_, deployments_, memory_, pool_, clock_, FileLimits{std::uint64_t{1} << 30}};
};

TEST_F(UploadsOfParts, LieBelowTheNameOfTheFileThatTheyWillBe) {
  const auto upload = create(kContent.size());
  const auto part = send(upload, kContent);
  ASSERT_TRUE(part) << part.error().message();
  EXPECT_EQ(part->key, "quarry/files/" + upload.file_id.value + "/" + part->id);
  EXPECT_EQ(s3_->objects().at("b/" + part->key), kContent);
  const auto done = run(complete(upload, {part->id}));
  ASSERT_TRUE(done) << done.error().message();
  EXPECT_EQ(done->file->id, upload.file_id);
  EXPECT_EQ(s3_->objects().size(), 1u);  // nothing was copied
  EXPECT_EQ(memory_.free_count(), memory_.buffer_count());
}

TEST_F(UploadsOfParts, ThatFailOnTheirWayLeaveNothing) {
  const auto upload = create(20 << 20);
  s3_->fail_next("upload_part", Error(Errc::upstream, "no"));
  EXPECT_FALSE(send(upload, std::string(20 << 20, 'x')));
  s3_->fail_next("complete_multipart", Error(Errc::upstream, "no"));
  EXPECT_FALSE(send(upload, std::string(20 << 20, 'x')));
  EXPECT_TRUE(s3_->objects().empty());
  EXPECT_EQ(s3_->open_uploads(), 0u);
  EXPECT_TRUE(run(uploads_.parts(upload.id))->empty());
  EXPECT_EQ(memory_.free_count(), memory_.buffer_count());
}

TEST_F(UploadsOfParts, ThatArriveAfterTheEndLeaveNothing) {
  const auto upload = create(kContent.size());
  s3_->hold("put");
  std::optional<Result<store::UploadPartRow>> sent;
  TextBody body("--x\r\nContent-Disposition: form-data; name=\"data\"\r\n\r\nabc\r\n--x--");
  boost::asio::co_spawn(
      io_, service_.add_part(upload.id, "multipart/form-data; boundary=x", body, me()),
      [&](const std::exception_ptr&, Result<store::UploadPartRow> row) { sent = std::move(row); });
  run_until([&] { return s3_->held() > 0; });
  std::optional<Result<UploadView>> cancelled;
  start(service_.cancel(upload.id, me()), cancelled);
  run_until([&] { return cancelled.has_value(); });
  s3_->release();
  run_until([&] { return sent.has_value(); });
  ASSERT_FALSE(*sent);
  EXPECT_EQ(sent->error().code(), Errc::invalid_request);
  EXPECT_TRUE(s3_->objects().empty());
}

TEST_F(UploadsOfParts, AreReadOnceHoweverManyCompleteThemAtOnce) {
  const auto upload = create(kContent.size());
  const auto part = send(upload, kContent);
  s3_->hold("get_range");
  std::optional<Result<UploadView>> first;
  std::optional<Result<UploadView>> second;
  start(complete(upload, {part->id}), first);
  run_until([&] { return s3_->held() > 0; });
  start(complete(upload, {part->id}), second);
  // Long enough for the second to have reached S3, if it went there.
  std::optional<Result<store::UploadRow>> looked;
  boost::asio::co_spawn(
      io_, uploads_.find(upload.id, {.owner = "me"}, 0),
      [&](const std::exception_ptr&, Result<store::UploadRow> row) { looked = std::move(row); });
  run_until([&] { return looked.has_value(); });
  io_.poll();
  EXPECT_FALSE(second);
  s3_->release();
  run_until([&] { return first && second; });
  ASSERT_TRUE(*first);
  ASSERT_TRUE(*second);
  EXPECT_EQ((*second)->file->id, (*first)->file->id);
  EXPECT_EQ(s3_->call_count("get_range"), 1u);
}

TEST_F(UploadsOfParts, WaitingForACompletionThatFailsTriesItself) {
  const auto upload = create(kContent.size());
  const auto part = send(upload, kContent);
  s3_->hold("get_range");
  s3_->fail_next("get_range", Error(Errc::unavailable, "down"));
  std::optional<Result<UploadView>> first;
  std::optional<Result<UploadView>> second;
  start(complete(upload, {part->id}), first);
  run_until([&] { return s3_->held() > 0; });
  start(complete(upload, {part->id}), second);
  io_.poll();
  s3_->release();
  run_until([&] { return first && second; });
  EXPECT_FALSE(*first);
  ASSERT_TRUE(*second) << second->error().message();
  EXPECT_EQ((*second)->upload.status, openai::UploadStatus::completed);
}

TEST_F(UploadsOfParts, AreOfNoUseOnceAnHourHasPassed) {
  const auto upload = create(kContent.size());
  EXPECT_EQ(upload.expires_at, upload.created_at + 3600);
  const auto part = send(upload, kContent);
  clock_.time += std::chrono::seconds(3600);
  EXPECT_TRUE(send(upload, "x").error().message().contains("has expired"));
  EXPECT_TRUE(run(complete(upload, {part->id})).error().message().contains("has expired"));
  EXPECT_FALSE(run(service_.cancel(upload.id, me())));
  EXPECT_EQ(s3_->objects().size(), 1u);
}

TEST_F(UploadsOfParts, AreAllowedAsManyBytesAsTheServerTakes) {
  const auto create_of = [this](std::int64_t bytes) {
    return run(service_.create({"in.jsonl", "batch", "txt", bytes, {}, {}}, me()));
  };
  EXPECT_TRUE(create_of(1 << 30));
  const auto refused = create_of((1 << 30) + 1);
  ASSERT_FALSE(refused);
  EXPECT_TRUE(refused.error().message().contains("1073741824"));
}

TEST_F(UploadsOfParts, AreOfTheDaysFilesOfTheKeyThatCreatedThemWhoeverCompletesThem) {
  const auto with_key = [](std::string hash) {
    auto key = std::make_shared<access::Key>();
    key->hash = hash;
    key->grant.limits.files_per_day = 1;
    return access::Caller{.by = {.owner = "me", .key_hash = std::move(hash)}, .key = key};
  };
  const auto made_whole_by = [&](const access::Caller& other) {
    const auto upload = run(service_.create(
        {"in.jsonl", "batch", "txt", static_cast<std::int64_t>(kContent.size()), {}, {}},
        with_key("a")));
    const auto part = send(upload->upload, kContent);
    return run(service_.complete(upload->upload.id, {{part->id}, ""}, other));
  };
  ASSERT_TRUE(made_whole_by(with_key("b")));
  const auto second = made_whole_by(with_key("b"));
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().reason(), "file_limit_exceeded");
}

TEST_F(UploadsOfParts, OfOtherPurposesAreNotRead) {
  const auto upload = create(5, "user_data");
  const auto part = send(upload, "hello");
  ASSERT_TRUE(run(complete(upload, {part->id})));
  EXPECT_EQ(s3_->call_count("get_range"), 0u);
}

}  // namespace
}  // namespace quarry::files
