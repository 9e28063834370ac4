#pragma once
// What the sandbox itself has seen: requests by operation and region, and on-demand calls by what
// they asked, so that a second payment for the same answer shows. In memory. Loop's thread.

#include "sandbox/request_facts.h"

#include <boost/json/object.hpp>

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <unordered_set>

namespace quarry::sandbox {

class CallRecords {
 public:
  void received(const RequestFacts& facts);
  // An InvokeModel or Converse that the model answered. body_sha256 is hex.
  void invoked(std::string_view model_id,
               std::string_view body_sha256,
               std::uint64_t input_tokens,
               std::uint64_t output_tokens);
  void clear();

  boost::json::object calls_json() const;        // region -> operation -> count
  boost::json::object invocations_json() const;  // calls, distinct, their tokens, repeated
  boost::json::object invocations_by_model_json() const;  // model id -> distinct, their tokens

 private:
  struct Sum {
    std::uint64_t calls = 0;
    std::uint64_t input_tokens = 0;
    std::uint64_t output_tokens = 0;
  };

  std::map<std::string, std::map<std::string_view, std::uint64_t>> calls_;
  std::unordered_set<std::string> asked_;
  Sum distinct_;
  Sum repeated_;
  std::map<std::string, Sum, std::less<>> by_model_;  // of distinct_
};

}  // namespace quarry::sandbox
