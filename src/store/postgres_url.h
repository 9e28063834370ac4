#pragma once
// For this room's .cc files only: a connection URI as what libpq is given, and what may be told of
// it.

#include "base/result.h"

#include <string>
#include <string_view>

namespace quarry::store {

bool is_postgres_url(std::string_view url);

struct PostgresTarget {
  std::string conninfo;  // "host='…' password='…' …": never for a log
  // "db.example:5432, database quarry"; no user, no password.
  std::string where;
};

// Adds what the URI does not say: how soon a connection that is dead is known to be, and the
// server's name for us. Prisma's own parameters (LiteLLM's DATABASE_URL may have them) are left
// out; its `schema` is kept as the search path. Also the environment's PGHOST and the like count,
// as for any client of libpq. Errors: invalid_request, in words that hold nothing of the URI.
Result<PostgresTarget> parse_postgres_url(const std::string& url);

}  // namespace quarry::store
