#pragma once
// `quarry validate`: a batch's input file checked where it lies, before anything is uploaded: every
// bad line with its number and reason; the jobs it would make, their tokens and cost.

#include <filesystem>
#include <string>

namespace quarry::cli {

struct ValidateOptions {
  std::filesystem::path input;
  std::filesystem::path config_file;  // "" = none: what the models are is looked up by their names
  std::string endpoint;               // "" = what the lines say
  std::string model;                  // for every line; "" = what each line says
  bool json = false;
};

// Returns the process's exit code: 0 nothing is wrong; 1 something is; 2 the input cannot be read,
// or the configuration is refused.
int run_validate(const ValidateOptions& options);

}  // namespace quarry::cli
