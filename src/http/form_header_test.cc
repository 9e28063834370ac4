#include "http/form_header.h"

#include <gtest/gtest.h>

namespace quarry::http {
namespace {

FormPart part_of(std::string_view disposition) {
  const auto part =
      parse_part_header("Content-Disposition: " + std::string(disposition) + "\r\n\r\n");
  EXPECT_TRUE(part) << disposition;
  return part.value_or(FormPart());
}

struct NameRow {
  const char* sent;
  const char* filename;
};
class Filename : public ::testing::TestWithParam<NameRow> {};

TEST_P(Filename, IsRead) {
  const auto part = part_of(std::string("form-data; name=\"f\"; filename=") + GetParam().sent);
  EXPECT_EQ(part.name, "f");
  EXPECT_EQ(part.filename, GetParam().filename);
}

INSTANTIATE_TEST_SUITE_P(Rows,
                         Filename,
                         ::testing::Values(NameRow{R"("in.jsonl")", "in.jsonl"},
                                           NameRow{R"("")", ""},
                                           NameRow{R"(plain.txt)", "plain.txt"},
                                           // HTML's form encoding, of these three only
                                           NameRow{R"("%22a%0d%0A%41%")", "\"a\r\n%41%"},
                                           // curl's and Python's backslashes
                                           NameRow{R"("a\"b\\c")", R"(a"b\c)"},
                                           // a browser's backslashes
                                           NameRow{R"("C:\dir\f")", R"(C:\dir\f)"},
                                           NameRow{R"("dir\")", R"(dir\)"},
                                           NameRow{R"("a;b=c")", "a;b=c"},
                                           NameRow{R"("ü.jsonl")", "ü.jsonl"}));

TEST(ParsePartHeader, TakesNamesAndTypesInAnyCaseAndOrder) {
  const auto part = parse_part_header(
      "X-Other: 1\r\nCONTENT-TYPE:  text/plain; charset=utf-8 \r\n"
      "content-disposition: Form-Data ;FileName=\"b\" ; NAME=a;\r\n\r\n");
  ASSERT_TRUE(part) << part.error().message();
  EXPECT_EQ(part->name, "a");
  EXPECT_EQ(part->filename, "b");
  EXPECT_EQ(part->content_type, "text/plain; charset=utf-8");
}

TEST(ParsePartHeader, HasNoFilenameWhereNoneIsSent) {
  const auto part = part_of("form-data; name=\"a\"");
  EXPECT_EQ(part.filename, std::nullopt);
  EXPECT_EQ(part.content_type, "");
}

TEST(ParsePartHeader, TakesTheExtendedFilenameOfOldClients) {
  EXPECT_EQ(part_of("form-data; name=a; filename*=utf-8''%C3%BC.txt").filename, "ü.txt");
  EXPECT_EQ(part_of("form-data; name=a; filename=x; filename*=utf-8''y").filename, "x");
}

TEST(ParsePartHeader, UnfoldsLines) {
  const auto part = parse_part_header("Content-Disposition: form-data;\r\n name=\"a\"\r\n\r\n");
  ASSERT_TRUE(part);
  EXPECT_EQ(part->name, "a");
}

TEST(ParsePartHeader, RefusesWhatTwoReadersCouldReadDifferently) {
  for (const std::string_view disposition :
       {"form-data; name=a; name=b", "form-data; name=\"a\"b", "form-data; name",
        "form-data; name=a; filename*=latin1''x"}) {
    EXPECT_FALSE(parse_part_header("Content-Disposition: " + std::string(disposition) + "\r\n\r\n"))
        << disposition;
  }
  EXPECT_FALSE(
      parse_part_header("Content-Disposition: form-data; name=a\r\n"
                        "Content-Disposition: form-data; name=b\r\n\r\n"));
}

TEST(FormBoundary, IsFoundQuotedOrNot) {
  EXPECT_EQ(form_boundary("multipart/form-data; boundary=openai-1").value(), "openai-1");
  EXPECT_EQ(
      form_boundary("Multipart/Form-Data; charset=utf-8; Boundary=\"a b'()+_,-./:=?\"").value(),
      "a b'()+_,-./:=?");
  EXPECT_EQ(form_boundary("multipart/form-data;boundary=" + std::string(70, 'x')).value().size(),
            70u);
}

TEST(FormBoundary, IsRefusedWhereRfc2046Does) {
  for (const std::string& type :
       {std::string("application/json"), std::string("multipart/mixed; boundary=a"),
        std::string("multipart/form-data"), std::string("multipart/form-data; boundary="),
        std::string("multipart/form-data; boundary=\"a \""),
        std::string("multipart/form-data; boundary=a*"),
        std::string("multipart/form-data; boundary=\"a\r\nb\""), std::string(),
        "multipart/form-data; boundary=" + std::string(71, 'x')}) {
    const auto got = form_boundary(type);
    ASSERT_FALSE(got) << type;
    EXPECT_EQ(got.error().code(), Errc::invalid_request);
  }
}

}  // namespace
}  // namespace quarry::http
