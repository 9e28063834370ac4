// Both ends of each block, and its neighbours on either side. Expected values: IANA's registries of
// special-purpose addresses, and what Python's ipaddress says of them where it is as strict.

#include "http/public_address.h"

#include <gtest/gtest.h>

#include <string>

namespace quarry::http {
namespace {

struct Row {
  const char* address;
  bool is_public;
};

class PublicAddress : public ::testing::TestWithParam<Row> {};

TEST_P(PublicAddress, IsToldFromOthers) {
  EXPECT_EQ(is_public_address(GetParam().address), GetParam().is_public) << GetParam().address;
}

constexpr Row kV4[] = {
    {"0.0.0.0", false},         {"0.255.255.255", false},   {"1.0.0.0", true},
    {"9.255.255.255", true},    {"10.0.0.0", false},        {"10.255.255.255", false},
    {"11.0.0.0", true},         {"100.63.255.255", true},   {"100.64.0.0", false},
    {"100.100.100.200", false},  // a cloud's metadata
    {"100.127.255.255", false}, {"100.128.0.0", true},      {"126.255.255.255", true},
    {"127.0.0.0", false},       {"127.0.0.1", false},       {"127.255.255.255", false},
    {"128.0.0.0", true},        {"168.63.129.15", true},    {"168.63.129.16", false},
    {"168.63.129.17", true},    {"169.253.255.255", true},  {"169.254.0.0", false},
    {"169.254.169.254", false}, {"169.254.170.2", false},   {"169.254.255.255", false},
    {"169.255.0.0", true},      {"172.15.255.255", true},   {"172.16.0.0", false},
    {"172.31.255.255", false},  {"172.32.0.0", true},       {"191.255.255.255", true},
    {"192.0.0.0", false},       {"192.0.0.170", false},     {"192.0.0.255", false},
    {"192.0.1.0", true},        {"192.0.2.0", false},       {"192.0.2.255", false},
    {"192.0.3.0", true},        {"192.88.98.255", true},    {"192.88.99.0", false},
    {"192.88.99.255", false},   {"192.88.100.0", true},     {"192.167.255.255", true},
    {"192.168.0.0", false},     {"192.168.255.255", false}, {"192.169.0.0", true},
    {"198.17.255.255", true},   {"198.18.0.0", false},      {"198.19.255.255", false},
    {"198.20.0.0", true},       {"198.51.99.255", true},    {"198.51.100.0", false},
    {"198.51.100.255", false},  {"198.51.101.0", true},     {"203.0.112.255", true},
    {"203.0.113.0", false},     {"203.0.113.255", false},   {"203.0.114.0", true},
    {"223.255.255.255", true},  {"224.0.0.0", false},       {"239.255.255.255", false},
    {"240.0.0.0", false},       {"255.255.255.255", false}, {"8.8.8.8", true},
    {"93.184.216.34", true},
};
INSTANTIATE_TEST_SUITE_P(V4, PublicAddress, ::testing::ValuesIn(kV4));

constexpr Row kV6[] = {
    {"::", false},
    {"::1", false},
    {"::8.8.8.8", false},         // v4-compatible, given up
    {"::ffff:127.0.0.1", false},  // v4-mapped
    {"::ffff:8.8.8.8", false},
    {"::ffff:0:8.8.8.8", false},  // v4-translated
    {"64:ff9a:ffff::1", false},
    {"64:ff9b::8.8.8.8", true},  // NAT64, to a public one
    {"64:ff9b::127.0.0.1", false},
    {"64:ff9b::10.0.0.1", false},
    {"64:ff9b::169.254.169.254", false},
    {"64:ff9b::1:0:0", false},      // beyond the /96
    {"64:ff9b:1::8.8.8.8", false},  // NAT64 of a site's own
    {"100::1", false},              // discarded
    {"1fff:ffff::1", false},
    {"2000::", true},
    {"2001::1", false},     // Teredo
    {"2001:2::1", false},   // benchmarks
    {"2001:10::1", false},  // ORCHID
    {"2001:1ff:ffff::1", false},
    {"2001:200::1", true},
    {"2001:db7:ffff::1", true},
    {"2001:db8::1", false},
    {"2001:db8:ffff::1", false},
    {"2001:db9::1", true},
    {"2001:4860:4860::8888", true},
    {"2001:ffff::1", true},
    {"2002:7f00:1::1", false},  // 6to4, of 127.0.0.1
    {"2002:808:808::1", false},
    {"2003::1", true},
    {"2600:1f18::1", true},
    {"2a00:1450::1", true},
    {"3ffe:ffff::1", true},
    {"3fff::1", false},
    {"3fff:fff::1", false},
    {"3fff:1000::1", true},
    {"4000::1", false},
    {"5f00::1", false},
    {"fc00::1", false},        // unique local
    {"fd00:ec2::254", false},  // a cloud's metadata
    {"fdff:ffff::1", false},
    {"fe80::1", false},  // link-local
    {"febf:ffff::1", false},
    {"fec0::1", false},  // site-local, given up
    {"ff02::1", false},  // multicast
};
INSTANTIATE_TEST_SUITE_P(V6, PublicAddress, ::testing::ValuesIn(kV6));

TEST(PublicAddressText, WhatIsNoAddressIsNeither) {
  for (const char* text :
       {"", "localhost", "127.1", "0x7f.0.0.1", "2130706433", "0177.0.0.1", "1.2.3.4.", " 8.8.8.8",
        "8.8.8.8 ", "[::1]", "fe80::1%eth0", "1.2.3", "256.1.1.1", "example.com"}) {
    EXPECT_EQ(is_public_address(std::string_view(text)), std::nullopt) << text;
  }
  EXPECT_EQ(is_public_address(std::string_view("8.8.8.8\0x", 9)), std::nullopt);
}

}  // namespace
}  // namespace quarry::http
