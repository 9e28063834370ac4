#pragma once
// The records of a job: found and checked in its input objects. Blocking: for the pool. Memory: 16
// bytes a record and one record's text.

#include "sandbox/disk.h"
#include "sandbox/jobs.h"
#include "sandbox/object_store.h"

#include <boost/json/monotonic_resource.hpp>
#include <boost/json/value.hpp>

#include <array>
#include <atomic>
#include <cstdint>
#include <expected>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace quarry::sandbox {

struct JobLimits {
  std::uint64_t records_min = 100;
  std::uint64_t records_max = 50'000;
  std::uint64_t file_bytes_max = std::uint64_t{1} << 30;
  std::uint64_t job_bytes_max = std::uint64_t{5} << 30;
};

struct RecordSpan {
  std::uint64_t offset = 0;
  std::uint32_t size = 0;
  std::uint32_t index = 0;  // among all of the job's, from 0
};

struct InputFile {
  std::string name;  // its key below the job's prefix: "input.jsonl"
  std::shared_ptr<StoredBytes> bytes;
  std::vector<RecordSpan> records;
};

// Raised by whoever wants the work to end early.
using CancelFlag = std::shared_ptr<std::atomic<bool>>;

// What Validating looks at: the objects are there and end in .jsonl, every line is a JSON object,
// the counts and sizes are within the limits. The error is the job's message.
std::expected<std::vector<InputFile>, std::string> read_job_input(const ObjectStore& objects,
                                                                  const Job& job,
                                                                  const JobLimits& limits,
                                                                  const CancelFlag& cancel);

// The members of a JSON object as they stand in its text: no value is parsed or copied. `object`
// must be well-formed JSON; nullopt if it is no object.
struct RawMember {
  std::string_view key;    // without quotes, escapes as written
  std::string_view value;  // the token
};
std::optional<std::vector<RawMember>> raw_members(std::string_view object);

// Parses into memory that is used again for the next text.
class RecordParser {
 public:
  // nullptr when it is no JSON. The value lives until the next call.
  const boost::json::value* parse(std::string_view text);

 private:
  std::array<unsigned char, 64 * 1024> first_;
  boost::json::monotonic_resource memory_{first_.data(), first_.size()};
  std::optional<boost::json::value> value_;
};

}  // namespace quarry::sandbox
