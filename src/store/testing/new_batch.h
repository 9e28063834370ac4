#pragma once
// A batch as it is before its creation, for tests.

#include "store/rows.h"

#include <cstdint>
#include <string>

namespace quarry::testing {

// Of the owner "me"; its window is a day. now_ms: Unix milliseconds.
inline store::BatchRow new_batch(const std::string& id, std::int64_t now_ms) {
  store::BatchRow row;
  row.id = BatchId{id};
  row.by.owner = "me";
  row.output_id = FileId{"file-out-" + id};
  row.error_id = FileId{"file-err-" + id};
  row.object.id = id;
  row.object.endpoint = "/v1/chat/completions";
  row.object.input_file_id = "file-in";
  row.object.created_at = now_ms / 1000;
  row.object.expires_at = now_ms / 1000 + 86'400;
  return row;
}

}  // namespace quarry::testing
