#include "batch/custom_ids.h"

#include "bedrock/record.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <limits>

namespace quarry::batch {
namespace {

constexpr char kPartsMark = 'x';
constexpr char kNoteMark = '=';

// Takes "<word> " off the start of `rest`; nullopt if no space follows.
std::optional<std::string_view> take_word(std::string_view& rest) {
  const std::size_t space = rest.find(' ');
  if (space == std::string_view::npos) return std::nullopt;
  const std::string_view word = rest.substr(0, space);
  rest.remove_prefix(space + 1);
  return word;
}

template <class Number>
bool read_number(std::string_view digits, Number& number) {
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
  return error == std::errc() && end == digits.data() + digits.size();
}

// text: a row without its line end.
std::optional<CustomIdRow> read_row(std::string_view text) {
  CustomIdRow row;
  const auto index = take_word(text);
  if (!index || !read_number(*index, row.line_index)) return std::nullopt;
  if (text.starts_with(kPartsMark)) {
    const auto parts = take_word(text);
    if (!parts || !read_number(parts->substr(1), row.parts) || row.parts < 2 ||
        row.parts > bedrock::kPartsMax) {
      return std::nullopt;
    }
  }
  if (text.starts_with(kNoteMark)) {
    const auto note = take_word(text);
    if (!note) return std::nullopt;
    row.note = note->substr(1);
  }
  row.custom_id_json = text;
  return row;
}

}  // namespace

void append_custom_id(std::string& sidecar, const CustomIdRow& row) {
  auto out = std::back_inserter(sidecar);
  fmt::format_to(out, "{} ", row.line_index);
  if (row.parts > 1) fmt::format_to(out, "{}{} ", kPartsMark, row.parts);
  if (!row.note.empty()) fmt::format_to(out, "{}{} ", kNoteMark, row.note);
  fmt::format_to(out, "{}\n", row.custom_id_json);
}

Result<CustomIds> CustomIds::parse(std::string sidecar) {
  constexpr std::size_t kMost = std::numeric_limits<std::uint32_t>::max();
  if (sidecar.size() > kMost) return fail(Errc::corrupt, "the custom_ids of the job are too long");
  CustomIds ids;
  ids.text_ = std::move(sidecar);
  const std::string_view text = ids.text_;
  ids.rows_.reserve(static_cast<std::size_t>(std::ranges::count(text, '\n')));
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = text.find('\n', at);
    if (end == std::string_view::npos) {
      return fail(Errc::corrupt, "the custom_ids of the job are cut off");
    }
    const auto row = read_row(text.substr(at, end - at));
    if (!row || (!ids.rows_.empty() && ids.rows_.back().line_index >= row->line_index) ||
        ids.parts_of_several_ + row->parts > kMost) {
      return fail(Errc::corrupt, "the custom_ids of the job are not readable");
    }
    ids.rows_.push_back({row->line_index, static_cast<std::uint32_t>(at),
                         static_cast<std::uint32_t>(ids.parts_of_several_)});
    if (row->parts > 1) ids.parts_of_several_ += row->parts;
    at = end + 1;
  }
  return ids;
}

std::optional<std::size_t> CustomIds::find(std::uint64_t line_index) const {
  const auto found = std::ranges::lower_bound(rows_, line_index, {}, &Row::line_index);
  if (found == rows_.end() || found->line_index != line_index) return std::nullopt;
  return static_cast<std::size_t>(found - rows_.begin());
}

CustomIdRow CustomIds::row(std::size_t place) const {
  const std::string_view rest = std::string_view(text_).substr(rows_[place].begin);
  return read_row(rest.substr(0, rest.find('\n'))).value();  // parse() has read it before
}

}  // namespace quarry::batch
