#pragma once
// Sends what the database says is to be told: claims events that are due, posts them, and writes
// down what came of it. All state is in the database: whoever claimed an event and died leaves it
// to others, who send it again under the same webhook-id. At least once, in no order.
//
// A receiver that is slow holds up itself: so many posts at once to each, and the configuration's
// receivers have places of their own beside those that batches name.

#include "base/clock.h"
#include "base/task.h"
#include "http/client.h"
#include "store/webhook_store.h"

#include <boost/asio/io_context.hpp>

#include "webhook/targets.h"
#include <functional>
#include <memory>

namespace quarry::webhook {

// All of it outlives the deliverer.
struct DelivererWorld {
  boost::asio::io_context& io;
  store::WebhookStore& store;
  const Targets& targets;
  http::Client& client;
  const Clock& clock;              // of due times
  const Clock& wall;               // of signatures: receivers hold them to their own clocks
  std::function<double()> jitter;  // [0, 1)
};

class Deliverer {
 public:
  static constexpr std::chrono::seconds kAttemptTime{15};
  static constexpr int kAtOnce = 24;  // for each, the configuration's receivers and the batches'
  static constexpr int kAtOncePerReceiver = 3;
  static constexpr std::chrono::hours kKeepDelivered{7 * 24};
  static constexpr std::chrono::hours kKeepGivenUp{30 * 24};

  explicit Deliverer(DelivererWorld world);
  ~Deliverer();

  void start();
  // Something may have become due sooner than it was.
  void wake();
  // Ends every attempt at its next suspension, and gives back what was claimed.
  Awaitable<void> stop(Deadline deadline);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace quarry::webhook
