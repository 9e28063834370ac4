#pragma once
// For this room's .cc files only: text as PostgreSQL takes it. Its TEXT is UTF-8 without NUL; what
// clients and AWS say (file names, metadata, ids in paths, messages) may hold anything. Pure.

#include <string>
#include <string_view>

namespace quarry::store {

// The same text where PostgreSQL takes it, as all but a little is. Else with each NUL, each byte
// that is not UTF-8 and each U+001A written as U+001A and two hexadecimal digits: different texts
// stay different, so they can be looked for too.
std::string column_text(std::string_view text);
// What column_text() made it of.
std::string text_of_column(std::string stored);

}  // namespace quarry::store
