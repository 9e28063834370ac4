#pragma once
// What a batch expects of its file and of each line that is by itself well formed: the batch's url,
// and a model that is configured and allowed. Pure.

#include "aws/deployment_set.h"
#include "files/scan.h"
#include "openai/batch_line.h"
#include "openai/objects.h"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace quarry::batch {

// The one model that target_model_names of the upload forces on every line; "" when lines choose
// for themselves.
std::string model_override(const std::vector<std::string>& target_models);

struct Expectation {
  std::string endpoint;        // its path
  std::string override_model;  // model_override() of target_models
  std::vector<std::string> target_models;
  const aws::DeploymentSet& deployments;

  // What fails the batch before a line of it is read again: an override that is not configured any
  // more, an empty file.
  std::optional<openai::BatchError> fault_of_whole(const files::Scan& scan) const;
  // No line of the file can be at fault, as far as its scan and this go.
  bool met_by(const files::Scan& scan) const;
  std::optional<openai::LineError> fault_of(const openai::BatchLine& line) const;

  bool url_ok(std::string_view url) const;
  // Several target_model_names: the models that lines may choose from.
  bool allowed(std::string_view model) const;
  bool model_ok(std::string_view model) const;  // allowed, and configured
};

// The scan's names overflowed, so that nobody knows the groups of the file.
openai::BatchError too_many_names();

}  // namespace quarry::batch
