#include "store/file_rows.h"

#include "store/columns.h"
#include "store/ownership_columns.h"
#include "store/session.h"

#include <boost/json.hpp>

namespace quarry::store {

void insert_file(soci::session& sql, const FileRow& file) {
  Columns columns;
  add_ownership(columns.add("id", file.id.value), file.by)
      .add("filename", file.filename)
      .add("purpose", file.purpose)
      .add("bytes", file.bytes)
      .add("created_at", file.created_at)
      .add("created_order", next_created_order(sql, "files"))
      .add("expires_at", file.expires_at)
      .add("target_models", boost::json::serialize(boost::json::value_from(file.target_models)))
      .add("scan", file.scan_json)
      .insert_into(sql, "files");
}

void put_segment(soci::session& sql, const FileId& file, const SegmentRow& segment) {
  sql << "DELETE FROM file_segments WHERE file_id = :id AND n = :n", soci::use(file.value),
      soci::use(segment.n);
  Columns columns;
  columns.add("file_id", file.value)
      .add("n", std::int64_t{segment.n})
      .add("deployment_id", segment.deployment_id)
      .add("bucket", segment.bucket)
      .add("object_key", segment.key)
      .add("bytes", segment.bytes)
      .insert_into(sql, "file_segments");
}

}  // namespace quarry::store
