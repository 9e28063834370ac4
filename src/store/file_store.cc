#include "store/file_store.h"

#include "store/file_rows.h"
#include "store/ownership_columns.h"
#include "store/pages.h"
#include "store/reservations.h"
#include "store/session.h"

#include <boost/json.hpp>
#include <fmt/format.h>

namespace quarry::store {
namespace {

constexpr const char* kColumns =
    "id, owner, team_id, key_hash, user_id, filename, purpose, bytes, created_at, expires_at, "
    "target_models, scan";

FileRow file_of(const soci::row& row) {
  FileRow file;
  file.id = FileId{text(row, "id")};
  file.by = ownership_of(row);
  file.filename = text(row, "filename");
  file.purpose = text(row, "purpose");
  file.bytes = integer(row, "bytes");
  file.created_at = integer(row, "created_at");
  file.expires_at = maybe_integer(row, "expires_at");
  file.target_models = boost::json::value_to<std::vector<std::string>>(
      boost::json::parse(text(row, "target_models")));
  file.scan_json = text(row, "scan");
  return file;
}

Error no_such_file(const FileId& id) {
  return Error(Errc::not_found, "No such File object: " + id.value).param("id");
}

}  // namespace

Task<void> FileStore::insert(FileRow file, std::vector<SegmentRow> segments, FileQuota quota) {
  co_return co_await transact(database_, [&](soci::session& sql) -> Result<void> {
    if (auto allowed = admit_file(sql, file.by, quota); !allowed) return allowed;
    insert_file(sql, file);
    for (const SegmentRow& segment : segments) {
      put_segment(sql, file.id, segment);
    }
    return {};
  });
}

Task<void> FileStore::may_insert(Ownership by, FileQuota quota) {
  if (!quota.of_key && !quota.of_team) co_return Result<void>();
  co_return co_await transact(
      database_, [&](soci::session& sql) -> Result<void> { return check_quota(sql, by, quota); });
}

Task<FileRow> FileStore::find(FileId id, Viewer viewer, std::int64_t now_s) {
  co_return co_await transact(database_, [&](soci::session& sql) -> Result<FileRow> {
    Sight sight(viewer);
    soci::row row;
    sql << "SELECT " << kColumns << " FROM files WHERE id = :id AND " << sight.condition
        << " AND deleted_at IS NULL AND (expires_at IS NULL OR expires_at > :now)",
        soci::use(id.value), soci::use(sight.owner), soci::use(sight.key_owner),
        soci::use(sight.team_id, sight.team_indicator), soci::use(now_s), soci::into(row);
    if (!sql.got_data()) return fail(no_such_file(id));
    return file_of(row);
  });
}

Task<FileRow> FileStore::find_even_deleted(FileId id) {
  co_return co_await transact(database_, [&](soci::session& sql) -> Result<FileRow> {
    soci::row row;
    sql << "SELECT " << kColumns << " FROM files WHERE id = :id", soci::use(id.value),
        soci::into(row);
    if (!sql.got_data()) return fail(no_such_file(id));
    return file_of(row);
  });
}

Task<std::vector<SegmentRow>> FileStore::segments(FileId id) {
  co_return co_await transact(
      database_, [&](soci::session& sql) -> Result<std::vector<SegmentRow>> {
        std::vector<SegmentRow> segments;
        const soci::rowset<soci::row> rows =
            (sql.prepare
                 << "SELECT n, deployment_id, bucket, object_key, bytes FROM file_segments WHERE "
                    "file_id = :id ORDER BY n",
             soci::use(id.value));
        for (const soci::row& row : rows) {
          segments.push_back({static_cast<int>(integer(row, "n")), text(row, "deployment_id"),
                              text(row, "bucket"), text(row, "object_key"), integer(row, "bytes")});
        }
        return segments;
      });
}

Task<Page<FileRow>> FileStore::list(ListQuery query, std::int64_t now_s) {
  co_return co_await transact(database_, [&](soci::session& sql) -> Result<Page<FileRow>> {
    const PageOf files{
        .table = "files",
        .columns = kColumns,
        .condition =
            fmt::format("deleted_at IS NULL AND (expires_at IS NULL OR expires_at > {})", now_s)};
    // Deleted files still mark a place, so that deleting between two pages loses nothing.
    const auto place = place_of(sql, files, query);
    if (!place) {
      return fail(
          Error(Errc::invalid_request, "No such File object: " + query.after).param("after"));
    }
    return page_at<FileRow>(sql, files, query, *place, file_of);
  });
}

Task<void> FileStore::remove(FileId id, Viewer viewer, std::int64_t now_s) {
  co_return co_await transact(database_, [&](soci::session& sql) -> Result<void> {
    Sight sight(viewer);
    soci::statement update =
        (sql.prepare << "UPDATE files SET deleted_at = :now WHERE id = :id AND " << sight.condition
                     << " AND deleted_at IS NULL AND (expires_at IS NULL OR expires_at > :now2)",
         soci::use(now_s), soci::use(id.value), soci::use(sight.owner), soci::use(sight.key_owner),
         soci::use(sight.team_id, sight.team_indicator), soci::use(now_s));
    update.execute(true);
    if (update.get_affected_rows() == 0) return fail(no_such_file(id));
    return {};
  });
}

}  // namespace quarry::store
