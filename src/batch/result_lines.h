#pragma once
// Results on their way back: records joined with their lines, translated, counted. The working half
// of the collector: no network, runs on the pool. Every line of the job becomes one line, of the
// output or of the error text, whatever AWS left out. A line that became several records waits for
// the last of them; its parts wait on disk.

#include "base/ids.h"
#include "batch/custom_ids.h"
#include "batch/line_parts.h"
#include "bedrock/record.h"
#include "openai/batch_line.h"
#include "openai/usage.h"
#include "translate/translator.h"

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace quarry::batch {

struct ResultSettings {
  BatchId batch_id;
  std::string model_name;  // public
  openai::Endpoint endpoint = openai::Endpoint::chat_completions;
  std::string family;
  translate::Wire wire = translate::Wire::native;
  std::int64_t created = 0;
  std::filesystem::path scratch_directory;
  // Lines that failed for a reason that passes are left for another job.
  bool leave_passing_failures = false;
  // So are those that AWS says it did not come to in time.
  bool leave_expired = false;
};

// Why lines have no result, and what they then say.
struct Absence {
  std::string code;
  std::string message;
  bool unfinished = false;  // never tried: not counted as failed
  bool leave = false;       // for another job: no line is written
};

// One answer of a direct run: status 200 and the model's body, or another and AWS's message.
struct DirectAnswer {
  std::uint64_t line_index = 0;
  std::uint32_t part = 0;
  int status = 200;
  std::string_view body;
  std::optional<openai::Usage> metered;
};

class ResultLines {
 public:
  ResultLines(ResultSettings settings, CustomIds custom_ids);

  // Errors of every call: unavailable: the disk has no room for what waits.
  //
  // One row of a .jsonl.out. Unknown, repeated and unreadable rows are counted and left out: the
  // first wins.
  Result<void> add_row(std::string_view row);
  Result<void> add_answer(const DirectAnswer& answer);
  // Lines for up to `lines_max` lines without a result; false when none is left.
  Result<bool> add_absent(const Absence& absence, std::size_t lines_max);

  // What has come together; the caller writes and clears them.
  std::string output;
  std::string errors;
  // The next piece of a long line is to be fetched by more_output() once `output` is written; until
  // there is none left, nothing may be added.
  bool has_more_output() const { return long_line_at_ < long_line_bytes_; }
  Result<void> more_output();

  // Lines; unfinished is part of failed.
  std::int64_t completed = 0, failed = 0, unfinished = 0;
  std::int64_t rows = 0;  // whatever they were
  std::int64_t unknown_rows = 0, repeated_rows = 0, unreadable_rows = 0;
  std::int64_t whole_rows() const { return rows - unknown_rows - repeated_rows - unreadable_rows; }
  std::int64_t answers = 0;        // of records, each once: those that the model answered
  openai::Usage usage;             // as far as the answers say it
  std::int64_t without_usage = 0;  // lines and parts that ran and said nothing of their usage
  std::size_t missing() const { return custom_ids_.size() - finished_count_; }
  // Lines of which nothing was written, because another job takes them. In the order of the file.
  std::size_t left_lines() const { return left_count_; }
  // nullopt: the line is not of this job, or not left.
  std::optional<CustomIdRow> left_line(std::uint64_t line_index) const;

 private:
  struct Failure {
    std::uint32_t part;
    bedrock::RecordError error;
  };
  // Of a line of several, as far as its parts have come.
  struct Arrived {
    // The first of those that do not pass: such a line fails however often it is tried. Without
    // one, the first.
    std::optional<Failure> failure;
    std::optional<openai::Usage> metered;
  };

  Result<void> add(std::size_t place, const CustomIdRow& row, std::uint32_t part, const Outcome&);
  void finish_one(std::size_t place, const CustomIdRow& row, const Outcome& outcome);
  Result<void> finish_several(std::size_t place, const CustomIdRow& row, const Absence* absence);
  Result<Arrived> look_at_parts(std::size_t place, const CustomIdRow& row);
  // The whole line into `output`, or into long_line_; a failure where a part cannot be translated.
  Result<std::optional<Failure>> join(std::size_t place,
                                      const CustomIdRow& row,
                                      std::optional<openai::Usage> metered);
  Result<std::optional<Failure>> translate_parts(std::size_t place,
                                                 const CustomIdRow& row,
                                                 const translate::ResultOptions& options);
  Result<void> put_aside(std::string_view text);
  Result<void> count_parts(std::size_t place, const CustomIdRow& row);
  void count(const translate::LineUsage& said);
  void write_result(const CustomIdRow& row);
  void write_error(const CustomIdRow& row, const bedrock::RecordError& error);
  void write_absent(const CustomIdRow& row, const Absence& absence);
  void mark_finished(std::size_t place);
  void leave(std::size_t place);
  bool passes(const bedrock::RecordError& error) const;
  std::string seed(const CustomIdRow& row) const;
  translate::ResultOptions options(const CustomIdRow& row,
                                   std::string_view seed,
                                   std::optional<openai::Usage> metered) const;

  ResultSettings settings_;
  CustomIds custom_ids_;
  LineParts parts_;
  std::vector<bool> finished_;
  std::size_t finished_count_ = 0;
  std::vector<bool> left_;
  std::size_t left_count_ = 0;
  std::size_t next_absent_ = 0;
  bedrock::OutputRecordReader reader_;
  translate::ResultTranslator translator_;
  std::string body_;
  // A line that became too long for memory while its parts came together. It is written only when
  // the last of them has turned out well.
  ScratchFile long_line_;
  std::uint64_t long_line_bytes_ = 0;
  std::uint64_t long_line_at_ = 0;  // fetched so far
};

}  // namespace quarry::batch
