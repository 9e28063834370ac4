#pragma once
// Conversations in Converse's shape, which Nova's own body shares: messages of blocks that say what
// they are by their only member, system texts, toolConfig. Pure.

#include "sandbox/draft.h"
#include "sandbox/families.h"

#include <boost/json/object.hpp>
#include <boost/json/value.hpp>

#include <optional>
#include <string>
#include <string_view>

namespace quarry::sandbox {

// The first place of messages and system that is not of the API's shape, as "messages.0.content.1";
// "" when there is none. What follows here takes requests without one.
std::string misshapen_place(const boost::json::object& request);

// What Bedrock says of a well-shaped conversation that it does not take; "" when it takes it.
std::string check_conversation(const boost::json::object& request, const ModelTraits& traits);

// Likewise of toolConfig, whose absence is fine.
std::string check_tool_config(const boost::json::object& request);

Prompt read_conversation(const boost::json::object& request);
// The tools and which of them is forced.
void read_tool_config(const boost::json::object& request, Wish& wish);

// The member that says what a block is; "" for a block of any other shape.
std::string_view block_kind(const boost::json::value& block);

// A toolUse or reasoningContent block of an answer.
boost::json::object tool_use_block(const Draft& draft, std::string_view id);

}  // namespace quarry::sandbox
