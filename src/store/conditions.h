#pragma once
// For this room's .cc files only: a WHERE of as many conditions as a query asks for, and its
// values.

#include "store/ownership.h"

#include <soci/soci.h>

#include <cstdint>
#include <deque>
#include <functional>
#include <string>
#include <string_view>

namespace quarry::store {

class Conditions {
 public:
  // What the viewer may see of a table with the columns of ownership.
  explicit Conditions(const Viewer& viewer);
  // before: "model = "; nothing where value is empty.
  Conditions& add_if_any(std::string_view before, const std::string& value);
  // A condition of no values.
  Conditions& add(std::string condition);
  // One value between `before` and `after`; or, as the other half of the condition before it.
  Conditions& add(std::string_view before, std::string value, std::string_view after = "");
  Conditions& add_or(std::string_view before, std::string value, std::string_view after = "");

  // The place of a value in a statement that is more than one WHERE; values are bound in the order
  // in which they stand there.
  std::string bind(std::string value);

  const std::string& text() const { return text_; }
  // Runs `statement`, which holds text(), or what bind() gave, and no other values, and gives each
  // row.
  void select(soci::session& sql,
              const std::string& statement,
              const std::function<void(const soci::row&)>& each);

 private:
  void join(std::string_view by,
            std::string_view before,
            std::string value,
            std::string_view after);

  std::string text_ = "1 = 1";
  std::deque<std::string> values_;  // stable addresses: SOCI holds references
};

}  // namespace quarry::store
