#include "aws/service_quotas.h"

#include "aws/testing/scripted_client.h"
#include "base/testing/run.h"

#include <boost/json.hpp>
#include <gtest/gtest.h>

namespace quarry::aws {
namespace {

using namespace std::chrono_literals;
using quarry::testing::run;
using quarry::testing::ScriptedClient;
using quarry::testing::StandingClock;

struct Quotas : ::testing::Test {
  ScriptedClient http;
  StandingClock clock{SysTime(1s)};
  BlockingPool pool{1};
  std::shared_ptr<ServiceQuotas> client =
      make_service_quotas({http, clock, pool},
                          static_credentials({"AKID", Secret<std::string>("s"), {}}),
                          aws_endpoint("servicequotas", "us-east-1"),
                          "us-east-1",
                          [] { return 0.0; });
  Result<std::vector<Quota>> list() { return run(client->list("bedrock", Deadline::after(10s))); }
};

TEST_F(Quotas, ReadsAllPages) {
  http.answer(200, R"({"NextToken":"n","Quotas":[{"ServiceCode":"bedrock","QuotaCode":"L-1",)"
                   R"("QuotaName":"Records for X","Value":100000.0,"Adjustable":true}]})");
  http.answer(200, R"({"Quotas":[{"QuotaCode":"L-2","QuotaName":"Jobs for X","Value":20,)"
                   R"("Adjustable":false},{"QuotaCode":"L-3","QuotaName":"without a value"}]})");
  const auto quotas = list();
  ASSERT_TRUE(quotas) << quotas.error().message();
  ASSERT_EQ(quotas->size(), 2u);
  EXPECT_EQ(quotas->at(0).name, "Records for X");
  EXPECT_EQ(quotas->at(0).value, 100'000);
  EXPECT_TRUE(quotas->at(0).adjustable);
  EXPECT_EQ(quotas->at(1).value, 20);
  ASSERT_EQ(http.sent().size(), 2u);
  const auto& second = http.sent()[1];
  EXPECT_EQ(second.url, "https://servicequotas.us-east-1.amazonaws.com/");
  EXPECT_EQ(second.headers.get("X-Amz-Target"), "ServiceQuotasV20190624.ListServiceQuotas");
  EXPECT_EQ(second.headers.get("Content-Type"), "application/x-amz-json-1.1");
  EXPECT_TRUE(second.headers.get("Authorization")->contains("/servicequotas/aws4_request"));
  EXPECT_EQ(boost::json::parse(second.body),
            boost::json::parse(R"({"ServiceCode":"bedrock","MaxResults":100,"NextToken":"n"})"));
}

TEST_F(Quotas, ARefusalIsForbidden) {
  http.answer(400, R"({"__type":"AccessDeniedException","Message":"not authorized"})");
  const auto quotas = list();
  ASSERT_FALSE(quotas);
  EXPECT_EQ(quotas.error().code(), Errc::forbidden);
}

TEST_F(Quotas, PagesWithoutEndAreGivenUp) {
  for (int i = 0; i <= ServiceQuotas::kPagesMax; ++i) {
    http.answer(200, R"({"NextToken":"again","Quotas":[]})");
  }
  ASSERT_FALSE(list());
  EXPECT_EQ(http.unanswered(), 1u);
}

TEST_F(Quotas, AnotherShapeIsCorrupt) {
  http.answer(200, "<html>");
  const auto quotas = list();
  ASSERT_FALSE(quotas);
  EXPECT_EQ(quotas.error().code(), Errc::corrupt);
}

}  // namespace
}  // namespace quarry::aws
