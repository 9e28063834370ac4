#pragma once
// For this room's .cc files only: the functions of PostgreSQL's that the statements use and SQLite
// lacks.

#include <soci/soci.h>

namespace quarry::store {

// LEAST and GREATEST, which pass NULLs over. The session is one of SQLite's.
void add_sqlite_functions(soci::session& sql);

}  // namespace quarry::store
