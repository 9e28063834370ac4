#pragma once
// What is measured: the one place of the bench that calls Quarry's translators.

#include "openai/batch_line.h"

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace quarry::bench {

struct Subject {
  std::string_view name;    // in the table
  std::string_view family;  // the translators', and of answers()
  std::string_view model;   // of data/models.yaml
  bool converse = false;
  bool embeddings = false;
  bool budgeted = false;  // held to half of parse-only, both ways
};

const std::vector<Subject>& subjects();

// Translates one body or answer; false where it is refused.
using Translate = std::function<bool(std::string_view)>;

// nullopt, and why in `missing`, where this build has no such translator.
std::optional<Translate> request_translator(const Subject& subject, std::string& missing);
std::optional<Translate> result_translator(const Subject& subject, std::string& missing);
// All of a line of the batch file: read, translated, written as the records of the job's input.
std::optional<Translate> line_translator(const Subject& subject, std::string& missing);

// Why the last line was refused.
std::string_view last_refusal();

}  // namespace quarry::bench
