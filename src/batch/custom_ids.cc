#include "batch/custom_ids.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

namespace quarry::batch {

void append_custom_id(std::string& sidecar,
                      std::uint64_t line_index,
                      std::string_view custom_id_json) {
  fmt::format_to(std::back_inserter(sidecar), "{} {}\n", line_index, custom_id_json);
}

Result<CustomIds> CustomIds::parse(std::string sidecar) {
  CustomIds ids;
  ids.text_ = std::move(sidecar);
  const std::string_view text = ids.text_;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = text.find('\n', at);
    Row row{};
    if (end == std::string_view::npos)
      return fail(Errc::corrupt, "the custom_ids of the job are cut off");
    const auto [after, error] =
        std::from_chars(text.data() + at, text.data() + end, row.line_index);
    const auto space = static_cast<std::size_t>(after - text.data());
    if (error != std::errc() || space >= end || text[space] != ' ' ||
        (!ids.rows_.empty() && ids.rows_.back().line_index >= row.line_index)) {
      return fail(Errc::corrupt, "the custom_ids of the job are not readable");
    }
    row.begin = space + 1;
    row.end = end;
    ids.rows_.push_back(row);
    at = end + 1;
  }
  return ids;
}

std::optional<std::size_t> CustomIds::find(std::uint64_t line_index) const {
  const auto found = std::ranges::lower_bound(rows_, line_index, {}, &Row::line_index);
  if (found == rows_.end() || found->line_index != line_index) return std::nullopt;
  return static_cast<std::size_t>(found - rows_.begin());
}

std::string_view CustomIds::custom_id_json(std::size_t record) const {
  const Row& row = rows_[record];
  return std::string_view(text_).substr(row.begin, row.end - row.begin);
}

}  // namespace quarry::batch
