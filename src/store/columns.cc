#include "store/columns.h"

namespace quarry::store {

Columns& Columns::add(std::string_view column, std::int64_t value) {
  cells_.push_back({std::string(column), value, {}, false, soci::i_ok});
  return *this;
}

Columns& Columns::add(std::string_view column, std::string value) {
  cells_.push_back({std::string(column), 0, std::move(value), true, soci::i_ok});
  return *this;
}

Columns& Columns::add(std::string_view column, const std::optional<std::int64_t>& value) {
  cells_.push_back(
      {std::string(column), value.value_or(0), {}, false, value ? soci::i_ok : soci::i_null});
  return *this;
}

Columns& Columns::add(std::string_view column, const std::optional<std::string>& value) {
  cells_.push_back(
      {std::string(column), 0, value.value_or(""), true, value ? soci::i_ok : soci::i_null});
  return *this;
}

void Columns::bind(soci::statement& statement) {
  for (Cell& cell : cells_) {
    if (cell.is_text) {
      statement.exchange(soci::use(cell.text, cell.indicator));
    } else {
      statement.exchange(soci::use(cell.integer, cell.indicator));
    }
  }
}

void Columns::insert_into(soci::session& sql, std::string_view table) {
  std::string names;
  std::string values;
  for (const Cell& cell : cells_) {
    if (!names.empty()) {
      names += ", ";
      values += ", ";
    }
    names += cell.column;
    values += ":" + cell.column;
  }
  soci::statement statement(sql);
  bind(statement);
  statement.alloc();
  statement.prepare("INSERT INTO " + std::string(table) + " (" + names + ") VALUES (" + values +
                    ")");
  statement.define_and_bind();
  statement.execute(true);
}

long long Columns::update(soci::session& sql, std::string_view table, Columns& key) {
  std::string query = "UPDATE " + std::string(table) + " SET ";
  for (std::size_t i = 0; i < cells_.size(); ++i) {
    if (i > 0) query += ", ";
    query += cells_[i].column + " = :" + cells_[i].column;
  }
  query += " WHERE ";
  for (std::size_t i = 0; i < key.cells_.size(); ++i) {
    if (i > 0) query += " AND ";
    query += key.cells_[i].column + " = :key_" + key.cells_[i].column;
  }
  soci::statement statement(sql);
  bind(statement);
  key.bind(statement);
  statement.alloc();
  statement.prepare(query);
  statement.define_and_bind();
  statement.execute(true);
  return statement.get_affected_rows();
}

}  // namespace quarry::store
