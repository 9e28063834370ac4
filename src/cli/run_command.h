#pragma once
// `quarry run`: one command from an input file to its results: uploads, creates the batch, shows
// its progress, downloads, says what it cost. A client of any OpenAI-shaped batch server.

#include "base/secret.h"

#include <chrono>
#include <filesystem>
#include <optional>
#include <string>

namespace quarry::cli {

struct RunOptions {
  std::filesystem::path input;   // "" only with resume
  std::filesystem::path output;  // never empty
  std::string url;               // base URL with or without /v1
  Secret<std::string> api_key;   // "" sends no Authorization
  std::string model;             // "" = what each line says
  std::string endpoint = "/v1/chat/completions";
  std::string resume;  // a batch's id: neither upload nor create
  std::optional<std::chrono::milliseconds> poll_every;
};

// Returns the process's exit code: 0 every line completed; 1 a line failed, or the batch did not
// complete; 2 the input cannot be read; 130 interrupted, after saying how to resume.
int run(const RunOptions& options);

// "in.jsonl" -> "in.out.jsonl"
std::filesystem::path default_output(const std::filesystem::path& input);
// Where the failed lines go: "answers.jsonl" -> "answers.errors.jsonl"
std::filesystem::path errors_file(const std::filesystem::path& output);

}  // namespace quarry::cli
