#pragma once
// For this room's .cc files only: SOCI's PostgreSQL, but that every text passes through
// column_text() on its way in and text_of_column() on its way out.

#include <soci/soci.h>

#include <libpq-fe.h>
#include <string>

namespace quarry::store {

// Opens the session. `conninfo`: libpq's, "host=… dbname=…". Blocks. Throws soci_error.
void open_postgres(soci::session& sql, const std::string& conninfo);

// Of a session that open_postgres() opened.
PGconn* connection_of(soci::session& sql);

}  // namespace quarry::store
