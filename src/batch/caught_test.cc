// What becomes of steps that throw.
#include "batch/caught.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/system/system_error.hpp>
#include <gtest/gtest.h>

#include <new>
#include <optional>
#include <stdexcept>

namespace quarry::batch {
namespace {

enum class Does { succeed, fail_itself, lack_memory, break_logic, break_socket, be_cancelled };

Task<void> step(Does does) {
  switch (does) {
    case Does::fail_itself:
      co_return fail(Errc::unavailable, "no answer");
    case Does::lack_memory:
      throw std::bad_alloc();
    case Does::break_logic:
      throw std::logic_error("two and two");
    case Does::break_socket:
      throw boost::system::system_error(boost::asio::error::connection_reset);
    case Does::be_cancelled:
      throw boost::system::system_error(boost::asio::error::operation_aborted);
    case Does::succeed:
      break;
  }
  co_return Result<void>();
}

Result<void> result_of(Does does) {
  boost::asio::io_context io;
  std::exception_ptr thrown;
  std::optional<Result<void>> result;
  boost::asio::co_spawn(io, caught(step(does)), [&](std::exception_ptr error, Result<void> value) {
    thrown = error;
    result = std::move(value);
  });
  io.run();
  if (thrown) std::rethrow_exception(thrown);
  return *result;
}

TEST(Caught, GivesTheStepsOwnResult) {
  EXPECT_TRUE(result_of(Does::succeed));
  EXPECT_EQ(result_of(Does::fail_itself).error().code(), Errc::unavailable);
}

TEST(Caught, MakesAFailureOfWhatWasThrown) {
  for (const Does does : {Does::lack_memory, Does::break_logic, Does::break_socket}) {
    const auto result = result_of(does);
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().code(), Errc::internal);
  }
  EXPECT_NE(result_of(Does::break_logic).error().message().find("two and two"), std::string::npos);
}

TEST(Caught, LetsCancellationPass) {
  EXPECT_THROW((void)result_of(Does::be_cancelled), boost::system::system_error);
}

}  // namespace
}  // namespace quarry::batch
