#include "spend/job_usage.h"

#include <algorithm>

namespace quarry::spend {
namespace {

std::int64_t at_least(std::int64_t said, std::int64_t counted) { return std::max(said, counted); }

}  // namespace

JobUsage usage_of_job(const openai::Usage& said,
                      std::int64_t silent,
                      const std::optional<Counted>& counted,
                      bool has_output) {
  JobUsage used{.usage = said};
  if (!counted || !counted->input_tokens) {
    used.known = silent == 0;
    return used;
  }
  const std::int64_t cache_read = counted->cache_read_tokens.value_or(0);
  const std::int64_t cache_write = counted->cache_write_tokens.value_or(0);
  const std::int64_t input = *counted->input_tokens + cache_read + cache_write;
  const std::int64_t output = counted->output_tokens.value_or(0);
  if (silent == 0) {
    used.differs =
        input != said.input_tokens || (counted->output_tokens && output != said.output_tokens);
    return used;
  }
  used.from_manifest = true;
  used.known = counted->output_tokens || !has_output;
  used.usage.input_tokens = at_least(said.input_tokens, input);
  used.usage.cached_input_tokens = at_least(said.cached_input_tokens, cache_read);
  used.usage.cache_write_tokens = at_least(said.cache_write_tokens, cache_write);
  used.usage.output_tokens = at_least(said.output_tokens, output);
  return used;
}

}  // namespace quarry::spend
