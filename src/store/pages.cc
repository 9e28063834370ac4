#include "store/pages.h"

#include "store/ownership_columns.h"

#include <fmt/format.h>

#include <limits>

namespace quarry::store {
namespace {

// created_order counts from 1.
constexpr std::int64_t kBeforeAll = 0;
constexpr std::int64_t kAfterAll = std::numeric_limits<std::int64_t>::max();

std::string order_of(const ListQuery& query) {
  return fmt::format("ORDER BY created_order {0}, id {0} LIMIT {1}",
                     query.ascending ? "ASC" : "DESC", query.limit + 1);
}

// The rows of one owner, of one team or of all, in the order of one index.
std::string rows_of(const PageOf& of,
                    const ListQuery& query,
                    std::int64_t place,
                    const std::string& whose,
                    Conditions& values) {
  std::string where = whose + " AND " + of.condition;
  if (!query.purpose.empty()) where += " AND purpose = " + values.bind(query.purpose);
  // The first of the two bounds the walk through the index.
  const char* beyond = query.ascending ? ">" : "<";
  where += fmt::format(" AND created_order {0}= {1} AND (created_order {0} {1} OR id {0} {2})",
                       beyond, place, values.bind(query.after));
  return fmt::format("SELECT {}, created_order FROM {} WHERE {} {}", of.columns, of.table, where,
                     order_of(query));
}

}  // namespace

std::optional<std::int64_t> place_of(soci::session& sql, const PageOf& of, const ListQuery& query) {
  if (query.after.empty()) return query.ascending ? kBeforeAll : kAfterAll;
  Sight sight(query.viewer);
  long long place = 0;
  sql << "SELECT created_order FROM " << of.table << " WHERE id = :id AND " << sight.condition,
      soci::use(query.after), soci::use(sight.owner), soci::use(sight.key_owner),
      soci::use(sight.team_id, sight.team_indicator), soci::into(place);
  if (!sql.got_data()) return std::nullopt;
  return place;
}

// What is the viewer's, its key's or its team's is the first of each: one condition with OR would
// be answered by sorting all of it. What is of several is there once.
PageStatement page_statement(const PageOf& of, const ListQuery& query, std::int64_t place) {
  PageStatement page{.text = "", .values = Conditions(Viewer{.all = true})};
  const Viewer& viewer = query.viewer;
  const auto rows_where = [&](const char* column, const std::string& whose) {
    const std::string condition = column + (" = " + page.values.bind(whose));
    return rows_of(of, query, place, condition, page.values);
  };
  if (viewer.all) {
    page.text = rows_of(of, query, place, "1 = 1", page.values);
    return page;
  }
  const std::string mine = rows_where("owner", viewer.owner);
  page.text = fmt::format("SELECT * FROM ({}) AS mine", mine);
  const auto unite = [&page](const std::string& rows, std::string_view name) {
    page.text += fmt::format(" UNION SELECT * FROM ({}) AS {}", rows, name);
  };
  if (!viewer.key_owner.empty()) unite(rows_where("owner", viewer.key_owner), "of_key");
  if (viewer.team_id) unite(rows_where("team_id", *viewer.team_id), "of_team");
  const bool one = viewer.key_owner.empty() && !viewer.team_id;
  page.text = one ? mine : fmt::format("{} {}", page.text, order_of(query));
  return page;
}

}  // namespace quarry::store
