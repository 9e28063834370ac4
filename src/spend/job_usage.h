#pragma once
// What a job used: as its answers say it and, where they do not, as AWS counted it. Pure.

#include "openai/usage.h"

#include <cstdint>
#include <optional>

namespace quarry::spend {

// A job's manifest.json.out; what it does not say is absent. As in all of Bedrock's counts, tokens
// from a cache are not within input_tokens.
struct Counted {
  std::optional<std::int64_t> input_tokens, output_tokens;
  std::optional<std::int64_t> cache_read_tokens, cache_write_tokens;
};

struct JobUsage {
  openai::Usage usage;
  bool known = true;           // false: something ran of which nobody says what it used
  bool from_manifest = false;  // some of it is by AWS's count alone
  bool differs = false;        // every answer said it, and AWS counted something else
};

// said: the sum of what the answers say. silent: how many answers say nothing; what they used is
// what `counted` has beyond the others. has_output: not of embeddings, whose manifests may not
// count any; of others a count of the input alone leaves what silent answers used unknown.
JobUsage usage_of_job(const openai::Usage& said,
                      std::int64_t silent,
                      const std::optional<Counted>& counted,
                      bool has_output);

}  // namespace quarry::spend
