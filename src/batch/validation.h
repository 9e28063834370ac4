#pragma once
// Whether a file can be a batch: from its scan alone when all is well; when not, the file is read
// again to name the lines.

#include "batch/context.h"
#include "files/scan.h"
#include "openai/objects.h"
#include "store/rows.h"

#include <vector>

namespace quarry::batch {

// The one model that target_model_names of the upload forces on every line; "" when lines choose
// for themselves.
std::string model_override(const store::FileRow& file);

// Empty: valid. Else up to 100 entries for errors.data[], in order of lines.
// Errors: what reading the file gave.
Task<std::vector<openai::BatchError>> validate(Context& context,
                                               const store::BatchRow& batch,
                                               const store::FileRow& file,
                                               const files::Scan& scan,
                                               std::vector<store::SegmentRow> segments);

}  // namespace quarry::batch
