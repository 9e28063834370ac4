#include "store/migration.h"

#include "store/schema.h"
#include "store/session.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <soci/postgresql/soci-postgresql.h>

#include <set>
#include <stdexcept>
#include <string>
#include <string_view>

namespace quarry::store {
namespace {

long long newest() { return static_cast<long long>(migrations().size()); }

// Quarry's own, but for schema_version, which a server whose schema is up to date only reads.
std::set<std::string> tables() {
  constexpr std::string_view kCreate = "CREATE TABLE ";
  std::set<std::string> names;
  for (const std::string_view script : migrations()) {
    for (std::size_t at = script.find(kCreate); at != std::string_view::npos;
         at = script.find(kCreate, at)) {
      at += kCreate.size();
      names.emplace(script.substr(at, script.find_first_of(" (", at) - at));
    }
  }
  return names;
}

// A server that may not do what its requests need is better not ready. The rights are a list of
// SQL's: "('SELECT')".
void check_rights(soci::session& sql, const std::set<std::string>& on, std::string_view rights) {
  if (!is_postgresql(sql)) return;
  std::string table, right, schema, user;
  sql << fmt::format(
      "SELECT CAST(c.relname AS TEXT), r.name, quote_ident(n.nspname), quote_ident(current_user) "
      "FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
      "CROSS JOIN (VALUES {}) AS r (name) WHERE c.relname IN ('{}') AND "
      "pg_table_is_visible(c.oid) AND NOT has_table_privilege(c.oid, r.name) "
      "ORDER BY c.relname, r.name LIMIT 1",
      rights, fmt::join(on, "', '")),
      soci::into(table), soci::into(right), soci::into(schema), soci::into(user);
  if (!sql.got_data()) return;
  throw std::runtime_error(fmt::format(
      "the user has no right to {} on table {}; hint: GRANT SELECT, INSERT, UPDATE, DELETE ON ALL "
      "TABLES IN SCHEMA {} TO {}",
      right, table, schema, user));
}

// The schema's version; 0 of an empty database. On PostgreSQL the table is looked for, not made:
// who may only read and write rows can be served by a schema that is up to date.
long long version_of(soci::session& sql) {
  if (is_postgresql(sql)) {
    long long there = 0;
    sql << "SELECT COUNT(*) FROM pg_class WHERE relname = 'schema_version' AND "
           "pg_table_is_visible(oid)",
        soci::into(there);
    if (there == 0) return 0;
    check_rights(sql, {"schema_version"}, "('SELECT')");
  } else {
    sql << "CREATE TABLE IF NOT EXISTS schema_version (version BIGINT NOT NULL)";
  }
  long long version = 0;
  sql << "SELECT COALESCE(MAX(version), 0) FROM schema_version", soci::into(version);
  if (version > newest()) {
    throw std::runtime_error(fmt::format(
        "the database has schema version {}, newer than this quarry's {}; hint: run the "
        "newer quarry",
        version, newest()));
  }
  return version;
}

void execute_script(soci::session& sql, std::string_view script) {
  while (!script.empty()) {
    const std::size_t end = script.find(";\n");
    const std::string statement(script.substr(0, end));
    sql << statement;
    script = end == std::string_view::npos ? std::string_view() : script.substr(end + 2);
  }
}

// One version further. Gives whether there is more to do.
bool step(soci::session& sql) {
  soci::transaction transaction(sql);
  if (is_postgresql(sql)) {
    // A large table takes its time, and so does the server that is at it already.
    sql << "SET LOCAL statement_timeout = 0";
    sql << "SET LOCAL lock_timeout = 0";
  }
  lock(sql, "migration");
  const long long version = version_of(sql);
  if (version == newest()) return false;
  if (version == 0) {
    sql << "CREATE TABLE IF NOT EXISTS schema_version (version BIGINT NOT NULL)";
    sql << "DELETE FROM schema_version";
    sql << "INSERT INTO schema_version (version) VALUES (0)";
  }
  execute_script(sql, migrations()[static_cast<std::size_t>(version)]);
  sql << "UPDATE schema_version SET version = :v", soci::use(version + 1);
  transaction.commit();
  return version + 1 < newest();
}

// https://www.postgresql.org/docs/current/errcodes-appendix.html
std::string remedy(const std::string& sqlstate) {
  if (sqlstate == "42501") {  // insufficient_privilege
    return "the schema has to be made or brought up to date, and the user may not; hint: GRANT "
           "USAGE, CREATE ON SCHEMA … TO the user, who must own the tables that are there";
  }
  if (sqlstate == "25006") {  // read_only_sql_transaction
    return "the database is read-only; hint: name the primary (target_session_attrs=read-write)";
  }
  if (sqlstate == "42P07") {  // duplicate_table, also of indexes
    return "the schema holds tables of another program; hint: give Quarry a schema of its own "
           "(?options=-csearch_path%3Dquarry), or a database";
  }
  if (sqlstate == "3F000") {  // invalid_schema_name
    return "there is no schema to make tables in; hint: CREATE SCHEMA, or correct the search path";
  }
  return "";
}

}  // namespace

void migrate(soci::session& sql) {
  try {
    while (version_of(sql) != newest() && step(sql)) {
    }
    check_rights(sql, tables(), "('SELECT'), ('INSERT'), ('UPDATE'), ('DELETE')");
  } catch (const soci::postgresql_soci_error& e) {
    const std::string known = remedy(e.sqlstate());
    if (known.empty()) throw;
    throw std::runtime_error(fmt::format("{} ({})", known, e.get_error_message()));
  }
}

}  // namespace quarry::store
