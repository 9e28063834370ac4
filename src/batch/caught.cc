#include "batch/caught.h"

#include <boost/asio/error.hpp>
#include <boost/system/system_error.hpp>
#include <fmt/format.h>

#include <exception>
#include <utility>

namespace quarry::batch {

Task<void> caught(Task<void> step) {
  try {
    co_return co_await std::move(step);
  } catch (const boost::system::system_error& error) {
    if (error.code() == boost::asio::error::operation_aborted) throw;
    co_return fail(Errc::internal, fmt::format("the step threw: {}", error.what()));
  } catch (const std::exception& error) {
    co_return fail(Errc::internal, fmt::format("the step threw: {}", error.what()));
  }
}

}  // namespace quarry::batch
