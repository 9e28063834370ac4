// What a transaction does when the connection, or another transaction, is in its way.
#include "store/away.h"
#include "store/migration.h"
#include "store/postgres_pool.h"
#include "store/schema.h"
#include "store/session.h"
#include "store/testing/servers.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <latch>
#include <stdexcept>
#include <string>
#include <thread>

namespace quarry::store {
namespace {

using namespace std::chrono_literals;

class Pool : public ::testing::Test {
 protected:
  Pool() { schema_.query("CREATE TABLE notes (word TEXT PRIMARY KEY, n BIGINT NOT NULL)"); }

  PostgresPool::Options options(const std::string& more = {}) const {
    auto target = parse_postgres_url(schema_.url() + more);
    return {.target = std::move(*target), .connections = 2, .patience = 30s};
  }
  static void write(soci::session& sql, const std::string& word) {
    sql << "INSERT INTO notes (word, n) VALUES (:word, 1)", soci::use(word);
  }
  std::string count() const { return schema_.query("SELECT COUNT(*) FROM notes"); }

  testing::ScratchSchema schema_;
};

TEST_F(Pool, OpensAConnectionAgainThatTheServerEnded) {
  PostgresPool pool(options());
  schema_.end_connections();
  const auto done = pool.transaction([](soci::session& sql) {
    write(sql, "a");
    return true;
  });
  EXPECT_TRUE(done) << done.error().message();
  EXPECT_EQ(count(), "1");
}

TEST_F(Pool, DoesATransactionAgainWhoseConnectionWasLostInTheMiddle) {
  PostgresPool pool(options());
  int runs = 0;
  const auto done = pool.transaction([&](soci::session& sql) {
    write(sql, "a");
    if (++runs == 1) schema_.end_connections();
    write(sql, "b");
    return true;
  });
  EXPECT_TRUE(done) << done.error().message();
  EXPECT_EQ(runs, 2);
  EXPECT_EQ(count(), "2");
}

TEST_F(Pool, DoesNotRepeatATransactionWhoseCommitWasNotAnswered) {
  PostgresPool pool(options());
  int runs = 0;
  const auto done = pool.transaction([&](soci::session& sql) {
    ++runs;
    write(sql, "a");
    schema_.end_connections();
    return true;
  });
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code(), Errc::unavailable);
  EXPECT_EQ(runs, 1);
}

TEST_F(Pool, DoesOneOfTwoAgainThatWaitForEachOther) {
  PostgresPool pool(options());
  schema_.query("INSERT INTO notes VALUES ('a', 0), ('b', 0)");
  std::latch both(2);
  const auto add = [](soci::session& sql, const std::string& word) {
    sql << "UPDATE notes SET n = n + 1 WHERE word = :word", soci::use(word);
  };
  const auto in_order = [&](const std::string& first, const std::string& second) {
    bool again = false;
    const auto done = pool.transaction([&](soci::session& sql) {
      add(sql, first);
      if (!again) both.arrive_and_wait();
      again = true;
      add(sql, second);
      return true;
    });
    EXPECT_TRUE(done) << done.error().message();
  };
  std::jthread other([&] { in_order("b", "a"); });
  in_order("a", "b");
  other.join();
  EXPECT_EQ(schema_.query("SELECT MIN(n) || ' ' || MAX(n) FROM notes"), "2 2");
}

TEST_F(Pool, LooksAgainWhenAnotherInsertedTheRowFirst) {
  PostgresPool pool(options());
  int runs = 0;
  const auto done = pool.transaction([&](soci::session& sql) {
    ++runs;
    long long there = 0;
    sql << "SELECT COUNT(*) FROM notes WHERE word = 'a'", soci::into(there);
    if (there > 0) return true;
    if (runs == 1) schema_.query("INSERT INTO notes VALUES ('a', 0)");
    write(sql, "a");
    return true;
  });
  EXPECT_TRUE(done) << done.error().message();
  EXPECT_EQ(runs, 2);
}

TEST_F(Pool, IsUsableAfterAFailureAndForgetsItsStatements) {
  PostgresPool pool(options());
  const auto failed = pool.transaction([](soci::session& sql) {
    soci::statement kept = (sql.prepare << "SELECT 1 FROM notes");
    sql << "SELECT nothing FROM nowhere";
    return true;
  });
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().code(), Errc::internal);
  long long prepared = -1;
  const auto done = pool.transaction([&](soci::session& sql) {
    sql << "SELECT COUNT(*) FROM pg_prepared_statements", soci::into(prepared);
    return true;
  });
  EXPECT_TRUE(done);
  EXPECT_EQ(prepared, 0);
}

