#pragma once
// What is the same for every model behind Converse: which requests it takes, and its answer. Pure.

#include "sandbox/model.h"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/value.hpp>

#include <optional>
#include <string>
#include <string_view>

namespace quarry::sandbox {

// What Bedrock says of a request before any model sees it; "" when it goes on. Afterwards messages,
// system and toolConfig are of the API's shape, and inferenceConfig within its bounds.
std::string check_converse_request(const boost::json::object& request, ConverseIn wire);

// The schema that outputConfig asks the answer to fit; nullopt without one. check_converse_request
// has seen that it is JSON.
std::optional<boost::json::value> output_schema_of(const boost::json::object& request);

// An object member, an empty one where there is none.
const boost::json::object& converse_member(const boost::json::object& request,
                                           std::string_view name);

class ConverseReply {
 public:
  explicit ConverseReply(ConverseIn wire) : wire_(wire) {}

  void add_text(std::string_view text);
  void add_reasoning(std::string_view text, boost::json::value signature);
  void add_tool_use(std::string_view id, std::string_view name, boost::json::value input);

  // Gives the answer the Converse body.
  void finish(std::string_view stop_reason, ModelAnswer& answer);

 private:
  void add(std::string_view kind, boost::json::value value);

  ConverseIn wire_;
  boost::json::array content_;
};

// Claude behind Converse: the request becomes a Messages request, the answer goes back.
ModelResult converse_with_claude(const boost::json::object& request,
                                 std::string_view model_id,
                                 std::string_view seed,
                                 ConverseIn wire);

}  // namespace quarry::sandbox
