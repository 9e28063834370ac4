#pragma once
// S3 in memory, for the unit tests of the rooms above: parts, etags, ranges and pages as S3 has
// them, failures and delays as the test scripts them. Loop thread only.

#include "aws/s3_client.h"

#include <cstddef>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace quarry::testing {

class FakeS3 final : public aws::S3Client {
 public:
  FakeS3();
  ~FakeS3() override;

  // The next call, whatever it is, fails so and has no effect. Queued in order.
  void fail_next(Error error);
  // The same for the next call of one operation: "get_range", "put", "put_new", "bucket_region",
  // "head", "list", "remove", "create_multipart", "upload_part", "complete_multipart",
  // "abort_multipart", "list_multiparts".
  void fail_next(std::string_view operation, Error error);
  // Until the next word on that bucket, every call on it fails so and has no effect; nullopt: none.
  void refuse_bucket(const std::string& bucket, std::optional<Error> error);
  // The next call of that operation takes effect, then its answer is lost.
  void fail_after_effect(std::string_view operation, Error error);
  // Calls of that operation wait until release().
  void hold(std::string_view operation);
  void release();
  // How many calls wait now.
  std::size_t held() const { return held_; }

  // "bucket/key" -> bytes. Only what is visible: not the parts of open uploads.
  const std::map<std::string, std::string>& objects() const { return objects_; }
  void set_object(const aws::S3Uri& object, std::string bytes);
  void erase_object(const aws::S3Uri& object);
  // When what is written and begun from now on was. At first: 1970.
  SysTime now;
  std::size_t open_uploads() const { return uploads_.size(); }
  // Every call begun, in order: "put b/k".
  const std::vector<std::string>& calls() const { return calls_; }
  std::size_t call_count(std::string_view operation) const;

  // EntityTooSmall below it, but for the last part. S3's own: 5 MiB.
  std::size_t part_bytes_min = std::size_t{5} << 20;
  // Keys of one list() page, uploads of one list_multiparts() page. S3's own: 1000.
  std::size_t page_keys_max = 1000;
  // Of every bucket.
  std::string region = "us-east-1";

  Task<aws::RangeRead> get_range(aws::S3Uri object,
                                 std::uint64_t offset,
                                 std::span<std::byte> buffer,
                                 std::string if_match,
                                 Deadline deadline) override;
  Task<aws::ObjectInfo> put(aws::S3Uri object,
                            std::span<const std::byte> bytes,
                            Deadline deadline) override;
  Task<aws::ObjectInfo> put_new(aws::S3Uri object,
                                std::span<const std::byte> bytes,
                                Deadline deadline) override;
  Task<std::string> bucket_region(std::string bucket, Deadline deadline) override;
  Task<aws::ObjectInfo> head(aws::S3Uri object, Deadline deadline) override;
  Task<aws::ListPage> list(aws::S3Uri prefix,
                           std::optional<std::string> token,
                           Deadline deadline) override;
  Task<void> remove(aws::S3Uri object, Deadline deadline) override;
  Task<std::string> create_multipart(aws::S3Uri object, Deadline deadline) override;
  Task<aws::PartTag> upload_part(aws::S3Uri object,
                                 std::string upload_id,
                                 int number,
                                 std::span<const std::byte> bytes,
                                 Deadline deadline) override;
  Task<aws::ObjectInfo> complete_multipart(aws::S3Uri object,
                                           std::string upload_id,
                                           std::vector<aws::PartTag> parts,
                                           Deadline deadline) override;
  Task<void> abort_multipart(aws::S3Uri object, std::string upload_id, Deadline deadline) override;
  Task<aws::MultipartPage> list_multiparts(aws::S3Uri prefix,
                                           std::optional<aws::MultipartMarker> after,
                                           Deadline deadline) override;

 private:
  struct Upload {
    std::string path;
    std::map<int, std::string> parts;
    SysTime initiated;
  };
  struct Scripted {
    std::string operation;  // "" = any
    Error error;
  };
  // Logs the call, yields once, waits while held, then fails if the script says so.
  Task<void> begin(std::string operation, aws::S3Uri object, Deadline deadline);
  // The error that hides the answer, if one is scripted.
  Result<void> lose_answer(std::string_view operation);
  Result<std::string> join_parts(const Upload& upload, const std::vector<aws::PartTag>& parts);

  std::map<std::string, std::string> objects_;
  std::map<std::string, std::string> etags_;
  std::map<std::string, SysTime> modified_;
  std::map<std::string, Upload> uploads_;
  std::deque<Scripted> failures_;
  std::map<std::string, Error> refused_buckets_;
  std::deque<Scripted> lost_answers_;
  std::vector<std::string> held_operations_;
  std::vector<std::string> calls_;
  std::size_t held_ = 0;
  int last_upload_ = 0;
  struct Gate;
  std::shared_ptr<Gate> gate_;
};

}  // namespace quarry::testing
