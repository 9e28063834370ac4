#include "store/measured_connections.h"

#include "obs/metrics.h"

#include <chrono>
#include <string_view>
#include <utility>

namespace quarry::store {
namespace {

// One connection in use, however its transaction ends.
class InUse {
 public:
  InUse() { obs::add(obs::Gauge::database_connections_used, {}, 1); }
  ~InUse() { obs::add(obs::Gauge::database_connections_used, {}, -1); }
  InUse(const InUse&) = delete;
  InUse& operator=(const InUse&) = delete;
};

class MeasuredConnections final : public Connections {
 public:
  explicit MeasuredConnections(std::unique_ptr<Connections> inner) : inner_(std::move(inner)) {
    obs::set(obs::Gauge::database_connections_limit, {}, inner_->count());
  }

  Result<void> transaction(const Work& work) override {
    const InUse in_use;
    const auto begun = std::chrono::steady_clock::now();
    bool committed = false;
    auto done = inner_->transaction([&](soci::session& sql) { return committed = work(sql); });
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begun;
    obs::observe(obs::Histogram::database_transaction_seconds, {}, took.count());
    const std::string_view outcome = !done ? "failed" : committed ? "committed" : "refused";
    obs::count(obs::Counter::database_transactions, {outcome});
    return done;
  }

  int count() const override { return inner_->count(); }
  bool shared() const override { return inner_->shared(); }
  std::string name() const override { return inner_->name(); }

 private:
  std::unique_ptr<Connections> inner_;
};

}  // namespace

std::unique_ptr<Connections> measured(std::unique_ptr<Connections> connections) {
  return std::make_unique<MeasuredConnections>(std::move(connections));
}

}  // namespace quarry::store
