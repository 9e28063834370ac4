#include "store/postgres_pool.h"

#include "obs/log.h"
#include "store/away.h"
#include "store/migration.h"
#include "store/postgres_session.h"

#include <fmt/format.h>
#include <soci/postgresql/soci-postgresql.h>

#include <algorithm>
#include <array>
#include <random>
#include <stdexcept>
#include <thread>
#include <utility>

namespace quarry::store {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr milliseconds kTryInterval{500};
constexpr milliseconds kFirstPause{20};
constexpr milliseconds kLongestPause{500};
// Of one transaction that meets others.
constexpr int kConflictsMax = 12;
constexpr const char* kUniqueViolation = "23505";
constexpr const char* kTooLong = "54000";  // program_limit_exceeded: an index' 2,704 bytes a row

// What one connection is set to. A transaction is a few statements and never waits for anybody but
// the database: a server that says nothing in the middle of one is frozen or cut off, and its locks
// hold up all others. They are to be free again well within a lease, before others lose theirs.
constexpr const char* kSettings =
    "SELECT set_config('default_transaction_isolation', 'read committed', false), "
    "set_config('TimeZone', 'UTC', false), "
    "set_config('standard_conforming_strings', 'on', false), "
    "set_config('statement_timeout', '60s', false), "
    "set_config('lock_timeout', '4s', false), "
    "set_config('idle_in_transaction_session_timeout', '5s', false)";

// The codes: https://www.postgresql.org/docs/current/errcodes-appendix.html
bool connection_is_gone(const std::string& sqlstate) {
  // protocol_violation: a statement of ours that is bound wrongly. Another try changes nothing.
  if (sqlstate == "08P01") return false;
  return sqlstate.starts_with(" ") ||    // SOCI: no answer of the server's says one
         sqlstate.starts_with("08") ||   // connection_exception
         sqlstate.starts_with("57P") ||  // admin_shutdown, crash_shutdown, cannot_connect_now, …
         sqlstate == "25P03" ||          // idle_in_transaction_session_timeout
         sqlstate == "25006";            // read_only_sql_transaction: it is no longer the primary
}
// Deadlocks and failures to serialize; and a row that another transaction inserted between this
// one's look and its own insertion, which the next look finds.
bool met_another(const std::string& sqlstate) {
  return sqlstate == "40P01" || sqlstate == "40001" || sqlstate == kUniqueViolation;
}
bool passes(const std::string& sqlstate) {
  return sqlstate == "55P03" ||         // lock_not_available: lock_timeout
         sqlstate == "57014" ||         // query_canceled: statement_timeout
         sqlstate.starts_with("53") ||  // insufficient_resources
         sqlstate.starts_with("58");    // system_error
}

// Not for clients: they are told that the server is busy.
Error away(const std::string& cause) {
  return Error(Errc::unavailable, "the database cannot be reached: " + cause).reason(kDatabaseAway);
}

milliseconds jittered(milliseconds pause) {
  thread_local std::minstd_rand random(std::random_device{}());
  return milliseconds(
      std::uniform_int_distribution<milliseconds::rep>(pause.count() / 2, pause.count())(random));
}

// Without what SOCI adds to it, the statement's values among it.
std::string words_of(const soci::soci_error& error) {
  std::string words = error.get_error_message();
  while (!words.empty() && words.back() == '\n') words.pop_back();
  std::ranges::replace(words, '\n', ' ');
  return words;
}

// A server that is there and will not have us; others may still be starting.
bool says_no(const std::string& words) {
  constexpr std::array kRefusals{"authentication failed", "does not exist", "no pg_hba.conf entry",
                                 "no password supplied"};
  return std::ranges::any_of(
      kRefusals, [&](const char* refusal) { return words.find(refusal) != std::string::npos; });
}

bool is_open(soci::session& session) {
  return session.get_backend() != nullptr && PQstatus(connection_of(session)) == CONNECTION_OK;
}

void roll_back(soci::session& session, Watchdog& watchdog) {
  try {
    const Watchdog::Watch watched(watchdog, PQsocket(connection_of(session)));
    session.rollback();
    // A statement that ended in a transaction that had failed could not be forgotten then.
    session << "DEALLOCATE ALL";
  } catch (const std::exception&) {  // opened again by whoever uses it next
    session.close();
  }
}

// What no later try changes. Throws std::runtime_error.
void check_server(soci::session& session) {
  constexpr int kOldest = 120000;
  PGconn* connection = connection_of(session);
  if (PQserverVersion(connection) < kOldest) {
    throw std::runtime_error("the server is older than PostgreSQL 12");
  }
  const char* encoding = PQparameterStatus(connection, "server_encoding");
  if (encoding == nullptr || std::string_view(encoding) != "UTF8") {
    throw std::runtime_error(
        fmt::format("the database's encoding is {}; hint: make one with ENCODING 'UTF8' TEMPLATE "
                    "template0",
                    encoding == nullptr ? "not known" : encoding));
  }
}

}  // namespace

// A connection on its way from idle to idle.
class PostgresPool::Borrowed {
 public:
  explicit Borrowed(PostgresPool& pool) : pool_(pool), session_(pool.take()) {}
  ~Borrowed() { pool_.give_back(std::move(session_)); }
  Borrowed(const Borrowed&) = delete;
  Borrowed& operator=(const Borrowed&) = delete;
  soci::session& operator*() const { return *session_; }

