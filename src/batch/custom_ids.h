#pragma once
// The sidecar of a job's input: which line of the batch file, with which custom_id, the records
// are, and what their results need to become that line's. AWS never sees it. One row a line, in
// order: "<line index> [x<parts> ][=<note> ]<custom_id as JSON string>\n".

#include "base/result.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace quarry::batch {

struct CustomIdRow {
  std::uint64_t line_index = 0;
  std::string_view custom_id_json;
  std::uint32_t parts = 1;  // records that the line became
  std::string_view note;    // translate::TranslatedLine::note()
};
void append_custom_id(std::string& sidecar, const CustomIdRow& row);

// 16 bytes a line beside the sidecar itself.
class CustomIds {
 public:
  // Takes the whole sidecar: at most the lines of one job. Errors: corrupt.
  static Result<CustomIds> parse(std::string sidecar);

  // Lines.
  std::size_t size() const { return rows_.size(); }
  // The place of the line with this index; nullopt if none of this job.
  std::optional<std::size_t> find(std::uint64_t line_index) const;
  // The views are valid as long as this object.
  CustomIdRow row(std::size_t place) const;
  // Parts of lines that have several are numbered through the job; of other lines they are none.
  std::size_t first_part(std::size_t place) const { return rows_[place].first_part; }
  std::size_t parts_of_several() const { return parts_of_several_; }

 private:
  struct Row {
    std::uint64_t line_index;
    std::uint32_t begin;
    std::uint32_t first_part;
  };
  std::string text_;
  std::vector<Row> rows_;
  std::size_t parts_of_several_ = 0;
};

}  // namespace quarry::batch
