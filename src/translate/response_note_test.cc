#include "translate/response_note.h"

#include "translate/translator.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>

namespace quarry::translate {
namespace {

constexpr std::size_t kMost = TranslatedLine::kNoteBytesMax;

bool is_visible_ascii(const std::string& text) {
  return std::ranges::all_of(text, [](char c) { return c > ' ' && c < 0x7f; });
}

TEST(ResponseNote, OfNothingIsEmpty) {
  std::string note = "of the line before";
  const NoteWriter writer(note);
  EXPECT_EQ(note, "");
}

TEST(ResponseNote, IsAJsonObjectOfTheMembersInOrder) {
  std::string note;
  NoteWriter writer(note);
  EXPECT_TRUE(writer.add("temperature", "0.2"));
  EXPECT_TRUE(writer.add("truncation", "\"auto\""));
  EXPECT_EQ(note, R"({"temperature":0.2,"truncation":"auto"})");
}

TEST(ResponseNote, IsVisibleAsciiWhateverTheTextIs) {
  std::string note;
  NoteWriter writer(note);
  const std::string all = "{\"a b\\n\":\"\x7f é € \u2028 \u0085 😀 \\u00e9 \\\" \\\\\"}";
  ASSERT_TRUE(writer.add("metadata", all));
  EXPECT_TRUE(is_visible_ascii(note)) << note;

  json::Document written;
  json::Document given;
  const auto metadata = read_note(note, written).metadata;
  const auto expected = given.parse(all);
  ASSERT_TRUE(metadata && expected);
  const auto text = metadata->find("a b\n");
  ASSERT_TRUE(text) << note;
  EXPECT_EQ(text->text(), expected->find("a b\n")->text());
}

TEST(ResponseNote, TakesWhatFitsAndNotOneByteMore) {
  // {"truncation":"…"}
  const std::string fits = "\"" + std::string(kMost - 17, 'x') + "\"";
  std::string note;
  EXPECT_TRUE(NoteWriter(note).add("truncation", fits));
  EXPECT_EQ(note.size(), kMost);
  EXPECT_FALSE(NoteWriter(note).add("truncation", "\"x" + fits.substr(1)));
  EXPECT_EQ(note, "");
}

TEST(ResponseNote, IsAsBeforeWhenAMemberDoesNotFit) {
  std::string note;
  NoteWriter writer(note);
  writer.add("temperature", "1");
  // Only as escapes is it too long.
  EXPECT_FALSE(writer.add("metadata", "{\"a\":\"" + std::string(100, ' ') + "\"}"));
  EXPECT_FALSE(writer.add("metadata", "\"" + std::string(kMost, 'x') + "\""));
  EXPECT_EQ(note, R"({"temperature":1})");
  EXPECT_TRUE(writer.add("top_p", "1"));
  EXPECT_EQ(note, R"({"temperature":1,"top_p":1})");
}

TEST(ResponseNote, ReadsEveryMember) {
  json::Document document;
  const ResponseNote note = read_note(
      R"({"temperature":0.5,"top_p":1,"max_output_tokens":16,"tool_choice":"auto",)"
      R"("parallel_tool_calls":false,"reasoning":{"effort":"low"},"truncation":"auto",)"
      R"("text":{"format":{"type":"json_object"},"verbosity":"high"},"metadata":{"a":"b"}})",
      document);
  EXPECT_EQ(note.temperature->raw(), "0.5");
  EXPECT_EQ(note.top_p->raw(), "1");
  EXPECT_EQ(note.max_output_tokens->raw(), "16");
  EXPECT_EQ(note.tool_choice->raw(), "\"auto\"");
  EXPECT_EQ(note.parallel_tool_calls->raw(), "false");
  EXPECT_EQ(note.effort->raw(), "\"low\"");
  EXPECT_EQ(note.truncation->raw(), "\"auto\"");
  EXPECT_EQ(note.format->raw(), R"({"type":"json_object"})");
  EXPECT_EQ(note.verbosity->raw(), "\"high\"");
  EXPECT_EQ(note.metadata->raw(), R"({"a":"b"})");
}

TEST(ResponseNote, TellsWhatDidNotFitFromWhatWasNotSaid) {
  json::Document document;
  const ResponseNote note = read_note(R"({"text":{"format":null},"metadata":null})", document);
  EXPECT_EQ(note.format->raw(), "null");
  EXPECT_EQ(note.metadata->raw(), "null");
  const ResponseNote unsaid = read_note(R"({"text":{"verbosity":"low"}})", document);
  EXPECT_FALSE(unsaid.format);
  EXPECT_FALSE(unsaid.metadata);
}

TEST(ResponseNote, ThatIsNoneSaysNothing) {
  for (const char* text :
       {"", "base64", "{", "[]", "null", R"({"temperature":"hot","text":3,"reasoning":[]})",
        R"({"tool_choice":1,"metadata":"x","parallel_tool_calls":"no","truncation":true})"}) {
    json::Document document;
    const ResponseNote note = read_note(text, document);
    EXPECT_FALSE(note.temperature || note.top_p || note.max_output_tokens || note.tool_choice ||
                 note.parallel_tool_calls || note.effort || note.format || note.verbosity ||
                 note.truncation || note.metadata)
        << text;
  }
}

}  // namespace
}  // namespace quarry::translate
