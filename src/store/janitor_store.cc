#include "store/janitor_store.h"

#include "store/session.h"

#include <array>
#include <utility>

namespace quarry::store {
namespace {

// One row's integer, 0 when there is none.
long long count(soci::session& sql, const char* statement, const std::string& id) {
  long long found = 0;
  sql << statement, soci::use(id), soci::into(found);
  return found;
}

// Walks `rows` rows on from `from`, and keeps the ids for which keep(row) holds.
template <class Id, class Keep>
WalkStep<Id> walk(soci::session& sql,
                  const std::string& select,
                  std::int64_t from,
                  std::int64_t rows,
                  Keep keep) {
  WalkStep<Id> step;
  std::int64_t seen = 0;
  std::int64_t last = from;
  const soci::rowset<soci::row> found =
      (sql.prepare << select + " WHERE created_order > :from ORDER BY created_order LIMIT :rows",
       soci::use(from), soci::use(rows));
  for (const soci::row& row : found) {
    ++seen;
    last = integer(row, "created_order");
    if (integer(row, "objects_gone") == 0 && keep(row)) step.ids.push_back(Id{text(row, "id")});
  }
  if (seen == rows) step.next = last;
  return step;
}

// "files/<id>/rest" -> {"files", "<id>", "rest"}.
std::array<std::string, 3> pieces_of(const std::string& name) {
  const std::size_t first = name.find('/');
  if (first == std::string::npos) return {name, {}, {}};
  const std::size_t second = name.find('/', first + 1);
  if (second == std::string::npos) return {name.substr(0, first), name.substr(first + 1), {}};
  return {name.substr(0, first), name.substr(first + 1, second - first - 1),
          name.substr(second + 1)};
}

bool batch_needs(soci::session& sql, const std::string& batch) {
  return count(sql, "SELECT COUNT(*) FROM batches WHERE id = :id AND objects_gone = 0", batch) > 0;
}

bool file_needs(soci::session& sql,
                const std::string& file,
                const std::string& part,
                const std::string& bucket,
                const std::string& key) {
  // A batch's files have rows only at its end, and their objects before, as a part's object comes
  // to be a file's. Each statement sees what was committed when it began, so what they were at
  // first is asked first: what a transaction changes in between is then found at what it is now.
  long long found = 0;
  sql << "SELECT COUNT(*) FROM batches WHERE phase <> 'done' AND (output_id = :id OR error_id = "
         ":id2)",
      soci::use(file), soci::use(file), soci::into(found);
  if (found > 0) return true;
  if (count(sql, "SELECT COUNT(*) FROM upload_parts WHERE id = :id", part) > 0) return true;
  sql << "SELECT COUNT(*) FROM file_segments s JOIN files f ON f.id = s.file_id WHERE s.file_id = "
         ":id AND s.bucket = :bucket AND s.object_key = :key AND f.objects_gone = 0",
      soci::use(file), soci::use(bucket), soci::use(key), soci::into(found);
  return found > 0;
}

}  // namespace

Task<std::string> JanitorStore::instance_id() {
  co_return co_await transact(database_, [&](soci::session& sql) -> Result<std::string> {
    lock(sql, "instance");
    std::string id;
    sql << "SELECT id FROM instance", soci::into(id);
    if (sql.got_data()) return id;
    id = random_hex128();
    sql << "INSERT INTO instance (id) VALUES (:id)", soci::use(id);
    return id;
  });
}

Task<WalkStep<FileId>> JanitorStore::gone_files(std::int64_t from,
                                                std::int64_t rows,
                                                std::int64_t before_s) {
  co_return co_await transact(database_, [&](soci::session& sql) -> Result<WalkStep<FileId>> {
    const auto by_then = [before_s](const soci::row& row, const char* column) {
      const auto at = maybe_integer(row, column);
      return at && *at <= before_s;
    };
    auto step = walk<FileId>(
        sql, "SELECT id, created_order, objects_gone, deleted_at, expires_at FROM files", from,
        rows, [&](const soci::row& row) {
          return by_then(row, "deleted_at") || by_then(row, "expires_at");
        });
    std::erase_if(step.ids, [&](const FileId& id) {
      return count(sql,
                   "SELECT COUNT(*) FROM batches WHERE input_file_id = :id AND phase <> 'done'",
                   id.value) > 0;
    });
    return step;
  });
}

Task<void> JanitorStore::file_is_clean(FileId id) {
  co_return co_await transact(database_, [&](soci::session& sql) -> Result<void> {
    sql << "DELETE FROM file_segments WHERE file_id = :id", soci::use(id.value);
    sql << "UPDATE files SET objects_gone = 1 WHERE id = :id", soci::use(id.value);
    return {};
  });
}

Task<void> JanitorStore::expire_uploads(std::int64_t before_s) {
  co_return co_await transact(database_, [&](soci::session& sql) -> Result<void> {
    sql << "UPDATE uploads SET status = 'expired' WHERE expires_at <= :before AND status = "
           "'pending'",
        soci::use(before_s);
    return {};
  });
}

Task<std::vector<UploadId>> JanitorStore::ended_uploads(std::string after_id,
                                                        std::int64_t rows,
                                                        std::int64_t before_s) {
  co_return co_await transact(database_, [&](soci::session& sql) -> Result<std::vector<UploadId>> {
    std::vector<UploadId> ids;
    const soci::rowset<soci::row> found =
        (sql.prepare << "SELECT id FROM uploads WHERE id > :after AND expires_at <= :before "
                        "AND status <> 'pending' AND objects_gone = 0 ORDER BY id LIMIT :rows",
         soci::use(after_id), soci::use(before_s), soci::use(rows));
    for (const soci::row& row : found) ids.push_back(UploadId{text(row, "id")});
    return ids;
  });
}

Task<std::vector<UploadPartRow>> JanitorStore::unused_parts(UploadId id) {
  co_return co_await transact(
      database_, [&](soci::session& sql) -> Result<std::vector<UploadPartRow>> {
        std::vector<UploadPartRow> parts;
        const soci::rowset<soci::row> found =
            (sql.prepare
                 << "SELECT p.id, p.deployment_id, p.bucket, p.object_key, p.bytes FROM "
                    "upload_parts p WHERE p.upload_id = :id AND p.object_key NOT IN (SELECT "
                    "s.object_key FROM file_segments s JOIN uploads u ON u.file_id = s.file_id "
                    "WHERE u.id = :id2)",
             soci::use(id.value), soci::use(id.value));
        for (const soci::row& row : found) {
          parts.push_back({text(row, "id"), id, 0, text(row, "deployment_id"), text(row, "bucket"),
                           text(row, "object_key"), integer(row, "bytes")});
        }
        return parts;
      });
}

Task<void> JanitorStore::upload_is_clean(UploadId id) {
  co_return co_await transact(database_, [&](soci::session& sql) -> Result<void> {
    sql << "DELETE FROM upload_parts WHERE upload_id = :id", soci::use(id.value);
    sql << "UPDATE uploads SET objects_gone = 1 WHERE id = :id", soci::use(id.value);
    return {};
  });
}

Task<WalkStep<BatchId>> JanitorStore::ended_batches(std::int64_t from,
                                                    std::int64_t rows,
                                                    std::int64_t before_s) {
  co_return co_await transact(database_, [&](soci::session& sql) -> Result<WalkStep<BatchId>> {
    return walk<BatchId>(
        sql,
        "SELECT id, created_order, objects_gone, phase, completed_at, failed_at, expired_at, "
        "cancelled_at FROM batches",
        from, rows, [&](const soci::row& row) {
          if (text(row, "phase") != "done") return false;
          for (const char* column : {"completed_at", "failed_at", "expired_at", "cancelled_at"}) {
            if (const auto at = maybe_integer(row, column)) return *at <= before_s;
          }
          return false;
        });
  });
}

Task<std::vector<std::string>> JanitorStore::deployments_of(BatchId id) {
  co_return co_await transact(
      database_, [&](soci::session& sql) -> Result<std::vector<std::string>> {
        std::vector<std::string> ids;
        const soci::rowset<soci::row> found =
            (sql.prepare << "SELECT DISTINCT deployment_id FROM jobs WHERE batch_id = :id",
             soci::use(id.value));
        for (const soci::row& row : found) ids.push_back(text(row, "deployment_id"));
        return ids;
      });
}

Task<void> JanitorStore::batch_is_clean(BatchId id) {
  co_return co_await transact(database_, [&](soci::session& sql) -> Result<void> {
    sql << "UPDATE batches SET objects_gone = 1 WHERE id = :id", soci::use(id.value);
    return {};
  });
}

Task<std::vector<std::string>> JanitorStore::orphans(std::string bucket,
                                                     std::string prefix,
                                                     std::vector<std::string> names) {
  co_return co_await transact(
      database_, [&](soci::session& sql) -> Result<std::vector<std::string>> {
        std::vector<std::string> out;
        for (const std::string& name : names) {
          const auto [folder, id, rest] = pieces_of(name);
          const bool needed = folder == "files" ? file_needs(sql, id, rest, bucket, prefix + name)
                                                : batch_needs(sql, id);
          if (!needed) out.push_back(name);
        }
        return out;
      });
}

}  // namespace quarry::store
