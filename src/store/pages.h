#pragma once
// For this room's .cc files only: a page of a table with the columns of ownership, created_order
// and id, and an index of these by owner and by team_id. It costs what the page holds, however long
// the history is.

#include "store/conditions.h"
#include "store/file_store.h"

#include <soci/soci.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace quarry::store {

struct PageOf {
  std::string_view table;
  std::string_view columns;
  std::string condition = "1 = 1";  // of no values
};

// The created_order of the row `after`, whatever the condition says of it, or of what is before all
// rows where there is none; nullopt = the viewer sees no such row.
std::optional<std::int64_t> place_of(soci::session& sql, const PageOf& of, const ListQuery& query);

struct PageStatement {
  std::string text;
  Conditions values;
};
// One row more than the limit, where there are more.
PageStatement page_statement(const PageOf& of, const ListQuery& query, std::int64_t place);

template <class Row>
Page<Row> page_at(soci::session& sql,
                  const PageOf& of,
                  const ListQuery& query,
                  std::int64_t place,
                  Row (*row_of)(const soci::row&)) {
  Page<Row> page;
  PageStatement statement = page_statement(of, query, place);
  statement.values.select(sql, statement.text, [&](const soci::row& row) {
    page.has_more = static_cast<std::int64_t>(page.rows.size()) == query.limit;
    if (!page.has_more) page.rows.push_back(row_of(row));
  });
  return page;
}

}  // namespace quarry::store
