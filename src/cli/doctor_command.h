#pragma once
// `quarry doctor`: whether AWS lets the configured deployments do what they are for, and what mends
// it where it does not.

#include <chrono>
#include <filesystem>
#include <string>

namespace quarry::cli {

struct DoctorOptions {
  std::filesystem::path config_file;
  std::string model;  // only the deployments of this model_name; "" = all
  bool json = false;
  std::chrono::milliseconds wait{20'000};  // for what becomes of the probe job
};

// Prints the report to stdout. 0 nothing is wrong, 1 something is, 2 the configuration is wrong.
int run_doctor(const DoctorOptions& options);

}  // namespace quarry::cli