TEST_F(Pool, SaysAtOnceThatAStatementOfOursIsBoundWrongly) {
  PostgresPool pool(options());
  int runs = 0;
  const auto done = pool.transaction([&](soci::session& sql) {
    ++runs;
    long long n = 0;
    soci::statement unbound = (sql.prepare << "SELECT n FROM notes WHERE word = $1", soci::into(n));
    unbound.execute(true);
    return true;
  });
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code(), Errc::internal) << done.error().message();
  EXPECT_NE(done.error().message().find("bind message"), std::string::npos)
      << done.error().message();
  EXPECT_EQ(runs, 1);
}

TEST_F(Pool, SaysUnavailableOfAStatementThatTakesTooLong) {
  PostgresPool pool(options());
  const auto done = pool.transaction([](soci::session& sql) {
    sql << "SET LOCAL statement_timeout = 1";
    sql << "SELECT pg_sleep(60)";
    return true;
  });
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code(), Errc::unavailable);
}

// As of a server that is frozen or cut off: the others must not wait for it until their leases end.
TEST_F(Pool, EndsATransactionThatDoesNothingAndDoesItAgain) {
  PostgresPool pool(options());
  std::string timeouts;
  int runs = 0;
  const auto done = pool.transaction([&](soci::session& sql) {
    sql << "SELECT current_setting('idle_in_transaction_session_timeout') || ' ' || "
           "current_setting('lock_timeout')",
        soci::into(timeouts);
    if (++runs == 1) {
      long long pid = 0;
      sql << "SELECT pg_backend_pid()", soci::into(pid);
      sql << "SET LOCAL idle_in_transaction_session_timeout = 1";
      while (schema_.query(
                 fmt::format("SELECT COUNT(*) FROM pg_stat_activity WHERE pid = {}", pid)) != "0") {
      }
    }
    write(sql, "a");
    return true;
  });
  EXPECT_TRUE(done) << done.error().message();
  EXPECT_EQ(timeouts, "5s 4s");
  EXPECT_EQ(runs, 2);
}

TEST_F(Pool, GivesUpAConnectionThatDoesNotAnswer) {
  auto impatient = options();
  impatient.patience = 0ms;
  impatient.silence_max = 200ms;
  PostgresPool pool(impatient);
  const auto silent = pool.transaction([](soci::session& sql) {
    sql << "SET LOCAL statement_timeout = '10s'";
    sql << "SELECT pg_sleep(60)";
    return true;
  });
  ASSERT_FALSE(silent);
  EXPECT_EQ(silent.error().code(), Errc::unavailable) << silent.error().message();
  EXPECT_EQ(silent.error().reason(), kDatabaseAway) << silent.error().message();
  EXPECT_TRUE(pool.transaction([](soci::session& sql) {
    write(sql, "a");
    return true;
  }));
  EXPECT_EQ(count(), "1");
}

// A connection that was opened again after a failover would be read from, old as its rows are.
TEST_F(Pool, DoesNotReadFromAStandby) {
  auto impatient = options();
  // What the schema has comes before PostgreSQL's own.
  impatient.target.conninfo +=
      " options='-csearch_path=" + schema_.query("SELECT current_schema()") + ",pg_catalog'";
  impatient.patience = 0ms;
  PostgresPool pool(impatient);
  schema_.query(
      "CREATE FUNCTION pg_is_in_recovery() RETURNS boolean LANGUAGE sql AS 'SELECT true'");
  schema_.end_connections();
  const auto nothing = [](soci::session&) { return true; };
  EXPECT_FALSE(pool.transaction(nothing));  // the connection is lost
  const auto on_standby = pool.transaction(nothing);
  ASSERT_FALSE(on_standby);
  EXPECT_EQ(on_standby.error().reason(), kDatabaseAway);
  EXPECT_NE(on_standby.error().message().find("a standby"), std::string::npos)
      << on_standby.error().message();
}

TEST_F(Pool, RefusesAValueThatNoIndexTakes) {
  PostgresPool pool(options());
  std::string word;
  while (word.size() < 8192) word += random_hex128();
  const auto done = pool.transaction([&](soci::session& sql) {
    write(sql, word);
    return true;
  });
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code(), Errc::invalid_request);
}

// SOCI's own words for an error hold the statement's values.
TEST_F(Pool, PutsNoValueIntoAnError) {
  PostgresPool pool(options());
  const auto done = pool.transaction([](soci::session& sql) {
    const std::string value = "hunter2";
    sql << "INSERT INTO nowhere VALUES (:value)", soci::use(value);
    return true;
  });
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().message().find("hunter2"), std::string::npos) << done.error().message();
}

TEST_F(Pool, SetsWhatASessionOfAnyRoleNeeds) {
  PostgresPool pool(options());
  std::string isolation, zone, timeout;
  const auto done = pool.transaction([&](soci::session& sql) {
    sql << "SELECT current_setting('transaction_isolation'), current_setting('TimeZone'), "
           "current_setting('statement_timeout')",
        soci::into(isolation), soci::into(zone), soci::into(timeout);
    return true;
  });
  ASSERT_TRUE(done);
  EXPECT_EQ(isolation + " " + zone + " " + timeout, "read committed UTC 1min");
}

