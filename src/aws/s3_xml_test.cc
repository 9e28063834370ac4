#include "aws/s3_xml.h"

#include <gtest/gtest.h>

namespace quarry::aws {
namespace {

TEST(S3Error, GivesItsFields) {
  const auto error = parse_s3_error(
      "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>NoSuchKey</Code>"
      "<Message>The specified key does not exist.</Message><Resource>/b/k</Resource>"
      "<RequestId>R1</RequestId></Error>");
  ASSERT_TRUE(error);
  EXPECT_EQ(error->code, "NoSuchKey");
  EXPECT_EQ(error->message, "The specified key does not exist.");
  EXPECT_EQ(error->request_id, "R1");
}

TEST(S3Error, IsFoundAfterTheWhitespaceThatKeepsTheConnectionAlive) {
  EXPECT_EQ(parse_s3_error("  \n \n<Error><Code>InternalError</Code></Error>")->code,
            "InternalError");
}

TEST(S3Error, IsNothingElse) {
  for (const char* text : {"", "  ", "<html></html>", "<Error><Code>Cut", "not xml",
                           "<CompleteMultipartUploadResult/>"}) {
    EXPECT_FALSE(parse_s3_error(text)) << text;
  }
}

constexpr char kListPage[] =
    "<?xml version=\"1.0\" encoding=\"UTF-8\"?>"
    "<ListBucketResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><Name>b</Name>"
    "<Prefix>a</Prefix><IsTruncated>true</IsTruncated>"
    "<Contents><Key>a/1&amp;2.jsonl</Key>"
    "<LastModified>2026-01-02T03:04:05.678Z</LastModified><ETag>&quot;abc&quot;</"
    "ETag><Size>5000000000</Size>"
    "</Contents><Contents><Key>a/2</Key><ETag>\"d-2\"</ETag><Size>0</Size></Contents>"
    "<NextContinuationToken>t+/=</NextContinuationToken></ListBucketResult>";

TEST(S3List, GivesKeysSizesEtagsAndTheToken) {
  const auto page = parse_list_page(kListPage);
  ASSERT_TRUE(page) << page.error().message();
  ASSERT_EQ(page->objects.size(), 2u);
  EXPECT_EQ(page->objects[0].key, "a/1&2.jsonl");
  EXPECT_EQ(page->objects[0].size_bytes, 5'000'000'000u);
  EXPECT_EQ(page->objects[0].etag, "abc");
  EXPECT_EQ(page->objects[0].modified, from_unix_millis(1'767'323'045'678));
  EXPECT_FALSE(page->objects[1].modified);
  EXPECT_EQ(page->objects[1].etag, "d-2");
  EXPECT_EQ(page->next_token, "t+/=");
}

TEST(S3List, DecodesKeysWhereTheServerSaysThatItEncodedThem) {
  const std::string contents = "<Contents><Key>a+b%2Bc%20d</Key><Size>1</Size></Contents>";
  const auto encoded = parse_list_page("<ListBucketResult><EncodingType>url</EncodingType>" +
                                       contents + "</ListBucketResult>");
  EXPECT_EQ(encoded->objects.at(0).key, "a b+c d");
  const auto plain = parse_list_page("<ListBucketResult>" + contents + "</ListBucketResult>");
  EXPECT_EQ(plain->objects.at(0).key, "a+b%2Bc%20d");
}

TEST(S3List, TheLastPageHasNoToken) {
  const auto page =
      parse_list_page("<ListBucketResult><IsTruncated>false</IsTruncated></ListBucketResult>");
  ASSERT_TRUE(page);
  EXPECT_TRUE(page->objects.empty());
  EXPECT_FALSE(page->next_token);
}

TEST(S3List, AKeyOfSpacesKeepsThem) {
  const auto page = parse_list_page(
      "<ListBucketResult><Contents><Key> </Key><Size>1</Size></Contents></ListBucketResult>");
  ASSERT_TRUE(page);
  EXPECT_EQ(page->objects.at(0).key, " ");
}

TEST(S3List, RefusesWhatIsCutOrTellsNoSizeOrToken) {
  for (const char* text :
       {"", "<ListBucketResult>", "<Other/>",
        "<ListBucketResult><Contents><Key>k</Key></Contents></ListBucketResult>",
        "<ListBucketResult><Contents><Key>k</Key><Size>-1</Size></Contents></ListBucketResult>",
        "<ListBucketResult><IsTruncated>true</IsTruncated></ListBucketResult>"}) {
    const auto page = parse_list_page(text);
    ASSERT_FALSE(page) << text;
    EXPECT_EQ(page.error().code(), Errc::corrupt);
  }
}

TEST(S3Multiparts, GivesEachUploadWithItsAgeAndWhereToGoOn) {
  const auto page = parse_multipart_page(
      "<ListMultipartUploadsResult><EncodingType>url</EncodingType>"
      "<NextKeyMarker>p/b%20c</NextKeyMarker><NextUploadIdMarker>u2</NextUploadIdMarker>"
      "<IsTruncated>true</IsTruncated>"
      "<Upload><Key>p/a+b</Key><UploadId>u1</UploadId><Initiator><ID>x</ID></Initiator>"
      "<Initiated>2026-01-02T03:04:05.000Z</Initiated></Upload>"
      "<Upload><Key>p/b%20c</Key><UploadId>u2</UploadId>"
      "<Initiated>2026-01-02T03:04:06.000Z</Initiated></Upload></ListMultipartUploadsResult>");
  ASSERT_TRUE(page) << page.error().message();
  ASSERT_EQ(page->uploads.size(), 2u);
  EXPECT_EQ(page->uploads[0].key, "p/a b");
  EXPECT_EQ(page->uploads[0].upload_id, "u1");
  EXPECT_EQ(page->uploads[0].initiated, from_unix_millis(1'767'323'045'000));
  ASSERT_TRUE(page->next);
  EXPECT_EQ(page->next->key, "p/b c");
  EXPECT_EQ(page->next->upload_id, "u2");
}

TEST(S3Multiparts, TheLastPageLeadsNowhere) {
  const auto page = parse_multipart_page(
      "<ListMultipartUploadsResult><IsTruncated>false</IsTruncated></ListMultipartUploadsResult>");
  ASSERT_TRUE(page);
  EXPECT_TRUE(page->uploads.empty());
  EXPECT_FALSE(page->next);
}

TEST(S3Multiparts, RefusesWhatIsCutOrTellsNoAge) {
  for (const char* text :
       {"", "<Other/>",
        "<ListMultipartUploadsResult><Upload><Key>k</Key><UploadId>u</UploadId></Upload>"
        "</ListMultipartUploadsResult>",
        "<ListMultipartUploadsResult><IsTruncated>true</IsTruncated></"
        "ListMultipartUploadsResult>"}) {
    const auto page = parse_multipart_page(text);
    ASSERT_FALSE(page) << text;
    EXPECT_EQ(page.error().code(), Errc::corrupt);
  }
}

TEST(S3Multipart, GivesTheUploadId) {
  EXPECT_EQ(*parse_upload_id("<InitiateMultipartUploadResult><Bucket>b</Bucket>"
                             "<UploadId>u.1</UploadId></InitiateMultipartUploadResult>"),
            "u.1");
  EXPECT_FALSE(parse_upload_id("<InitiateMultipartUploadResult/>"));
  EXPECT_FALSE(parse_upload_id(""));
}

TEST(S3Multipart, GivesTheCompletedEtagWithoutQuotes) {
  const auto done = parse_completed(
      "\n\n<CompleteMultipartUploadResult><ETag>\"e-3\"</ETag>"
      "<ChecksumCRC32>AAAAAA==-3</ChecksumCRC32></CompleteMultipartUploadResult>");
  ASSERT_TRUE(done) << done.error().message();
  EXPECT_EQ(done->etag, "e-3");
  EXPECT_EQ(done->crc32, "AAAAAA==-3");
  EXPECT_FALSE(parse_completed("<Error><Code>InternalError</Code></Error>"));
  EXPECT_FALSE(parse_completed("   "));
}

TEST(S3Multipart, NamesEveryPartWithItsQuotedEtag) {
  EXPECT_EQ(complete_multipart_body({{1, "abc"}, {2, "d&f"}}),
            "<CompleteMultipartUpload xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">"
            "<Part><PartNumber>1</PartNumber><ETag>\"abc\"</ETag></Part>"
            "<Part><PartNumber>2</PartNumber><ETag>\"d&amp;f\"</ETag></Part>"
            "</CompleteMultipartUpload>");
}

TEST(S3Multipart, NamesTheChecksumsOfThePartsThatHaveOne) {
  const std::string body = complete_multipart_body({{1, "abc", "NhCmhg=="}});
  EXPECT_TRUE(body.contains("<ETag>\"abc\"</ETag><ChecksumCRC32>NhCmhg==</ChecksumCRC32></Part>"))
      << body;
}

TEST(Etag, LosesItsQuotesOnly) {
  EXPECT_EQ(strip_etag("\"a\""), "a");
  EXPECT_EQ(strip_etag("a-2"), "a-2");
  EXPECT_EQ(strip_etag("W/\"a\""), "a");
  EXPECT_EQ(strip_etag("\""), "\"");
  EXPECT_EQ(strip_etag(""), "");
}

}  // namespace
}  // namespace quarry::aws
