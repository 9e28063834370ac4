#include "webhook/target_url.h"

#include <gtest/gtest.h>

#include <string>

namespace quarry::webhook {
namespace {

struct Url {
  const char* url;
  const char* receiver;
};

class Accepted : public ::testing::TestWithParam<Url> {};

TEST_P(Accepted, GivesWhomItLeadsTo) {
  const auto receiver = check_target_url(GetParam().url, {});
  ASSERT_TRUE(receiver) << GetParam().url << " " << receiver.error().message();
  EXPECT_EQ(*receiver, GetParam().receiver);
}

constexpr Url kAccepted[] = {
    {"https://example.com", "example.com:443"},
    {"https://example.com/", "example.com:443"},
    {"HTTPS://Example.COM:8443/Hook", "example.com:8443"},
    {"https://example.com?token=a&b=%20c", "example.com:443"},
    {"https://hooks.example.com/a/b;c=1/@x:y/(z)*'!$,~", "hooks.example.com:443"},
    {"https://example.com./", "example.com.:443"},
    {"https://8.8.8.8/x", "8.8.8.8:443"},
    {"https://[2606:4700::1]/x", "[2606:4700::1]:443"},
    {"https://[2606:4700::1]:65535", "[2606:4700::1]:65535"},
    {"https://1password.com", "1password.com:443"},
    {"https://a_b.example-1.com", "a_b.example-1.com:443"},
    {"https://intranet/x", "intranet:443"},  // a name: what it stands for is seen when connecting
};
INSTANTIATE_TEST_SUITE_P(Urls, Accepted, ::testing::ValuesIn(kAccepted));

struct Bad {
  const char* url;
  const char* why;
};

class Refused : public ::testing::TestWithParam<Bad> {};

TEST_P(Refused, SaysWhyAndRepeatsNoQuery) {
  const auto receiver = check_target_url(GetParam().url, {});
  ASSERT_FALSE(receiver) << GetParam().url << " " << *receiver;
  EXPECT_EQ(receiver.error().code(), Errc::invalid_request);
  EXPECT_NE(receiver.error().message().find(GetParam().why), std::string::npos)
      << GetParam().url << ": " << receiver.error().message();
}

constexpr Bad kRefused[] = {
    {"", "must begin with https://"},
    {"example.com", "must begin with https://"},
    {"https:example.com", "must begin with https://"},
    {"https://", "must begin with https://"},
    {" https://example.com", "must begin with https://"},
    {"http://example.com", "must begin with https://"},
    {"ftp://example.com", "must begin with https://"},
    {"file:///etc/passwd", "must begin with https://"},
    {"gopher://example.com", "must begin with https://"},
    {"https:///x", "names no host"},
    {"https://:443/", "names no host"},
    {"https://?x", "names no host"},
    {"https://.example.com", "names no host"},
    {"https://a..b", "names no host"},
    {"https://a b.com/", "names no host"},
    {"https://ex\tample.com/", "names no host"},
    {"https://ex%61mple.com/", "names no host"},
    {"https://münchen.example/", "names no host"},
    {"https://[::1/", "names no host"},
    {"https://[]/", "names no host"},
    {"https://[8.8.8.8]/", "names no host"},
    {"https://[example.com]/", "names no host"},
    {"https://[2606:4700::1]x/", "names no host"},
    {"https://user@example.com/", "user or a password"},
    {"https://user:secret@example.com/", "user or a password"},
    {"https://example.com@127.0.0.1/", "user or a password"},
    {"https://example.com\\@127.0.0.1/", "percent-encoded"},
    {"https://example.com#@127.0.0.1/", "fragment"},
    {"https://example.com/#x", "fragment"},
    {"https://example.com/a b", "percent-encoded"},
    {"https://example.com/\r\nX: y", "percent-encoded"},
    {"https://example.com/ü", "percent-encoded"},
    {"https://example.com/<x>", "percent-encoded"},
    {"https://example.com:/", "port"},
    {"https://example.com:0/", "port"},
    {"https://example.com:65536/", "port"},
    {"https://example.com:+1/", "port"},
    {"https://example.com:44a/", "port"},
    {"https://example.com:1:2/", "port"},
    {"https://localhost/", "not a public address"},
    {"https://LOCALHOST:8000/", "not a public address"},
    {"https://localhost./", "not a public address"},
    {"https://a.localhost/", "not a public address"},
    {"https://127.0.0.1/", "not a public address"},
    {"https://0.0.0.0/", "not a public address"},
    {"https://10.1.2.3/", "not a public address"},
    {"https://169.254.169.254/latest/meta-data/", "not a public address"},
    {"https://192.168.0.1:8443/", "not a public address"},
    {"https://[::1]/", "not a public address"},
    {"https://[::]/", "not a public address"},
    {"https://[fd00:ec2::254]/", "not a public address"},
    {"https://[::ffff:127.0.0.1]/", "not a public address"},
    {"https://127.1/", "unusual"},
    {"https://2130706433/", "unusual"},
    {"https://0x7f000001/", "unusual"},
    {"https://0x7f.0.0.0x1/", "unusual"},
    {"https://017700000001/", "unusual"},
    {"https://127.0.0.1./", "unusual"},
    {"https://127.0.0.256/", "unusual"},
};
INSTANTIATE_TEST_SUITE_P(Urls, Refused, ::testing::ValuesIn(kRefused));

TEST(TargetUrl, IsOfAnyAddressWherePrivateOnesAreAllowed) {
  const UrlRules rules{.http = false, .private_addresses = true};
  EXPECT_EQ(check_target_url("https://127.0.0.1:8000/x", rules), "127.0.0.1:8000");
  EXPECT_EQ(check_target_url("https://localhost/x", rules), "localhost:443");
  EXPECT_EQ(check_target_url("https://[::1]/x", rules), "[::1]:443");
  EXPECT_FALSE(check_target_url("https://127.1/x", rules));
  EXPECT_FALSE(check_target_url("http://localhost/x", rules));
}

TEST(TargetUrl, IsHttpWhereThatIsAllowed) {
  const UrlRules rules{.http = true, .private_addresses = false};
  EXPECT_EQ(check_target_url("http://example.com/x", rules), "example.com:80");
  EXPECT_EQ(check_target_url("https://example.com/x", rules), "example.com:443");
  EXPECT_FALSE(check_target_url("http://127.0.0.1/x", rules));
}

TEST(TargetUrl, HasALength) {
  const std::string at_the_limit = "https://example.com/" + std::string(2048 - 20, 'x');
  EXPECT_TRUE(check_target_url(at_the_limit, {}));
  EXPECT_FALSE(check_target_url(at_the_limit + "x", {}));
}

}  // namespace
}  // namespace quarry::webhook
