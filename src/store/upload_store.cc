#include "store/upload_store.h"

#include "store/columns.h"
#include "store/file_rows.h"
#include "store/ownership_columns.h"
#include "store/reservations.h"
#include "store/session.h"

#include <boost/json.hpp>
#include <fmt/format.h>

namespace quarry::store {
namespace {

using openai::UploadStatus;

constexpr const char* kColumns =
    "id, owner, team_id, key_hash, user_id, status, filename, purpose, mime_type, bytes, "
    "created_at, expires_at, "
    "file_expires_after_s, target_models, file_id";

UploadRow upload_of(const soci::row& row) {
  UploadRow upload;
  upload.id = UploadId{text(row, "id")};
  upload.by = ownership_of(row);
  const auto status = openai::parse_upload_status(text(row, "status"));
  if (!status) throw std::runtime_error("unknown status of an upload: " + text(row, "status"));
  upload.status = *status;
  upload.filename = text(row, "filename");
  upload.purpose = text(row, "purpose");
  upload.mime_type = text(row, "mime_type");
  upload.bytes = integer(row, "bytes");
  upload.created_at = integer(row, "created_at");
  upload.expires_at = integer(row, "expires_at");
  upload.file_expires_after_s = maybe_integer(row, "file_expires_after_s");
  upload.target_models = boost::json::value_to<std::vector<std::string>>(
      boost::json::parse(text(row, "target_models")));
  upload.file_id = FileId{text(row, "file_id")};
  return upload;
}

Error no_such_upload(const UploadId& id) {
  return Error(Errc::not_found, "No such Upload object: " + id.value).param("id");
}

// As it is in the table: an expired one may still be pending there. `locking`: for_update(), before
// it or its parts are changed.
Result<UploadRow> load(soci::session& sql, const UploadId& id, const std::string& locking = {}) {
  soci::row row;
  sql << "SELECT " << kColumns << " FROM uploads WHERE id = :id" << locking, soci::use(id.value),
      soci::into(row);
  if (!sql.got_data()) return fail(no_such_upload(id));
  return upload_of(row);
}

Result<UploadRow> load(soci::session& sql,
                       const UploadId& id,
                       std::int64_t now_s,
                       const std::string& locking = {}) {
  auto upload = load(sql, id, locking);
  if (upload && upload->status == UploadStatus::pending && upload->expires_at <= now_s) {
    upload->status = UploadStatus::expired;
  }
  return upload;
}

Result<UploadRow> load(soci::session& sql,
                       const UploadId& id,
                       const Viewer& viewer,
                       std::int64_t now_s,
                       const std::string& locking = {}) {
  auto upload = load(sql, id, now_s, locking);
  if (upload && !sees(viewer, upload->by)) return fail(no_such_upload(id));
  return upload;
}

void set_status(soci::session& sql, const UploadId& id, UploadStatus status) {
  const std::string word(openai::name(status));
  sql << "UPDATE uploads SET status = :status WHERE id = :id", soci::use(word), soci::use(id.value);
}

}  // namespace

Error not_pending(const UploadRow& upload) {
  return Error(
      Errc::invalid_request,
      upload.status == UploadStatus::expired
          ? fmt::format("Upload {} has expired: it was not completed in time. hint: create "
                        "a new upload and send its parts again",
                        upload.id.value)
          : fmt::format("Upload {} is already {}.", upload.id.value, openai::name(upload.status)));
}

Task<void> UploadStore::insert(UploadRow upload) {
  co_return co_await transact(database_, [&](soci::session& sql) -> Result<void> {
    Columns columns;
    add_ownership(columns.add("id", upload.id.value), upload.by)
        .add("status", std::string(openai::name(upload.status)))
        .add("filename", upload.filename)
        .add("purpose", upload.purpose)
        .add("mime_type", upload.mime_type)
        .add("bytes", upload.bytes)
        .add("created_at", upload.created_at)
        .add("expires_at", upload.expires_at)
        .add("file_expires_after_s", upload.file_expires_after_s)
        .add("target_models", boost::json::serialize(boost::json::value_from(upload.target_models)))
        .add("file_id", upload.file_id.value)
        .insert_into(sql, "uploads");
    return {};
  });
}

Task<UploadRow> UploadStore::find(UploadId id, Viewer viewer, std::int64_t now_s) {
  co_return co_await transact(database_, [&](soci::session& sql) -> Result<UploadRow> {
    return load(sql, id, viewer, now_s);
  });
}

Task<void> UploadStore::add_part(UploadPartRow part, std::int64_t parts_max, std::int64_t now_s) {
  co_return co_await transact(database_, [&](soci::session& sql) -> Result<void> {
    auto upload = load(sql, part.upload_id, now_s, for_update(sql));
    if (!upload) return fail(std::move(upload.error()));
    if (upload->status != UploadStatus::pending) return fail(not_pending(*upload));
    long long count = 0;
    sql << "SELECT COUNT(*) FROM upload_parts WHERE upload_id = :id",
        soci::use(part.upload_id.value), soci::into(count);
    if (count >= parts_max) {
      return fail(Errc::invalid_request,
                  fmt::format("Upload {} already has the maximum of {} parts. hint: send larger "
                              "parts",
                              part.upload_id.value, parts_max));
    }
    Columns columns;
    columns.add("id", part.id)
        .add("upload_id", part.upload_id.value)
        .add("created_at", part.created_at)
        .add("deployment_id", part.deployment_id)
        .add("bucket", part.bucket)
        .add("object_key", part.key)
        .add("bytes", part.bytes)
        .insert_into(sql, "upload_parts");
    return {};
  });
}

Task<std::vector<UploadPartRow>> UploadStore::parts(UploadId id) {
  co_return co_await transact(
      database_, [&](soci::session& sql) -> Result<std::vector<UploadPartRow>> {
        std::vector<UploadPartRow> parts;
        const soci::rowset<soci::row> rows =
            (sql.prepare << "SELECT id, upload_id, created_at, deployment_id, bucket, object_key, "
                            "bytes FROM upload_parts WHERE upload_id = :id",
             soci::use(id.value));
        for (const soci::row& row : rows) {
          parts.push_back({text(row, "id"), UploadId{text(row, "upload_id")},
                           integer(row, "created_at"), text(row, "deployment_id"),
                           text(row, "bucket"), text(row, "object_key"), integer(row, "bytes")});
        }
        return parts;
      });
}

Task<void> UploadStore::complete(UploadId id,
                                 FileRow file,
                                 std::vector<SegmentRow> segments,
                                 FileQuota quota) {
  co_return co_await transact(database_, [&](soci::session& sql) -> Result<void> {
    auto upload = load(sql, id, for_update(sql));
    if (!upload) return fail(std::move(upload.error()));
    if (upload->status != UploadStatus::pending) return fail(not_pending(*upload));
    if (auto allowed = admit_file(sql, file.by, quota); !allowed) return allowed;
    insert_file(sql, file);
    for (const SegmentRow& segment : segments) put_segment(sql, file.id, segment);
    set_status(sql, id, UploadStatus::completed);
    return {};
  });
}

Task<UploadRow> UploadStore::cancel(UploadId id, Viewer viewer, std::int64_t now_s) {
  co_return co_await transact(database_, [&](soci::session& sql) -> Result<UploadRow> {
    auto upload = load(sql, id, viewer, now_s, for_update(sql));
    if (!upload) return fail(std::move(upload.error()));
    if (upload->status != UploadStatus::pending) return fail(not_pending(*upload));
    set_status(sql, id, UploadStatus::cancelled);
    upload->status = UploadStatus::cancelled;
    return upload;
  });
}

}  // namespace quarry::store
