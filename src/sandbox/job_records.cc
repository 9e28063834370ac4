#include "sandbox/job_records.h"

#include "base/bytes.h"

#include <boost/json.hpp>
#include <fmt/format.h>

namespace quarry::sandbox {
namespace {

namespace json = boost::json;

constexpr std::size_t kLineBytesMax = 32 << 20;
constexpr std::size_t kReadBytes = 1 << 20;
constexpr std::size_t kDepthMax = 256;
constexpr std::uint64_t kCancelEvery = 512;  // records between two looks at the flag

std::string joined(std::string_view prefix, std::string_view rest) {
  if (prefix.empty() || prefix.ends_with('/')) return fmt::format("{}{}", prefix, rest);
  return fmt::format("{}/{}", prefix, rest);
}

// The keys that an s3Uri means: the object of that name, else everything below it.
std::vector<ObjectPtr> input_objects(const ObjectStore& objects, const S3Location& location) {
  if (!location.key.empty() && !location.key.ends_with('/')) {
    if (auto one = objects.find(location.bucket, location.key)) return {one};
  }
  std::vector<ObjectPtr> found;
  ListQuery query{.prefix = location.key.empty() ? "" : joined(location.key, ""),
                  .delimiter = {},
                  .after = {},
                  .count_max = 1000};
  for (;;) {
    const ListPage page = objects.list(location.bucket, query);
    for (const auto& object : page.objects) {
      if (object->key.ends_with(".jsonl")) found.push_back(object);
    }
    if (!page.truncated) return found;
    query.after = page.last;
  }
}

std::string file_name_of(const std::string& key, const S3Location& location) {
  if (key == location.key) return key.substr(key.rfind('/') + 1);
  const std::string prefix = location.key.empty() ? "" : joined(location.key, "");
  return key.substr(prefix.size());
}

// Finds and checks the lines of one file. "" or the reason why not.
std::string scan_file(InputFile& file,
                      const std::string& key,
                      std::uint64_t& records,
                      const JobLimits& limits,
                      const CancelFlag& cancel) {
  RecordParser parser;
  std::string failure;
  std::uint64_t at = 0, line_number = 0;
  std::string carry;
  std::vector<std::byte> block(kReadBytes);
  const auto take = [&](std::string_view line, std::uint64_t offset) {
    ++line_number;
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (offset == 0 && line.starts_with("\xEF\xBB\xBF")) {
      line.remove_prefix(3);
      offset += 3;
    }
    if (line.find_first_not_of(" \t") == std::string_view::npos) return true;
    const json::value* value = parser.parse(line);
    if (value == nullptr || !value->is_object()) {
      failure =
          fmt::format("The input file {} is not a valid JSONL file: line {} is not a JSON object.",
                      key, line_number);
      return false;
    }
    file.records.push_back({.offset = offset,
                            .size = static_cast<std::uint32_t>(line.size()),
                            .index = static_cast<std::uint32_t>(records)});
    ++records;
    return records % kCancelEvery != 0 || !cancel->load();
  };
  while (at < file.bytes->size()) {
    const std::size_t count = file.bytes->read(at, block);
    std::string_view chunk(reinterpret_cast<const char*>(block.data()), count);
    std::uint64_t begin = at;  // of what is left of chunk
    at += count;
    for (std::size_t end = chunk.find('\n'); end != std::string_view::npos;
         end = chunk.find('\n')) {
      const bool whole = carry.empty();
      if (!whole) carry.append(chunk.substr(0, end));
      const std::string_view line = whole ? chunk.substr(0, end) : std::string_view(carry);
      if (!take(line, begin + end - line.size())) return failure;
      if (records > limits.records_max) return failure;
      carry.clear();
      chunk.remove_prefix(end + 1);
      begin += end + 1;
    }
    carry.append(chunk);
    if (carry.size() > kLineBytesMax)
      return fmt::format("The input file {} has a record that is too large.", key);
  }
  if (!carry.empty()) take(carry, at - carry.size());
  return failure;
}

}  // namespace

const json::value* RecordParser::parse(std::string_view text) {
  value_.reset();
  memory_.release();
  boost::system::error_code error;
  value_.emplace(json::parse(text, error, &memory_, {.max_depth = kDepthMax}));
  return error ? nullptr : &*value_;
}

std::expected<std::vector<InputFile>, std::string> read_job_input(const ObjectStore& objects,
                                                                  const Job& job,
                                                                  const JobLimits& limits,
                                                                  const CancelFlag& cancel) {
  const auto say = [](std::string message) { return std::unexpected(std::move(message)); };
  const S3Location input = s3_location(job.input_uri());
  const S3Location output = s3_location(job.output_uri());
  for (const std::string& bucket : {input.bucket, output.bucket}) {
    if (!objects.bucket(bucket))
      return say(
          fmt::format("The S3 bucket {} does not exist or the role cannot access it.", bucket));
  }
  const auto found = input_objects(objects, input);
  if (found.empty()) {
    return say(fmt::format("Batch job {} has no input: no .jsonl file was found at {}.", job.arn,
                           job.input_uri()));
  }
  std::vector<InputFile> files;
  std::uint64_t records = 0, bytes = 0;
  for (const auto& object : found) {
    if (!object->key.ends_with(".jsonl"))
      return say(fmt::format("The input file {} does not end in .jsonl.", object->key));
    auto [opened, content] = objects.open(input.bucket, object->key);
    if (!opened) return say(fmt::format("The input file {} was deleted.", object->key));
    bytes += opened->size;
    if (opened->size > limits.file_bytes_max) {
      return say(fmt::format(
          "Batch job {} contains an input file of {} bytes, more than the allowed maximum of: {}",
          job.arn, opened->size, limits.file_bytes_max));
    }
    if (bytes > limits.job_bytes_max) {
      return say(fmt::format("Batch job {} is larger than the allowed maximum of: {} bytes",
                             job.arn, limits.job_bytes_max));
    }
    InputFile file{
        .name = file_name_of(object->key, input), .bytes = std::move(content), .records = {}};
    auto failure = scan_file(file, object->key, records, limits, cancel);
    if (!failure.empty()) return say(std::move(failure));
    if (records > limits.records_max) {
      return say(fmt::format("Batch job {} contains more records than the allowed maximum of: {}",
                             job.arn, limits.records_max));
    }
    files.push_back(std::move(file));
  }
  if (records < limits.records_min) {
    return say(
        fmt::format("Batch job {} contains less records ({}) than the required minimum of: {}",
                    job.arn, records, limits.records_min));
  }
  return files;
}

std::optional<std::vector<RawMember>> raw_members(std::string_view object) {
  constexpr std::string_view kSpace = " \t\r\n";
  const auto skip_space = [&](std::size_t at) {
    return std::min(object.find_first_not_of(kSpace, at), object.size());
  };
  const auto string_end = [&](std::size_t at) {  // past the closing quote
    for (++at; at < object.size() && object[at] != '"'; ++at) {
      if (object[at] == '\\') ++at;
    }
    return std::min(at + 1, object.size());
  };
  const auto value_end = [&](std::size_t at) {
    int depth = 0;
    while (at < object.size()) {
      const char c = object[at];
      if (c == '"') {
        at = string_end(at);
        if (depth == 0) return at;
        continue;
      }
      if (depth == 0 && (c == ',' || c == '}' || kSpace.find(c) != std::string_view::npos))
        return at;
      if (c == '{' || c == '[') ++depth;
      if ((c == '}' || c == ']') && --depth == 0) return at + 1;
      ++at;
    }
    return at;
  };
  std::vector<RawMember> members;
  std::size_t at = skip_space(0);
  if (at == object.size() || object[at] != '{') return std::nullopt;
  at = skip_space(at + 1);
  while (at < object.size() && object[at] == '"') {
    const std::size_t key_end = string_end(at);
    const std::string_view key = object.substr(at + 1, key_end - at - 2);
    const std::size_t colon = skip_space(key_end);
    const std::size_t begin = skip_space(colon + 1);
    if (begin >= object.size()) return std::nullopt;
    const std::size_t end = value_end(begin);
    members.push_back({.key = key, .value = object.substr(begin, end - begin)});
    at = skip_space(end);
    if (at >= object.size() || object[at] != ',') break;
    at = skip_space(at + 1);
  }
  return members;
}

}  // namespace quarry::sandbox
