#pragma once
// For this room's .cc files only: PostgreSQL: connections that are opened when they are needed and
// again when they are lost.

#include "store/connections.h"
#include "store/outage.h"
#include "store/postgres_url.h"
#include "store/watchdog.h"

#include <chrono>
#include <memory>
#include <mutex>
#include <vector>

namespace quarry::store {

class PostgresPool final : public Connections {
 public:
  struct Options {
    PostgresTarget target;
    int connections = 8;
    // How long a transaction waits for a database that went away just now, before it is
    // unavailable.
    std::chrono::milliseconds patience{5000};
    // How long one attempt at a transaction may take: longer than the server lets a statement run,
    // so that only one that has stopped answering is given up.
    std::chrono::milliseconds silence_max{65'000};
  };

  // Opens one connection and brings the schema up to date; waits `patience` for a server that
  // starts. Throws std::runtime_error that says what to do.
  explicit PostgresPool(Options options);

  // Any thread. A transaction whose connection was lost before its COMMIT was sent, one that met
  // others in a deadlock, and one whose row another inserted first, is done again.
  Result<void> transaction(const Work& work) override;
  int count() const override { return options_.connections; }
  bool shared() const override { return true; }
  std::string name() const override { return "PostgreSQL, " + options_.target.where; }

 private:
  using Time = std::chrono::steady_clock::time_point;
  class Borrowed;
  // lost: with its connection, before it was asked to be done. again: it met another.
  enum class Outcome { done, lost, again, failed };
  struct Attempt {
    Outcome outcome = Outcome::done;
    Error error{Errc::internal, ""};  // unless done
  };

  void open(soci::session& session);
  // If it is not open. Waits for the database until the deadline.
  Result<void> open_within(soci::session& session, Time deadline);
  Attempt attempt(soci::session& session, const Work& work);
  std::unique_ptr<soci::session> take();
  void give_back(std::unique_ptr<soci::session> session);

  Options options_;
  Outage outage_;
  Watchdog watchdog_;
  std::mutex mutex_;
  std::vector<std::unique_ptr<soci::session>> idle_;  // the last used one last
};

}  // namespace quarry::store
