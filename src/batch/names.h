#pragma once
// How a batch's things are called in S3 and at AWS. What AWS is asked for is called by a function
// of (batch, job, attempt) alone, so that a step done twice asks for the same job. Objects carry
// the mark of who wrote them too, which the row that refers to them keeps: two servers that both
// take themselves for the holder of a lease write beside each other (docs/adr/0005). Only
// characters that Bedrock's patterns allow (AWS API reference, S3InputDataConfig s3Uri;
// CreateModelInvocationJob jobName, clientRequestToken).

#include "base/ids.h"

#include <cstdint>
#include <string>
#include <string_view>

namespace quarry::batch {

// Unique to each try of a step that writes objects.
std::string new_mark();

// Below the deployment's prefix. mark "": of a row from before there were marks.
std::string input_object(const BatchId& batch, int n, std::string_view mark);
std::string custom_ids_object(const BatchId& batch, int n, std::string_view mark);
std::string results_prefix(const BatchId& batch, int n);  // results/<batch>/<n>/
std::string segment_object(const FileId& file, int n, std::string_view mark);

std::string job_name(const BatchId& batch, int n, int attempt);
std::string client_request_token(const BatchId& batch, int n, int attempt);

// 32 hex digits for the ids of one line's result; the same each time.
std::string line_seed(const BatchId& batch, std::uint64_t line_index);

}  // namespace quarry::batch
