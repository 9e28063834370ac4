#pragma once
// The sidecar of a job's input: which line of the batch file, with which custom_id, each record is.
// AWS never sees it. One row a record, in order of lines: "<line index> <custom_id as JSON
// string>\n".

#include "base/result.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace quarry::batch {

void append_custom_id(std::string& sidecar,
                      std::uint64_t line_index,
                      std::string_view custom_id_json);

class CustomIds {
 public:
  // Takes the whole sidecar: at most the records of one job. Errors: corrupt.
  static Result<CustomIds> parse(std::string sidecar);

  std::size_t size() const { return rows_.size(); }
  // Which record has this line; nullopt if none of this job.
  std::optional<std::size_t> find(std::uint64_t line_index) const;
  std::uint64_t line_index(std::size_t record) const { return rows_[record].line_index; }
  std::string_view custom_id_json(std::size_t record) const;

 private:
  struct Row {
    std::uint64_t line_index;
    std::size_t begin;
    std::size_t end;
  };
  std::string text_;
  std::vector<Row> rows_;
};

}  // namespace quarry::batch