TEST_F(Pool, ServersThatStartAtOnceMakeTheSchemaOnce) {
  std::latch start(4);
  std::vector<std::jthread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      start.arrive_and_wait();
      EXPECT_NO_THROW(const PostgresPool pool(options()));
    });
  }
  threads.clear();
  EXPECT_EQ(schema_.query("SELECT COUNT(*) || ' ' || MAX(version) FROM schema_version"),
            "1 " + std::to_string(migrations().size()));
}

std::string why_not(const PostgresPool::Options& options) {
  try {
    const PostgresPool pool(options);
  } catch (const std::runtime_error& e) {
    return e.what();
  }
  return "";
}

class PoolOfALesserUser : public Pool {
 protected:
  PoolOfALesserUser() {
    schema_.query("CREATE ROLE " + role_ + " LOGIN");
    schema_.query("GRANT USAGE ON SCHEMA " + schema_name() + " TO " + role_);
  }
  ~PoolOfALesserUser() override {
    schema_.query("DROP OWNED BY " + role_ + "; DROP ROLE " + role_);
  }
  std::string schema_name() const { return schema_.query("SELECT current_schema()"); }
  std::string all_rights() const {
    return "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA " + schema_name() +
           " TO " + role_;
  }
  PostgresPool::Options as_role() const { return options("&user=" + role_); }

  const std::string role_ = "role_" + random_hex128();
};

TEST_F(PoolOfALesserUser, IsToldWhatToGrant) {
  const std::string why = why_not(as_role());
  EXPECT_NE(why.find("GRANT USAGE, CREATE ON SCHEMA"), std::string::npos) << why;
}

TEST_F(PoolOfALesserUser, MayServeASchemaThatIsUpToDate) {
  {
    const PostgresPool owner(options());
  }
  schema_.query(all_rights());
  PostgresPool pool(as_role());
  const auto done = pool.transaction([](soci::session& sql) {
    write(sql, "a");
    return true;
  });
  EXPECT_TRUE(done) << done.error().message();
}

TEST_F(PoolOfALesserUser, NeedsNoMoreThanToReadTheVersionOfTheSchema) {
  {
    const PostgresPool owner(options());
  }
  schema_.query(all_rights());
  schema_.query("REVOKE INSERT, UPDATE, DELETE ON schema_version FROM " + role_);
  EXPECT_EQ(why_not(as_role()), "");
}

// Rather than a server that is ready and answers 500.
TEST_F(PoolOfALesserUser, IsToldTheRightThatIsMissing) {
  {
    const PostgresPool owner(options());
  }
  for (const std::string right : {"SELECT", "INSERT", "UPDATE", "DELETE"}) {
    for (const std::string table : {"files", "webhook_deliveries"}) {
      schema_.query(all_rights());
      schema_.query("REVOKE " + right + " ON " + table + " FROM " + role_);
      const std::string why = why_not(as_role());
      EXPECT_NE(why.find("no right to " + right + " on table " + table), std::string::npos) << why;
      EXPECT_NE(why.find(all_rights()), std::string::npos) << why;
    }
  }
}

TEST_F(PoolOfALesserUser, WithoutAnyRightOnASchemaThatIsUpToDateIsNotToldToCreate) {
  {
    const PostgresPool owner(options());
  }
  const std::string why = why_not(as_role());
  EXPECT_NE(why.find(all_rights()), std::string::npos) << why;
  EXPECT_EQ(why.find("CREATE"), std::string::npos) << why;
}

TEST_F(Pool, RefusesASchemaOfAnotherProgram) {
  schema_.query("CREATE TABLE files (name TEXT)");
  const std::string why = why_not(options());
  EXPECT_NE(why.find("a schema of its own"), std::string::npos) << why;
}

TEST_F(Pool, RefusesAReadOnlyDatabase) {
  auto read_only = options();
  read_only.target.conninfo +=
      " options='-csearch_path=" + schema_.query("SELECT current_schema()") +
      " -cdefault_transaction_read_only=on'";
  const std::string why = why_not(read_only);
  EXPECT_NE(why.find("the database is read-only"), std::string::npos) << why;
}

TEST_F(Pool, GivesUpAServerThatIsNotThereWithoutItsPassword) {
  auto target = parse_postgres_url("postgresql://me:hunter2@/db?host=/nowhere/at/all");
  const std::string why = why_not({.target = std::move(*target), .connections = 1, .patience = 0s});
  EXPECT_NE(why.find("/nowhere/at/all"), std::string::npos) << why;
  EXPECT_EQ(why.find("hunter2"), std::string::npos) << why;
}

}  // namespace
}  // namespace quarry::store
