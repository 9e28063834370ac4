#pragma once
// What `quarry doctor` found out about the deployments, for people and for programs. Pure.

#include <cstddef>
#include <string>
#include <vector>

namespace quarry::cli {

// How a failed check is mended. What is not needed is "".
struct Remedy {
  std::string text;       // what to do, in a sentence or two
  std::string place;      // where the statement goes: "the policy of user quarry"
  std::string statement;  // one statement of a policy, as compact JSON
  std::string setting;    // a key of litellm_params…
  std::string value;      // …and what to set it to; "" with a setting: to remove it
};

enum class Outcome { fine, failed, not_checked };

struct Check {
  std::string name;  // of the row: "bucket", "pass role"
  Outcome outcome = Outcome::fine;
  std::string detail;  // what was seen; of one that was not made: why
  std::string said;    // AWS's own words, where it refused
  Remedy remedy;       // of a failed one
};

// One deployment, examined.
struct Diagnosis {
  std::string id, model_name, model_id, region;
  std::string bucket;  // "s3://bucket/prefix"
  std::string place;   // "config.yaml:7"
  std::vector<Check> checks;
};

std::size_t count(const std::vector<Diagnosis>& all, Outcome outcome);

// A heading and a row for each check, with what AWS said and the remedy below those that failed.
// colours: the marks are coloured, for a terminal.
std::string render_diagnosis(const Diagnosis& diagnosis, bool colours);
// The last lines: "2 of 17 checks failed, 3 were not made\n".
std::string render_summary(const std::vector<Diagnosis>& all);
// Everything, as one object and a line feed.
std::string diagnoses_json(const std::vector<Diagnosis>& all);

}  // namespace quarry::cli