 private:
  PostgresPool& pool_;
  std::unique_ptr<soci::session> session_;
};

PostgresPool::PostgresPool(Options options)
    : options_(std::move(options)),
      outage_(options_.patience, kTryInterval),
      watchdog_(options_.silence_max) {
  const Time deadline = steady_clock::now() + options_.patience;
  const Borrowed session(*this);
  for (milliseconds pause = kFirstPause;; pause = std::min(2 * pause, kLongestPause)) {
    try {
      open(*session);
      check_server(*session);
      migrate(*session);
      return;
    } catch (const soci::soci_error& e) {
      const std::string words = words_of(e);
      if (says_no(words) || steady_clock::now() + pause > deadline) {
        throw std::runtime_error(fmt::format("cannot open {}: {}", name(), words));
      }
    } catch (const std::runtime_error& e) {
      throw std::runtime_error(fmt::format("cannot open {}: {}", name(), e.what()));
    }
    std::this_thread::sleep_for(pause);
  }
}

Result<void> PostgresPool::transaction(const Work& work) {
  const Borrowed session(*this);
  const Time deadline = steady_clock::now() + options_.patience;
  int conflicts = 0;
  for (milliseconds pause = kFirstPause;; pause = std::min(2 * pause, kLongestPause)) {
    if (auto opened = open_within(*session, deadline); !opened) return opened;
    Attempt made = attempt(*session, work);
    switch (made.outcome) {
      case Outcome::done:
        return {};
      case Outcome::lost:
        if (steady_clock::now() + pause > deadline) return fail(std::move(made.error));
        break;
      case Outcome::again:
        if (++conflicts > kConflictsMax) return fail(std::move(made.error));
        break;
      case Outcome::failed:
        return fail(std::move(made.error));
    }
    std::this_thread::sleep_for(jittered(pause));
  }
}

PostgresPool::Attempt PostgresPool::attempt(soci::session& session, const Work& work) {
  bool committing = false;
  try {
    const Watchdog::Watch watched(watchdog_, PQsocket(connection_of(session)));
    session.begin();
    if (!work(session)) {
      roll_back(session, watchdog_);
      return {};
    }
    committing = true;
    session.commit();
    return {};
  } catch (const soci::soci_error& e) {
    const auto* postgres = dynamic_cast<const soci::postgresql_soci_error*>(&e);
    const std::string sqlstate = postgres != nullptr ? postgres->sqlstate() : "";
    const std::string words = words_of(e);
    if (!is_open(session) || connection_is_gone(sqlstate)) {
      session.close();
      if (!committing) return {Outcome::lost, away(words)};
      return {Outcome::failed, away("it is not known whether the transaction was done: " + words)};
    }
    roll_back(session, watchdog_);
    if (sqlstate == kTooLong) {
      return {Outcome::failed,
              Error(Errc::invalid_request, "A value of the request is too long to be stored.")};
    }
    if (met_another(sqlstate)) {
      return {Outcome::again,
              Error(sqlstate == kUniqueViolation ? Errc::internal : Errc::unavailable,
                    "database: " + words)};
    }
    return {Outcome::failed,
            Error(passes(sqlstate) ? Errc::unavailable : Errc::internal, "database: " + words)};
  } catch (const std::exception& e) {  // what a row that is not ours makes of reading it
    roll_back(session, watchdog_);
    return {Outcome::failed, Error(Errc::internal, std::string("database: ") + e.what())};
  }
}

void PostgresPool::open(soci::session& session) {
  session.close();
  open_postgres(session, options_.target.conninfo);
  const Watchdog::Watch watched(watchdog_, PQsocket(connection_of(session)));
  session << kSettings;
  // After a failover the name may still lead to the old primary for a while.
  int standby = 0;
  session << "SELECT CASE WHEN pg_is_in_recovery() THEN 1 ELSE 0 END", soci::into(standby);
  if (standby != 0) throw soci::soci_error("it is a standby, and not the primary");
}

Result<void> PostgresPool::open_within(soci::session& session, Time deadline) {
  if (is_open(session)) return {};
  for (milliseconds pause = kFirstPause;; pause = std::min(2 * pause, kLongestPause)) {
    if (!outage_.may_try(steady_clock::now())) {
      return fail(away("it was tried a moment ago"));
    }
    try {
      open(session);
      if (const auto length = outage_.ended(steady_clock::now())) {
        obs::info("the database is back", {{"after_ms", length->count()}});
      }
      return {};
    } catch (const soci::soci_error& e) {
      const std::string words = words_of(e);
      session.close();
      if (outage_.failed(steady_clock::now())) {
        obs::error("the database cannot be reached", {{"message", words}});
      }
      if (steady_clock::now() + pause > deadline) return fail(away(words));
    }
    std::this_thread::sleep_for(jittered(pause));
  }
}

std::unique_ptr<soci::session> PostgresPool::take() {
  const std::scoped_lock lock(mutex_);
  if (idle_.empty()) return std::make_unique<soci::session>();
  auto session = std::move(idle_.back());
  idle_.pop_back();
  return session;
}

void PostgresPool::give_back(std::unique_ptr<soci::session> session) {
  const std::scoped_lock lock(mutex_);
  idle_.push_back(std::move(session));
}

}  // namespace quarry::store
