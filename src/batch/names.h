#pragma once
// How a batch's things are called in S3 and at AWS: functions of (batch, job, attempt) alone, so
// that a step done twice writes the same objects and asks for the same job. Only characters that
// Bedrock's patterns allow (AWS API reference, S3InputDataConfig s3Uri; CreateModelInvocationJob
// jobName, clientRequestToken).

#include "base/ids.h"

#include <cstdint>
#include <string>

namespace quarry::batch {

// Below the deployment's prefix.
std::string input_object(const BatchId& batch, int n);       // jobs/<batch>/<n>/input.jsonl
std::string custom_ids_object(const BatchId& batch, int n);  // jobs/<batch>/<n>/custom_ids
std::string results_prefix(const BatchId& batch, int n);     // results/<batch>/<n>/
std::string segment_object(const FileId& file, int n);       // files/<file>/<n>

std::string job_name(const BatchId& batch, int n, int attempt);
std::string client_request_token(const BatchId& batch, int n, int attempt);

// 32 hex digits for the ids of one line's result; the same each time.
std::string line_seed(const BatchId& batch, std::uint64_t line_index);

}  // namespace quarry::batch
