#include "sandbox/call_records.h"

#include <boost/json.hpp>
#include <fmt/format.h>

namespace quarry::sandbox {

namespace json = boost::json;

void CallRecords::received(const RequestFacts& facts) {
  ++calls_[facts.region][facts.operation.name];
}

void CallRecords::invoked(std::string_view model_id,
                          std::string_view body_sha256,
                          std::uint64_t input_tokens,
                          std::uint64_t output_tokens) {
  const bool first = asked_.insert(fmt::format("{}\n{}", model_id, body_sha256)).second;
  Sum& sum = first ? distinct_ : repeated_;
  ++sum.calls;
  sum.input_tokens += input_tokens;
  sum.output_tokens += output_tokens;
  if (!first) return;
  Sum& of_model = by_model_[std::string(model_id)];
  ++of_model.calls;
  of_model.input_tokens += input_tokens;
  of_model.output_tokens += output_tokens;
}

void CallRecords::clear() { *this = {}; }

json::object CallRecords::calls_json() const {
  json::object regions;
  for (const auto& [region, operations] : calls_) {
    json::object counts;
    for (const auto& [operation, count] : operations) counts[operation] = count;
    regions[region] = std::move(counts);
  }
  return regions;
}

json::object CallRecords::invocations_json() const {
  return {{"calls", distinct_.calls + repeated_.calls},
          {"distinct", distinct_.calls},
          {"input_tokens", distinct_.input_tokens},
          {"output_tokens", distinct_.output_tokens},
          {"repeated",
           {{"calls", repeated_.calls},
            {"input_tokens", repeated_.input_tokens},
            {"output_tokens", repeated_.output_tokens}}}};
}

json::object CallRecords::invocations_by_model_json() const {
  json::object models;
  for (const auto& [model, sum] : by_model_) {
    models[model] = {{"distinct", sum.calls},
                     {"input_tokens", sum.input_tokens},
                     {"output_tokens", sum.output_tokens}};
  }
  return models;
}

}  // namespace quarry::sandbox
