// The small pure pieces: hosts, queries, names, digests, XML and raw JSON members.

#include "sandbox/wire.h"

#include "base/bytes.h"
#include "sandbox/digest.h"
#include "sandbox/job_records.h"
#include "sandbox/jobs.h"
#include "sandbox/object_store.h"
#include "sandbox/xml.h"

#include <gtest/gtest.h>

namespace quarry::sandbox {
namespace {

TEST(BucketOfHost, FindsTheBucketThatAVirtualHostNames) {
  EXPECT_EQ(bucket_of_host("b.localhost:4566"), "b");
  EXPECT_EQ(bucket_of_host("my.b.localhost"), "my.b");
  EXPECT_EQ(bucket_of_host("b.s3.localhost:4566"), "b");
  EXPECT_EQ(bucket_of_host("b.s3.eu-west-1.amazonaws.com"), "b");
  EXPECT_EQ(bucket_of_host("b.s3-fips.us-east-1.amazonaws.com"), "b");
  for (const char* plain :
       {"localhost:4566", "127.0.0.1:4566", "[::1]:4566", "s3.us-east-1.amazonaws.com",
        "bedrock.localhost", "bedrock-runtime.localhost:1", "s3.localhost", "example.com", ""}) {
    EXPECT_EQ(bucket_of_host(plain), std::nullopt) << plain;
  }
}

TEST(Query, DecodesNamesAndValues) {
  const auto query = Query::parse("a%20b=c+d&uploads&e=&f=%2B");
  ASSERT_TRUE(query);
  EXPECT_EQ(query->get("a b"), "c d");
  EXPECT_EQ(query->get("uploads"), "");
  EXPECT_EQ(query->get("e"), "");
  EXPECT_EQ(query->get("f"), "+");
  EXPECT_FALSE(query->has("absent"));
  EXPECT_FALSE(Query::parse("a=%zz"));
}

TEST(ValidUtf8, TakesWhatRfc3629Allows) {
  for (const char* good :
       {"", "a", "\xC2\x80", "\xE2\x98\x83", "\xED\x9F\xBF", "\xEE\x80\x80", "\xF4\x8F\xBF\xBF"}) {
    EXPECT_TRUE(valid_utf8(good)) << good;
  }
  for (const char* bad :
       {"\x80", "\xC0\x80", "\xC3", "\xE0\x9F\xBF", "\xED\xA0\x80", "\xF0\x8F\xBF\xBF",
        "\xF4\x90\x80\x80", "\xF5\x80\x80\x80", "\xE2\x98", "\xFF"}) {
    EXPECT_FALSE(valid_utf8(bad)) << bad;
  }
}

TEST(BucketName, FollowsS3sRules) {
  for (const char* good : {"abc", "a-b.c", "0bucket9", "192.168.0"})
    EXPECT_TRUE(valid_bucket_name(good)) << good;
  for (const char* bad : {"ab", "Abc", "a_b", "-ab", "ab-", "a..b", "192.168.0.1", ".ab"})
    EXPECT_FALSE(valid_bucket_name(bad)) << bad;
  EXPECT_EQ(bucket_name_fault("A_"), "it must have 3 to 63 characters");
  EXPECT_TRUE(bucket_name_fault("a_b").starts_with("it may hold only lower-case letters"));
  EXPECT_TRUE(bucket_name_fault("ab-").starts_with("it must begin and end"));
  EXPECT_FALSE(valid_bucket_name("model"));
  EXPECT_TRUE(valid_bucket_name("models"));
  EXPECT_TRUE(valid_bucket_name(std::string(63, 'a')));
  EXPECT_FALSE(valid_bucket_name(std::string(64, 'a')));
}

// Check values: RFC 3720 B.4 for CRC-32C, the catalogue of parametrised CRCs for CRC-64/NVME (of
// "123456789").
TEST(Digest, MatchesPublishedCheckValues) {
  const auto of = [](DigestKind kind, std::string_view text) {
    return hex(as_bytes(digest_of(kind, as_bytes(text))));
  };
  EXPECT_EQ(of(DigestKind::crc32, "123456789"), "cbf43926");
  EXPECT_EQ(of(DigestKind::crc32c, "123456789"), "e3069283");
  EXPECT_EQ(of(DigestKind::crc32c, std::string(32, '\0')), "8a9136aa");
  EXPECT_EQ(of(DigestKind::crc64nvme, "123456789"), "ae8b14860a799888");
  EXPECT_EQ(of(DigestKind::md5, ""), "d41d8cd98f00b204e9800998ecf8427e");
}

TEST(Xml, ReadsWhatClientsSend) {
  const auto parts = read_complete_request(
      "<CompleteMultipartUpload "
      "xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><Part><PartNumber>1</PartNumber>"
      "<ETag>&quot;ab&quot;</ETag></Part><Part><ETag>cd</ETag><PartNumber>3</PartNumber></Part></"
      "CompleteMultipartUpload>");
  ASSERT_TRUE(parts);
  ASSERT_EQ(parts->size(), 2U);
  EXPECT_EQ((*parts)[0].etag, "ab");
  EXPECT_EQ((*parts)[1].number, 3);
  const auto wanted = read_delete_request(
      "<Delete><Object><Key>a &amp; b</Key></Object><Object><Key> "
      "</Key></Object><Quiet>true</Quiet></Delete>");
  ASSERT_TRUE(wanted);
  EXPECT_TRUE(wanted->quiet);
  EXPECT_EQ(wanted->objects[0].key, "a & b");
  EXPECT_EQ(wanted->objects[1].key, " ");
  EXPECT_EQ(read_location_constraint(""), "");
  EXPECT_EQ(read_location_constraint("<CreateBucketConfiguration><LocationConstraint>eu-west-1</"
                                     "LocationConstraint></CreateBucketConfiguration>"),
            "eu-west-1");
}

TEST(Xml, RefusesWhatIsMalformedOrAnotherDocument) {
  for (const char* bad : {"", "<", "<Other/>", "<CompleteMultipartUpload/>",
                          "<CompleteMultipartUpload><Part><PartNumber>x</PartNumber><ETag>e</"
                          "ETag></Part></CompleteMultipartUpload>"}) {
    EXPECT_FALSE(read_complete_request(bad)) << bad;
  }
  EXPECT_FALSE(read_delete_request("<Delete/>"));
  EXPECT_FALSE(read_location_constraint("<x>"));
}

TEST(RawMembers, KeepsEachTokenAsItStands) {
  const auto members =
      raw_members(R"( {"a" : {"b":"}]\"","c":[1,{"d":2}]} ,"e\"f":-1.50e3,"g":"x, }","h":null} )");
  ASSERT_TRUE(members);
  ASSERT_EQ(members->size(), 4U);
  EXPECT_EQ((*members)[0].key, "a");
  EXPECT_EQ((*members)[0].value, R"({"b":"}]\"","c":[1,{"d":2}]})");
  EXPECT_EQ((*members)[1].key, R"(e\"f)");
  EXPECT_EQ((*members)[1].value, "-1.50e3");
  EXPECT_EQ((*members)[2].value, R"("x, }")");
  EXPECT_EQ((*members)[3].value, "null");
  EXPECT_EQ(raw_members("{}")->size(), 0U);
  EXPECT_FALSE(raw_members("[]"));
}

TEST(JobName, FollowsTheServiceModelsPattern) {
  for (const char* good : {"job", "job-", "job.name+1", "0", "a--b"})
    EXPECT_TRUE(valid_job_name(good)) << good;
  for (const char* bad : {"", "batch_abc", "-job", ".a", "a b"})
    EXPECT_FALSE(valid_job_name(bad)) << bad;
  EXPECT_TRUE(valid_job_name(std::string(63, 'a')));
  EXPECT_FALSE(valid_job_name(std::string(64, 'a')));
}

}  // namespace
}  // namespace quarry::sandbox
