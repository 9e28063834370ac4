#pragma once
// Files and their segments. Deleted and expired files are not found; their segments stay until
// nothing needs them. Errors of every call: internal (database).

#include "base/task.h"
#include "store/admission.h"
#include "store/database.h"
#include "store/rows.h"

#include <optional>
#include <string>
#include <vector>

namespace quarry::store {

struct ListQuery {
  Viewer viewer;
  std::int64_t limit = 20;
  bool ascending = false;
  std::string after;    // an id; "" = from the start
  std::string purpose;  // files only; "" = any
};

template <class Row>
struct Page {
  std::vector<Row> rows;
  bool has_more = false;
};

class FileStore {
 public:
  explicit FileStore(Database& database) : database_(database) {}

  // Whether insert() would be refused, if it came now. Also: what quota.judge refuses with.
  Task<void> may_insert(Ownership by, FileQuota quota);
  // Also: what quota.judge refuses with.
  Task<void> insert(FileRow file, std::vector<SegmentRow> segments, FileQuota quota = {});
  // Also: not_found (unknown, another owner's, deleted, expired at `now_s`).
  Task<FileRow> find(FileId id, Viewer viewer, std::int64_t now_s);
  // What a batch read when it was created: also of files deleted since. Also: not_found.
  Task<FileRow> find_even_deleted(FileId id);
  Task<std::vector<SegmentRow>> segments(FileId id);
  // In order of creation. Also: invalid_request (param after: no such file).
  Task<Page<FileRow>> list(ListQuery query, std::int64_t now_s);
  // Also: not_found.
  Task<void> remove(FileId id, Viewer viewer, std::int64_t now_s);

 private:
  Database& database_;
};

}  // namespace quarry::store
