#include "bedrock/record.h"

#include <gtest/gtest.h>

namespace quarry::bedrock {
namespace {

TEST(RecordId, IsElevenCharactersAndReadsBack) {
  EXPECT_EQ(record_id({0}), "r0000000000");
  EXPECT_EQ(record_id({9'999'999'999}), "r9999999999");
  for (const std::uint64_t index : {0ULL, 7ULL, 1'234'567ULL, 9'999'999'999ULL}) {
    EXPECT_EQ(parse_record_id(record_id({index})), RecordKey{index});
  }
  for (const char* id :
       {"", "r", "r000000000", "r00000000000", "x0000000000", "r00000000-1", "r 000000001",
        "r+000000001", "request-0001", "p00000000-1", "p00000000Z0", "r000000000a"}) {
    EXPECT_FALSE(parse_record_id(id)) << id;
  }
}

TEST(RecordId, OfALineOfSeveralSaysWhichOfThemAndReadsBack) {
  EXPECT_EQ(record_id({1, 0}), "p000000mh34");  // 2^20 in base 36
  for (const RecordKey& key : {RecordKey{1, 0}, RecordKey{1, 1}, RecordKey{50'000, 2047},
                               RecordKey{kSeveralLineMax, kPartsMax - 1}}) {
    const std::string id = record_id(key);
    EXPECT_EQ(id.size(), 11u);
    EXPECT_EQ(id.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789"), std::string::npos)
        << id;
    EXPECT_EQ(parse_record_id(id), key) << id;
  }
  EXPECT_NE(record_id({7, 0}), record_id({7}));
}

TEST(InputRecord, ReadsBackWhatWasWritten) {
  std::string out;
  append_input_record(out, {42}, R"({"messages":[{"x":"}"}]})");
  EXPECT_EQ(out, R"({"recordId":"r0000000042","modelInput":{"messages":[{"x":"}"}]}})"
                 "\n");
  const auto record = parse_input_record(out);
  ASSERT_TRUE(record) << record.error().message();
  EXPECT_EQ(record->record_id, "r0000000042");
  EXPECT_EQ(record->model_input, R"({"messages":[{"x":"}"}]})");
}

TEST(InputRecord, RefusesWhatIsNotOurs) {
  for (const char* line :
       {"", "{}", R"({"recordId":"r0000000042"})", R"({"recordId":"r0000000042","modelInput":{})",
        R"({"recordId":"a0000000042","modelInput":{}})",
        R"({"recordId":"r0000000042","modelInput":{}},"x":{}})"}) {
    const auto record = parse_input_record(line);
    ASSERT_FALSE(record) << line;
    EXPECT_EQ(record.error().code(), Errc::corrupt);
  }
}

TEST(OutputRecord, GivesTheModelsAnswerRawInAnyOrderOfKeys) {
  OutputRecordReader reader;
  const auto record = reader.read(
      R"({"modelInput":{"recordId":"no","error":{}},"modelOutput":{"a": 1},"recordId":"r0000000003","error":null})");
  ASSERT_TRUE(record) << record.error().message();
  EXPECT_EQ(record->record_id, "r0000000003");
  EXPECT_EQ(record->model_output, R"({"a": 1})");
  EXPECT_FALSE(record->error);
}

// The first is a recorded answer of a live job, the second AWS's documented form.
TEST(OutputRecord, ReadsErrorsInEverySpelling) {
  OutputRecordReader reader;
  const auto live = reader.read(
      R"({"recordId":"r0000000001","modelInput":{},"modelOutput":null,"error":{"errorCode":400,)"
      R"("errorMessage":"`temperature` and `top_p` cannot both be specified","expired":false,"retryable":false}})");
  ASSERT_TRUE(live && live->error);
  EXPECT_FALSE(live->model_output);
  EXPECT_EQ(live->error->code, 400);
  EXPECT_EQ(live->error->message, "`temperature` and `top_p` cannot both be specified");

  const auto expired = reader.read(
      R"({"recordId":"r1","error":{"errorCode":"429","expired":true,"retryable":true}})");
  ASSERT_TRUE(expired && expired->error);
  EXPECT_EQ(expired->error->code, 429);
  EXPECT_TRUE(expired->error->expired);
  EXPECT_TRUE(expired->error->retryable);

  for (const char* error : {R"({})", R"("boom")", R"({"errorCode":99999})", R"({"errorCode":[]})",
                            R"({"errorCode":"x"})", R"(7)"}) {
    const auto odd = reader.read(R"({"recordId":"r1","error":)" + std::string(error) + "}");
    ASSERT_TRUE(odd && odd->error) << error;
    EXPECT_EQ(odd->error->code, 500) << error;
  }
}

TEST(OutputRecord, RefusesWhatNamesNoRecordOrSaysNothing) {
  OutputRecordReader reader;
  for (const char* line :
       {"", "garbage", "[]", R"({"recordId":"r1"})", R"({"modelOutput":{}})",
        R"({"recordId":7,"modelOutput":{}})", R"({"recordId":"r1","modelOutput":{})",
        R"({"recordId":"r1","modelOutput":null,"error":null})"}) {
    const auto record = reader.read(line);
    ASSERT_FALSE(record) << line;
    EXPECT_EQ(record.error().code(), Errc::corrupt);
  }
}

TEST(Manifest, ReadsCountsAndTokens) {
  const auto manifest = parse_manifest(
      R"({"totalRecordCount":10,"processedRecordCount":9,"successRecordCount":8,"errorRecordCount":1,)"
      R"("inputTokenCount":1000,"outputTokenCount":200,"cacheReadInputTokenCount":30,)"
      R"("cacheWriteInputTokenCount":4})");
  ASSERT_TRUE(manifest) << manifest.error().message();
  EXPECT_EQ(manifest->total_records, 10);
  EXPECT_EQ(manifest->error_records, 1);
  EXPECT_EQ(manifest->input_tokens, 1000);
  EXPECT_EQ(manifest->output_tokens, 200);
  EXPECT_EQ(manifest->cache_read_tokens, 30);
  EXPECT_EQ(manifest->cache_write_tokens, 4);
}

TEST(Manifest, IsReadAsFarAsItSaysCounts) {
  const auto partial =
      parse_manifest(R"({"inputTokenCount":"17","outputTokenCount":-1,"totalRecordCount":1.5,)"
                     R"("successRecordCount":null,"errorRecordCount":"x","somethingNew":{}})");
  ASSERT_TRUE(partial) << partial.error().message();
  EXPECT_EQ(partial->input_tokens, 17);
  EXPECT_EQ(partial->output_tokens, std::nullopt);
  EXPECT_EQ(partial->total_records, std::nullopt);
  EXPECT_EQ(partial->success_records, std::nullopt);
  EXPECT_EQ(partial->error_records, std::nullopt);
  EXPECT_TRUE(parse_manifest("{}"));
  for (const char* bad : {"", "[]", "{", "7"}) {
    const auto manifest = parse_manifest(bad);
    ASSERT_FALSE(manifest) << bad;
    EXPECT_EQ(manifest.error().code(), Errc::corrupt);
  }
}

}  // namespace
}  // namespace quarry::bedrock
