#pragma once
// Uploads, files that come in parts, and their parts. A part is an object of its own in S3, written
// before its row; completing makes the listed ones the segments of a file. Errors of every call:
// internal (database).

#include "base/task.h"
#include "openai/upload_object.h"
#include "store/admission.h"
#include "store/database.h"
#include "store/rows.h"

#include <optional>
#include <string>
#include <vector>

namespace quarry::store {

using UploadId = Id<struct UploadTag>;  // upload_<32 hex>

struct UploadRow {
  UploadId id;
  Ownership by;
  openai::UploadStatus status = openai::UploadStatus::pending;
  std::string filename;
  std::string purpose;
  std::string mime_type;
  std::int64_t bytes = 0;  // that the whole file is to have
  std::int64_t created_at = 0;
  std::int64_t expires_at = 0;
  std::optional<std::int64_t> file_expires_after_s;
  std::vector<std::string> target_models;
  FileId file_id;  // minted at creation: the parts lie below its name
};

struct UploadPartRow {
  std::string id;  // part_<32 hex>
  UploadId upload_id;
  std::int64_t created_at = 0;
  std::string deployment_id;
  std::string bucket;
  std::string key;
  std::int64_t bytes = 0;
};

class UploadStore {
 public:
  explicit UploadStore(Database& database) : database_(database) {}

  Task<void> insert(UploadRow upload);
  // An upload that was pending when it expired comes back as expired. Also: not_found (unknown,
  // another owner's).
  Task<UploadRow> find(UploadId id, Viewer viewer, std::int64_t now_s);
  // Also: invalid_request (no longer pending; already parts_max of them).
  Task<void> add_part(UploadPartRow part, std::int64_t parts_max, std::int64_t now_s);
  Task<std::vector<UploadPartRow>> parts(UploadId id);
  // In one transaction: the file, its segments, and the upload is completed. An upload that has
  // expired since its completion began is still completed. Also: invalid_request (no longer
  // pending), and what quota.judge refuses with: then nothing is written.
  Task<void> complete(UploadId id,
                      FileRow file,
                      std::vector<SegmentRow> segments,
                      FileQuota quota = {});
  // Also: not_found; invalid_request (no longer pending).
  Task<UploadRow> cancel(UploadId id, Viewer viewer, std::int64_t now_s);

 private:
  Database& database_;
};

// "Upload upload_… is already completed." and its kin. Errc invalid_request.
Error not_pending(const UploadRow& upload);

}  // namespace quarry::store
