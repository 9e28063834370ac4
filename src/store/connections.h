#pragma once
// For this room's .cc files only: where transactions run, whichever the engine.

#include "base/result.h"

#include <soci/soci.h>

#include <functional>
#include <string>

namespace quarry::store {

class Connections {
 public:
  virtual ~Connections() = default;

  // Runs `work` as one transaction, on the calling thread, which waits. work gives whether to
  // commit, and may be run several times: what it did before is undone then, but for what it did
  // outside of the database. What it throws rolls back and becomes internal. Also: unavailable (the
  // database is away, or was lost when nobody can say whether the commit was done).
  using Work = std::function<bool(soci::session&)>;
  virtual Result<void> transaction(const Work& work) = 0;

  // How many threads may call transaction() at once.
  virtual int count() const = 0;
  // Whether other servers may use the database too.
  virtual bool shared() const = 0;
  // Which database, for a log.
  virtual std::string name() const = 0;
};

}  // namespace quarry::store
