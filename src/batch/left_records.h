#pragma once
// The input of a job that goes on with what another left: its records as they were staged, of the
// lines that are left.

#include "batch/context.h"
#include "batch/result_lines.h"

#include <cstdint>
#include <string>

namespace quarry::batch {

struct LeftRecords {
  std::int64_t lines = 0;
  std::int64_t records = 0;
};

// Whose input it is to be: names.h.
struct JobName {
  int n = 0;
  std::string mark;
};

// Reads the job's input from `from`, writes input and custom_ids of job `next` to `to`. Holds four
// transfer buffers, which it takes at once. Errors: those of S3; corrupt: the input is not what was
// staged.
Task<LeftRecords> write_left_records(Context& context,
                                     const store::JobRow& job,
                                     const aws::Deployment& from,
                                     const aws::Deployment& to,
                                     JobName next,
                                     const ResultLines& lines,
                                     Deadline deadline);

}  // namespace quarry::batch
