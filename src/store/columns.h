#pragma once
// For this room's .cc files only: named values as the columns of one INSERT or UPDATE, so that wide
// rows are listed once instead of three times.

#include <soci/soci.h>

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>

namespace quarry::store {

class Columns {
 public:
  Columns& add(std::string_view column, std::int64_t value);
  Columns& add(std::string_view column, std::string value);
  Columns& add(std::string_view column, const std::optional<std::int64_t>& value);
  Columns& add(std::string_view column, const std::optional<std::string>& value);

  void insert_into(soci::session& sql, std::string_view table);
  // UPDATE table SET … WHERE key = …, for one or two key columns. Gives the count of rows changed.
  long long update(soci::session& sql, std::string_view table, Columns& key);

 private:
  struct Cell {
    std::string column;
    long long integer = 0;
    std::string text;
    bool is_text = false;
    soci::indicator indicator = soci::i_ok;
  };
  void bind(soci::statement& statement);

  std::deque<Cell> cells_;  // stable addresses: SOCI holds references until the statement has run
};

}  // namespace quarry::store
