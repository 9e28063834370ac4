#pragma once
// Results on their way back: records joined with their lines, translated, counted. The CPU half of
// the collector: no I/O, runs on the pool. Every record of the job becomes one line, of the output
// or of the error text, whatever AWS left out.

#include "base/ids.h"
#include "batch/custom_ids.h"
#include "bedrock/record.h"
#include "openai/batch_line.h"
#include "openai/usage.h"
#include "translate/translator.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace quarry::batch {

struct ResultSettings {
  BatchId batch_id;
  std::string model_name;  // public
  openai::Endpoint endpoint = openai::Endpoint::chat_completions;
  catalog::Family family = catalog::Family::anthropic;
  std::int64_t created = 0;
};

// Why records have no result, and what their lines then say.
struct Absence {
  std::string code;
  std::string message;
  bool unfinished = false;  // never tried: not counted as failed
};

class ResultLines {
 public:
  ResultLines(ResultSettings settings, CustomIds custom_ids);

  // One row of a .jsonl.out. Unknown, repeated and unreadable rows are counted and left out: the
  // first wins.
  void add_row(std::string_view row);
  // One answer of a direct run: status 200 and the model's body, or another and AWS's message.
  void add_answer(std::uint64_t line_index, int status, std::string_view body);
  // Lines for up to `records_max` records without a result; false when none is left.
  bool add_absent(const Absence& absence, std::size_t records_max);

  // What has come together; the caller writes and clears them.
  std::string output;
  std::string errors;

  std::int64_t completed = 0, failed = 0, unfinished = 0;  // unfinished is part of failed
  std::int64_t unknown_rows = 0, repeated_rows = 0, unreadable_rows = 0;
  openai::Usage usage;
  std::size_t missing() const { return custom_ids_.size() - found_count_; }

 private:
  void add_success(std::size_t record, std::string_view model_output);
  void add_error(std::size_t record, const bedrock::RecordError& error);
  bool claim(std::size_t record);
  std::string seed(std::size_t record) const;

  ResultSettings settings_;
  CustomIds custom_ids_;
  std::vector<bool> found_;
  std::size_t found_count_ = 0;
  std::size_t next_absent_ = 0;
  bedrock::OutputRecordReader reader_;
  translate::ResultTranslator translator_;
  std::string body_;
};

}  // namespace quarry::batch
