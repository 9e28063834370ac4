#include "store/conditions.h"

#include <fmt/format.h>

namespace quarry::store {

Conditions::Conditions(const Viewer& viewer) {
  if (viewer.all) return;
  add("(owner = ", viewer.owner);
  if (!viewer.key_owner.empty()) add_or("owner = ", viewer.key_owner);
  if (viewer.team_id) add_or("team_id = ", *viewer.team_id);
  text_ += ")";
}

Conditions& Conditions::add_if_any(std::string_view before, const std::string& value) {
  return value.empty() ? *this : add(before, value);
}

Conditions& Conditions::add(std::string condition) {
  text_.append(" AND ").append(condition);
  return *this;
}

Conditions& Conditions::add(std::string_view before, std::string value, std::string_view after) {
  join("AND", before, std::move(value), after);
  return *this;
}

Conditions& Conditions::add_or(std::string_view before, std::string value, std::string_view after) {
  join("OR", before, std::move(value), after);
  return *this;
}

std::string Conditions::bind(std::string value) {
  values_.push_back(std::move(value));
  return fmt::format(":v{}", values_.size());
}

void Conditions::join(std::string_view by,
                      std::string_view before,
                      std::string value,
                      std::string_view after) {
  text_ += fmt::format(" {} {}{}{}", by, before, bind(std::move(value)), after);
}

void Conditions::select(soci::session& sql,
                        const std::string& statement,
                        const std::function<void(const soci::row&)>& each) {
  soci::statement prepared(sql);
  for (const std::string& value : values_) prepared.exchange(soci::use(value));
  soci::row row;
  prepared.exchange(soci::into(row));
  prepared.alloc();
  prepared.prepare(statement);
  prepared.define_and_bind();
  prepared.execute();
  while (prepared.fetch()) each(row);
}

}  // namespace quarry::store
