#include "cli/keys_report.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace quarry::cli {
namespace {

using testing::HasSubstr;
using testing::Not;

KeysOptions options(std::string route) {
  KeysOptions made;
  made.route = std::move(route);
  return made;
}

TEST(KeysRequest, SaysWhatWasTypedInTheServersWords) {
  KeysOptions generate = options("key/generate");
  generate.members = {{"key_alias", "7"},  {"max_budget", "0.5"},
                      {"rpm_limit", "3"},  {"metadata", R"({"x": 1})"},
                      {"blocked", "true"}, {"max_open_batches", "none"}};
  generate.models = {"a", "b/*"};
  EXPECT_EQ(*body_of(generate),
            R"({"key_alias":"7","max_budget":0.5,"rpm_limit":3,"metadata":{"x":1},"blocked":true,)"
            R"("max_open_batches":null,"models":["a","b/*"]})");
  EXPECT_EQ(query_of(generate), "");
}

TEST(KeysRequest, NoneTakesAway) {
  KeysOptions update = options("key/update");
  update.names = {"sk-x"};
  update.models = {"none"};
  update.members = {{"key_alias", "none"}};
  EXPECT_EQ(*body_of(update), R"({"key":"sk-x","key_alias":null,"models":[]})");
}

// The server says what is wrong with it, by the member's name.
TEST(KeysRequest, WhatIsNoNumberGoesAsItIs) {
  KeysOptions generate = options("key/generate");
  generate.members = {{"rpm_limit", "many"}};
  EXPECT_EQ(*body_of(generate), R"({"rpm_limit":"many"})");
}

TEST(KeysRequest, MetadataMustBeJson) {
  KeysOptions generate = options("key/generate");
  generate.members = {{"metadata", "{x"}};
  EXPECT_THAT(body_of(generate).error().message(), HasSubstr("--metadata"));
}

TEST(KeysRequest, NamesKeysAndTeamsWhereTheRouteLooksForThem) {
  KeysOptions remove = options("key/delete");
  remove.names = {"sk-a", "sk-b"};
  EXPECT_EQ(*body_of(remove), R"({"keys":["sk-a","sk-b"]})");
  remove.route = "team/delete";
  EXPECT_EQ(*body_of(remove), R"({"team_ids":["sk-a","sk-b"]})");
  KeysOptions block = options("team/block");
  block.names = {"red"};
  EXPECT_EQ(*body_of(block), R"({"team_id":"red"})");
  KeysOptions info = options("key/info");
  info.names = {"a&b"};
  EXPECT_EQ(query_of(info), "?key=a%26b");
  EXPECT_EQ(*body_of(info), "");
  KeysOptions list = options("key/list");
  list.query = {{"user_id", "ann"}, {"page", "2"}};
  EXPECT_EQ(query_of(list), "?user_id=ann&page=2");
}

TEST(KeysAnswer, ShowsTheKeyOnceAndSaysSo) {
  const Shown shown =
      render_answer("key/generate", R"({"key":"sk-text","token_id":"h","token":"h","models":[],)"
                                    R"("max_budget":2.5,"key_alias":null})");
  EXPECT_EQ(shown.out, "sk-text\n") << "for a script, which takes all of it";
  EXPECT_THAT(shown.notes, HasSubstr("shown this once"));
  EXPECT_THAT(shown.notes, Not(HasSubstr("sk-text")));
  EXPECT_THAT(shown.notes, HasSubstr("$2.50"));
  EXPECT_THAT(shown.notes, Not(HasSubstr("key_alias"))) << "what is not set is left out";
}

TEST(KeysAnswer, NamesWhatWasNotThereToDelete) {
  const Shown all = render_answer("key/delete", R"({"deleted_keys":["sk-a"],"deleted_count":1})");
  EXPECT_EQ(all.out, "deleted: 1\n");
  EXPECT_EQ(all.notes, "");
  EXPECT_TRUE(all.done);
  const Shown some = render_answer(
      "key/delete",
      R"({"deleted_keys":["sk-a"],"deleted_count":1,"warnings":["there is no key 'x'"]})");
  EXPECT_EQ(some.out, "deleted: 1\n");
  EXPECT_EQ(some.notes, "quarry keys: there is no key 'x'\n");
  EXPECT_FALSE(some.done);
}

TEST(KeysAnswer, NamesTheTeamsThatWereNotThereToDelete) {
  const Shown all = render_answer("team/delete", R"({"deleted_teams":["a"],"deleted_keys":["h"]})");
  EXPECT_EQ(all.out, "deleted: 1\n");
  EXPECT_TRUE(all.done);
  const Shown some = render_answer(
      "team/delete",
      R"({"deleted_teams":["a"],"deleted_keys":[],"warnings":["there is no team 'x'"]})");
  EXPECT_EQ(some.out, "deleted: 1\n");
  EXPECT_EQ(some.notes, "quarry keys: there is no team 'x'\n");
  EXPECT_FALSE(some.done);
}

TEST(KeysAnswer, ListsKeysInColumns) {
  const std::string shown =
      render_answer(
          "key/list",
          R"({"keys":[{"token":"h1","key_name":"sk-...1a2b","key_alias":"reports","user_id":"ann",)"
          R"("team_id":null,"spend":1.25,"max_budget":null,"expires":null,"blocked":true,"models":["a","b"]}],)"
          R"("total_count":1,"current_page":1,"total_pages":1})")
          .out;
  EXPECT_THAT(shown, HasSubstr("ALIAS"));
  EXPECT_THAT(shown, HasSubstr("reports"));
  EXPECT_THAT(shown, HasSubstr("$1.25"));
  EXPECT_THAT(shown, HasSubstr("blocked"));
  EXPECT_THAT(shown, HasSubstr("a,b"));
  EXPECT_THAT(shown, HasSubstr("h1"));
  EXPECT_THAT(shown, HasSubstr("page 1 of 1, 1 in all"));
  EXPECT_THAT(render_answer("key/list", R"({"keys":[],"total_count":0})").out,
              HasSubstr("no keys"));
}

TEST(KeysAnswer, OfATeamShowsItsKeysToo) {
  const std::string shown =
      render_answer(
          "team/info",
          R"({"team_id":"red","team_info":{"team_id":"red","blocked":false},"keys":[{"key_name":"sk-...1a2b"}]})")
          .out;
  EXPECT_THAT(shown, HasSubstr("red"));
  EXPECT_THAT(shown, HasSubstr("sk-...1a2b"));
  EXPECT_EQ(render_answer("team/list", "[]").out, "no teams\n");
}

TEST(KeysAnswer, OfAnotherServerIsShownAsItCame) {
  EXPECT_EQ(render_answer("key/list", "<html>").out, "<html>\n");
}

}  // namespace
}  // namespace quarry::cli
