#include "store/postgres_url.h"

#include <gtest/gtest.h>

namespace quarry::store {
namespace {

TEST(PostgresUrl, IsKnownByItsScheme) {
  EXPECT_TRUE(is_postgres_url("postgres://h/d"));
  EXPECT_TRUE(is_postgres_url("postgresql:///d?host=/run/postgresql"));
  EXPECT_FALSE(is_postgres_url("mysql://h/d"));
  EXPECT_FALSE(is_postgres_url(""));
}

TEST(PostgresUrl, IsToldWithoutUserAndPassword) {
  const auto target = parse_postgres_url("postgresql://me:hunter2@db.example:6000/quarry");
  ASSERT_TRUE(target);
  EXPECT_EQ(target->where, "db.example:6000, database quarry");
}

TEST(PostgresUrl, SaysWhatLibpqNeeds) {
  const auto target = parse_postgres_url("postgres://me:a%27b%5Cc%20d@h/d?sslmode=require");
  ASSERT_TRUE(target);
  const std::string& conninfo = target->conninfo;
  EXPECT_NE(conninfo.find(R"(password='a\'b\\c d')"), std::string::npos) << conninfo;
  EXPECT_NE(conninfo.find("sslmode='require'"), std::string::npos) << conninfo;
  EXPECT_NE(conninfo.find("application_name='quarry'"), std::string::npos) << conninfo;
  EXPECT_NE(conninfo.find("tcp_user_timeout='30000'"), std::string::npos) << conninfo;
}

TEST(PostgresUrl, KeepsWhatTheUriSaysItself) {
  const auto target = parse_postgres_url("postgres://h/d?connect_timeout=1&application_name=mine");
  ASSERT_TRUE(target);
  EXPECT_NE(target->conninfo.find("connect_timeout='1'"), std::string::npos);
  EXPECT_NE(target->conninfo.find("application_name='mine'"), std::string::npos);
  EXPECT_EQ(target->conninfo.find("application_name='quarry'"), std::string::npos);
}

TEST(PostgresUrl, TakesTheUrlThatPrismaTakes) {
  const auto target = parse_postgres_url(
      "postgresql://h/d?schema=my%20own&connection_limit=5&pool_timeout=10&sslmode=disable&"
      "pgbouncer=true");
  ASSERT_TRUE(target) << target.error().message();
  EXPECT_NE(target->conninfo.find("options='-csearch_path=my own'"), std::string::npos)
      << target->conninfo;
  EXPECT_NE(target->conninfo.find("sslmode='disable'"), std::string::npos);
  EXPECT_EQ(target->conninfo.find("connection_limit"), std::string::npos);
}

TEST(PostgresUrl, IsRefusedWithoutAPieceOfIt) {
  for (const char* url : {"postgres://me:hunter2%zz@h/d", "postgres://h/d?hunter2=1",
                          "postgres://me:x@[hunter2/d", "postgres://h/d?hunter2"}) {
    const auto target = parse_postgres_url(url);
    ASSERT_FALSE(target) << url;
    EXPECT_EQ(target.error().code(), Errc::invalid_request);
    EXPECT_EQ(target.error().message().find("hunter2"), std::string::npos) << url;
    EXPECT_NE(target.error().message().find("percent-encoded"), std::string::npos);
  }
}

TEST(PostgresUrl, IsRefusedAtOnceWhereAPasswordIsNotPercentEncoded) {
  for (const char* url :
       {"postgresql://me:p@ss/hunter2@127.0.0.1:5432/d", "postgresql://me:p@hunter2@h/d",
        "postgresql://me:hunter2/p@h/d", "postgresql://me:p/hunter2@h/d?sslmode=disable",
        "postgresql://me:hunter2?host=/run/postgresql", "postgresql://me:p@h:hunter2/d",
        "postgresql://me:p?hunter2@h/d", "postgresql://me:p?a@hunter2@h/d",
        "postgresql://h?user=me&password=p@hunter2"}) {
    const auto target = parse_postgres_url(url);
    ASSERT_FALSE(target) << url << " is " << target->where;
    EXPECT_EQ(target.error().code(), Errc::invalid_request);
    EXPECT_EQ(target.error().message().find("hunter2"), std::string::npos) << url;
    EXPECT_NE(target.error().message().find("@ is %40"), std::string::npos);
  }
}

TEST(PostgresUrl, TakesAPasswordOfAnyCharactersEncoded) {
  for (const char* url : {"postgresql://me:p%40ss%2Fw%3A%3F@h1:1,h2:2/d",
                          "postgresql://h/d?user=me@server&password=p%40ss%2Fw%3A%3F",
                          "postgresql://h/d?user=me@server&password=p@ss/w:?",
                          "postgresql://h?sslcert=/a&user=me@server&password=p@ss/w:?",
                          "postgresql:///d?user=me&password=p@ss/w:?"}) {
    const auto target = parse_postgres_url(url);
    ASSERT_TRUE(target) << url;
    EXPECT_NE(target->conninfo.find("password='p@ss/w:?'"), std::string::npos);
  }
}

}  // namespace
}  // namespace quarry::store
