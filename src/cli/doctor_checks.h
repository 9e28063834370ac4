#pragma once
// The checks of one deployment: what Quarry will ask of AWS for it, asked once, on objects and a
// job of the doctor's own, which are taken away again.

#include "aws/deployment_set.h"
#include "aws/service_quotas.h"
#include "base/task.h"
#include "cli/doctor_report.h"

#include <chrono>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace quarry::cli {

// A deployment, and what only the doctor asks of it. Outlives its examination.
struct Patient {
  aws::DeploymentPtr deployment;
  std::shared_ptr<aws::StsClient> s3_sts;       // signs as S3's own identity; null: it has none
  std::shared_ptr<aws::S3Client> s3_any_owner;  // without s3_bucket_owner; null: it is not set
  std::shared_ptr<aws::ServiceQuotas> quotas;
  bool on_demand_only = false;  // its model has no batch inference, says the catalog
};

struct ExamTimes {
  std::chrono::milliseconds call{15'000};  // for each call
  std::chrono::milliseconds wait{20'000};  // for what becomes of the probe job
  std::chrono::milliseconds look{1'000};   // between two looks at it
};

// What lies or runs at AWS because of an examination. Kept outside of it, so that it can be taken
// away when the examination was cut short.
struct Traces {
  std::vector<aws::S3Uri> objects;
  std::vector<std::pair<aws::S3Uri, std::string>> uploads;  // and the upload's id
  std::string job_name;                                     // of a job that may have been started
  std::string job_arn;                                      // "" = not known
};

// All rows, in the order that they depend on each other; never fails. Throws only when cancelled.
// patient and traces outlive the task.
Awaitable<std::vector<Check>> examine(const Patient& patient, ExamTimes times, Traces& traces);

// As far as it goes by the deadline.
Awaitable<void> clean_up(const Patient& patient, Traces& traces, Deadline deadline);

// What an entry says of itself, without asking anybody. file_name: for its place.
Diagnosis diagnosis_of(const config::DeploymentSettings& settings, const std::string& file_name);

}  // namespace quarry::cli
