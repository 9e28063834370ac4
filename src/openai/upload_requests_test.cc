#include "openai/upload_requests.h"

#include "openai/upload_object.h"

#include <boost/json.hpp>
#include <gtest/gtest.h>

namespace quarry::openai {
namespace {

constexpr const char* kBody =
    R"({"bytes":5,"filename":"big.jsonl","mime_type":"txt","purpose":"batch","unknown":1)";

TEST(CreateUpload, TakesWhatTheSdkSends) {
  const auto create = parse_create_upload(
      std::string(kBody) + R"(,"expires_after":{"anchor":"created_at","seconds":3600}})");
  ASSERT_TRUE(create) << create.error().message();
  EXPECT_EQ(create->bytes, 5);
  EXPECT_EQ(create->filename, "big.jsonl");
  EXPECT_EQ(create->mime_type, "txt");
  EXPECT_EQ(create->purpose, "batch");
  EXPECT_EQ(create->expires_after_s, 3600);
  EXPECT_TRUE(create->target_model_names.empty());
}

TEST(CreateUpload, NamesTargetModelsAsOneTextOrAsAList) {
  const auto text = parse_create_upload(std::string(kBody) + R"(,"target_model_names":"a,b"})");
  EXPECT_EQ(text->target_model_names, std::vector<std::string>{"a,b"});
  const auto list = parse_create_upload(std::string(kBody) + R"(,"target_model_names":["a","b"]})");
  EXPECT_EQ(list->target_model_names, (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(parse_create_upload(std::string(kBody) + R"(,"target_model_names":7})").error().param(),
            "target_model_names");
}

TEST(CreateUpload, BytesIsAWholeNumberThatIsNotNegative) {
  for (const char* bytes : {"-1", "0", "1.5", "\"1\"", "null", "99999999999999999999"}) {
    const auto create = parse_create_upload(
        std::string(R"({"filename":"x","mime_type":"txt","purpose":"batch","bytes":)") + bytes +
        "}");
    ASSERT_FALSE(create) << bytes;
    EXPECT_EQ(create.error().param(), "bytes") << bytes;
  }
}

TEST(CompleteUpload, KeepsTheOrderAndMakesHexLowerCase) {
  const auto complete =
      parse_complete_upload(R"({"part_ids":["b","a"],"md5":"5D41402ABC4B2A76B9719D911017C592"})");
  ASSERT_TRUE(complete);
  EXPECT_EQ(complete->part_ids, (std::vector<std::string>{"b", "a"}));
  EXPECT_EQ(complete->md5_hex, "5d41402abc4b2a76b9719d911017c592");
  EXPECT_EQ(parse_complete_upload(R"({"part_ids":[],"md5":null})")->md5_hex, "");
}

TEST(CompleteUpload, SaysWhatIsWrong) {
  EXPECT_EQ(parse_complete_upload("{}").error().reason(), "missing_required_parameter");
  EXPECT_EQ(parse_complete_upload(R"({"part_ids":"a"})").error().param(), "part_ids");
  EXPECT_EQ(parse_complete_upload(R"({"part_ids":["a",1]})").error().param(), "part_ids[1]");
  for (const char* md5 : {"\"\"", "\"XUFAKrxLKna5cZ2REBfFkg==\"", "5"}) {
    const auto complete =
        parse_complete_upload(std::string(R"({"part_ids":["a"],"md5":)") + md5 + "}");
    ASSERT_FALSE(complete) << md5;
    EXPECT_EQ(complete.error().param(), "md5");
  }
}

TEST(UploadObject, HasEveryMemberAlways) {
  Upload upload{"upload_1", 5, 10, 3610, "big.jsonl", "batch", UploadStatus::pending, std::nullopt};
  EXPECT_EQ(boost::json::serialize(to_json(upload)),
            R"({"id":"upload_1","object":"upload","bytes":5,"created_at":10,"expires_at":3610,)"
            R"("filename":"big.jsonl","purpose":"batch","status":"pending","file":null})");
  upload.file = File{"file-1", 5, 11, std::nullopt, "big.jsonl", "batch", "processed"};
  EXPECT_EQ(to_json(upload).at("file"), to_json(*upload.file));
  for (const auto status : {UploadStatus::pending, UploadStatus::completed, UploadStatus::cancelled,
                            UploadStatus::expired}) {
    EXPECT_EQ(parse_upload_status(name(status)), status);
  }
}

}  // namespace
}  // namespace quarry::openai
