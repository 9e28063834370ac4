#include "store/testing/scratch_database.h"

#include <libpq-fe.h>
#include <sqlite3.h>
#include <stdexcept>

namespace quarry::testing {
namespace {

std::string run(const std::string& url, const std::string& statement) {
  const std::unique_ptr<PGconn, decltype(&PQfinish)> connection(PQconnectdb(url.c_str()), PQfinish);
  const std::unique_ptr<PGresult, decltype(&PQclear)> result(
      PQexec(connection.get(), ("SET client_min_messages = warning; " + statement).c_str()),
      PQclear);
  const ExecStatusType status = PQresultStatus(result.get());
  if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK) {
    throw std::runtime_error(statement + ": " + PQerrorMessage(connection.get()));
  }
  return PQntuples(result.get()) > 0 ? PQgetvalue(result.get(), 0, 0) : "";
}

}  // namespace

ScratchSchema::ScratchSchema() : name_("test_" + random_hex128()) {
  run(postgres_for_tests(), "CREATE SCHEMA " + name_);
}

ScratchSchema::~ScratchSchema() { run(postgres_for_tests(), "DROP SCHEMA " + name_ + " CASCADE"); }

std::string ScratchSchema::url() const {
  const std::string url = postgres_for_tests();
  return url + (url.find('?') == std::string::npos ? "?" : "&") + "options=-csearch_path%3D" +
         name_ + "&application_name=" + name_;
}

std::string ScratchSchema::query(const std::string& statement) const {
  return run(url(), statement);
}

// The server takes a moment to end one, and gives no sign when it has.
void ScratchSchema::end_connections() const {
  const std::string those =
      " FROM pg_stat_activity WHERE application_name = '" + name_ + "' AND pid <> pg_backend_pid()";
  run(postgres_for_tests(), "SELECT COUNT(pg_terminate_backend(pid, 10000))" + those);
}

void ScratchDatabase::make_empty() {
  close();
  if (schema_) {
    schema_.reset();
    schema_ = std::make_unique<ScratchSchema>();
  } else {
    for (const char* name : {"quarry.db", "quarry.db-wal", "quarry.db-shm"}) {
      std::filesystem::remove(directory_ / name);
    }
  }
}

std::string ScratchDatabase::query(const std::string& statement) const {
  if (schema_) return schema_->query(statement);
  sqlite3* opened = nullptr;
  sqlite3_open((directory_ / "quarry.db").c_str(), &opened);
  const std::unique_ptr<sqlite3, decltype(&sqlite3_close)> connection(opened, sqlite3_close);
  sqlite3_busy_timeout(opened, 10'000);
  std::string first;
  const auto keep = [](void* into, int count, char** values, char** /*names*/) {
    auto& text = *static_cast<std::string*>(into);
    if (count > 0 && values[0] != nullptr && text.empty()) text = values[0];
    return 0;
  };
  if (sqlite3_exec(opened, statement.c_str(), keep, &first, nullptr) != SQLITE_OK) {
    throw std::runtime_error(statement + ": " + sqlite3_errmsg(opened));
  }
  return first;
}

}  // namespace quarry::testing
