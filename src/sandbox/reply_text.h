#pragma once
// What every model does to the text it made: it counts its tokens, ends it at a stop sequence and
// cuts it at the request's limit. Pure.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace quarry::sandbox {

// Four bytes are a token.
std::uint64_t tokens_in(std::string_view text);

enum class ReplyEnd : std::uint8_t { natural, stop_sequence, tokens_max };

// Ends the text before the first of the stop sequences, and within the tokens; no UTF-8 sequence is
// cut.
ReplyEnd end_reply(std::string& text,
                   const std::vector<std::string_view>& stops,
                   std::uint64_t tokens_max);

}  // namespace quarry::sandbox
