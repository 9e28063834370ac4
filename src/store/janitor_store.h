#pragma once
// What the janitor asks of the database: which objects in S3 are no longer needed. Every call looks
// at a bounded number of rows. Errors of every call: internal (database).

#include "base/task.h"
#include "store/database.h"
#include "store/rows.h"
#include "store/upload_store.h"

#include <optional>
#include <string>
#include <vector>

namespace quarry::store {

// A step of a walk over a table, in order of creation.
template <class Id>
struct WalkStep {
  std::vector<Id> ids;
  std::optional<std::int64_t> next;  // where the next step begins; nullopt at the end
};

class JanitorStore {
 public:
  explicit JanitorStore(Database& database) : database_(database) {}

  // The name of this database, made when it is first asked for: who shares a bucket with another
  // Quarry tells by it whose objects are whose.
  Task<std::string> instance_id();

  // Files of the next `rows` rows that were deleted or had expired by before_s, whose objects still
  // are in S3 and that no unfinished batch reads.
  Task<WalkStep<FileId>> gone_files(std::int64_t from, std::int64_t rows, std::int64_t before_s);
  // Its objects are deleted: its segments are forgotten.
  Task<void> file_is_clean(FileId id);

  // Uploads that were still pending when they expired, by before_s, can no longer be completed.
  Task<void> expire_uploads(std::int64_t before_s);
  // At most `rows` uploads that are no longer pending, would have expired by before_s, and have
  // parts left. Each is given until upload_is_clean().
  Task<std::vector<UploadId>> ended_uploads(std::string after_id,
                                            std::int64_t rows,
                                            std::int64_t before_s);
  // Its parts that are no segment of a file.
  Task<std::vector<UploadPartRow>> unused_parts(UploadId id);
  Task<void> upload_is_clean(UploadId id);

  // Batches of the next `rows` rows that had ended by before_s and whose jobs' objects still are in
  // S3.
  Task<WalkStep<BatchId>> ended_batches(std::int64_t from,
                                        std::int64_t rows,
                                        std::int64_t before_s);
  // The deployments that its jobs ran at.
  Task<std::vector<std::string>> deployments_of(BatchId id);
  Task<void> batch_is_clean(BatchId id);

  // Of names below a prefix ("jobs/…", "results/…", "files/…"), those that no row refers to.
  Task<std::vector<std::string>> orphans(std::string bucket,
                                         std::string prefix,
                                         std::vector<std::string> names);

 private:
  Database& database_;
};

}  // namespace quarry::store
