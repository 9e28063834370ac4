// The form reader against forms recorded from the OpenAI SDKs and curl, cut at every place.

#include "http/multipart.h"

#include "base/bytes.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

namespace quarry::http {
namespace {

// What happened, as text: pieces of one part joined, because cuts are the reader's to choose.
struct Recorder {
  std::string log;
  bool open = false;

  MultipartReader::Events events() {
    return {
        .part_begin = [this](const FormPart& part) -> Result<void> {
          log +=
              fmt::format("[{}|{}|{}]", part.name, part.filename.value_or("-"), part.content_type);
          open = true;
          return {};
        },
        .part_data = [this](std::span<const std::byte> piece) -> Result<void> {
          EXPECT_TRUE(open);
          EXPECT_FALSE(piece.empty());
          log += as_text(piece);
          return {};
        },
        .part_end = [this]() -> Result<void> {
          EXPECT_TRUE(open);
          open = false;
          log += "[end]";
          return {};
        },
    };
  }
};

std::string read(std::string_view boundary, const std::vector<std::string_view>& pieces) {
  Recorder recorder;
  MultipartReader reader(std::string(boundary), recorder.events());
  Result<void> done;
  for (const auto piece : pieces) {
    // A copy of its own, so that a sanitizer sees a read past the piece.
    const std::vector<char> bytes(piece.begin(), piece.end());
    done = reader.feed(std::as_bytes(std::span(bytes)));
    if (!done) break;
  }
  if (done) done = reader.finish();
  return done ? recorder.log : recorder.log + "!" + done.error().message();
}

std::string read(std::string_view boundary, std::string_view form) {
  return read(boundary, std::vector<std::string_view>{form});
}

// Whole, cut in two at every place, and byte by byte: all must agree. Gives what they agree on.
std::string read_every_way(std::string_view boundary, std::string_view form) {
  const std::string whole = read(boundary, form);
  std::vector<std::string_view> single;
  for (std::size_t i = 0; i < form.size(); ++i) {
    EXPECT_EQ(read(boundary, {form.substr(0, i), form.substr(i)}), whole) << "cut at " << i;
    single.push_back(form.substr(i, 1));
  }
  EXPECT_EQ(read(boundary, single), whole) << "byte by byte";
  return whole;
}

// Node's SDK with a stream: the file comes first, then the fields.
TEST(MultipartReader, ReadsTheNodeSdksStream) {
  EXPECT_EQ(
      read_every_way("openai-i1sadlvuj0e",
                     "--openai-i1sadlvuj0e\r\n"
                     "Content-Disposition: form-data; name=\"file\"; filename=\"in.jsonl\"\r\n"
                     "Content-Type: application/octet-stream\r\n\r\n"
                     "{\"custom_id\":\"request-1\",\"method\":\"POST\"}\n"
                     "\r\n--openai-i1sadlvuj0e\r\n"
                     "Content-Disposition: form-data; name=\"purpose\"\r\n\r\nbatch"
                     "\r\n--openai-i1sadlvuj0e\r\n"
                     "Content-Disposition: form-data; name=\"expires_after[anchor]\"\r\n\r\n"
                     "created_at\r\n--openai-i1sadlvuj0e--\r\n"),
      "[file|in.jsonl|application/octet-stream]"
      "{\"custom_id\":\"request-1\",\"method\":\"POST\"}\n[end]"
      "[purpose|-|]batch[end][expires_after[anchor]|-|]created_at[end]");
}

TEST(MultipartReader, ReadsTheNodeSdksFileWithAnEscapedName) {
  EXPECT_EQ(
      read_every_way("----formdata-undici-078083655608",
                     "------formdata-undici-078083655608\r\n"
                     "Content-Disposition: form-data; name=\"file\"; "
                     "filename=\"ü %22q%22.jsonl\"\r\n"
                     "Content-Type: application/jsonl\r\n\r\n{}\r\n"
                     "------formdata-undici-078083655608\r\n"
                     "Content-Disposition: form-data; name=\"target_model_names[]\"\r\n\r\nm1\r\n"
                     "------formdata-undici-078083655608--\r\n"),
      "[file|ü \"q\".jsonl|application/jsonl]{}[end][target_model_names[]|-|]m1[end]");
}

TEST(MultipartReader, ReadsThePythonSdksFieldsBeforeTheFile) {
  EXPECT_EQ(read_every_way("d1b631404e4e0c00fe69b07cbed6d803",
                           "--d1b631404e4e0c00fe69b07cbed6d803\r\n"
                           "Content-Disposition: form-data; name=\"purpose\"\r\n\r\nbatch\r\n"
                           "--d1b631404e4e0c00fe69b07cbed6d803\r\n"
                           "Content-Disposition: form-data; name=\"file\"; filename=\"upload\"\r\n"
                           "Content-Type: application/octet-stream\r\n\r\na\r\nb\r\n\r\n"
                           "--d1b631404e4e0c00fe69b07cbed6d803--\r\n"),
            "[purpose|-|]batch[end][file|upload|application/octet-stream]a\r\nb\r\n[end]");
}

TEST(MultipartReader, ReadsCurlsForm) {
  EXPECT_EQ(read_every_way("------------------------fe2612d104cad250",
                           "--------------------------fe2612d104cad250\r\n"
                           "Content-Disposition: form-data; name=\"extra_body\"\r\n\r\n"
                           "{\"target_model_names\": \"bedrock/m1\"}\r\n"
                           "--------------------------fe2612d104cad250--\r\n"),
            "[extra_body|-|]{\"target_model_names\": \"bedrock/m1\"}[end]");
}

TEST(MultipartReader, IgnoresPreambleEpilogueAndPadding) {
  EXPECT_EQ(read_every_way("b",
                           "pre\r\namble --b\r\n--b \t \r\n"
                           "content-disposition:form-data;name=a\r\n\r\n1\r\n--b--  \r\n"
                           "epi\r\n--b\r\nlogue"),
            "[a|-|]1[end]");
}

TEST(MultipartReader, ReadsEmptyParts) {
  const std::string head = "--b\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n";
  EXPECT_EQ(read_every_way("b", head + "\r\n--b--"), "[a|-|][end]");
  // RFC 2046 5.1.1: without a body, the empty line's CRLF is the delimiter's.
  EXPECT_EQ(read_every_way("b", head + "--b--"), "[a|-|][end]");
}

TEST(MultipartReader, KeepsDataThatNearlyIsADelimiter) {
  const std::string head = "--bound\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n";
  for (const std::string_view data :
       {"\r", "\r\n", "\r\n-", "\r\r\n--boun", "\r\n--bounx", "\r\n--bound-x", "\r\n--bound x",
        "\r\n--bound \r\r", "\r\n--boundary\r\n", "--boun", "--boundx", "\r\n--bound\r",
        "\n--bound\r\n", "\r\n\r\n\r\n--\r\n--b", "\r\n--bound-\r\n--bound-"}) {
    const std::string form = head + std::string(data) + "\r\n--bound--";
    EXPECT_EQ(read_every_way("bound", form), "[a|-|]" + std::string(data) + "[end]");
  }
}

TEST(MultipartReader, CutsAnywhereAtRandomAlike) {
  std::mt19937 random(20240607);
  const std::string_view alphabet = "\r\n-bB \t";
  for (int round = 0; round < 3000; ++round) {
    std::string form = "--b\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n";
    for (std::size_t i = random() % 60; i > 0; --i) form += alphabet[random() % alphabet.size()];
    if (random() % 2 == 0) form += "\r\n--b--";
    const std::string whole = read("b", form);
    std::vector<std::string_view> pieces;
    for (std::string_view rest = form; !rest.empty();) {
      const std::size_t size = std::min<std::size_t>(rest.size(), 1 + random() % 9);
      pieces.push_back(rest.substr(0, size));
      rest.remove_prefix(size);
    }
    ASSERT_EQ(read("b", pieces), whole) << form;
  }
}

struct BadForm {
  const char* name;
  const char* form;
  const char* why;
};
class MalformedForm : public ::testing::TestWithParam<BadForm> {};

TEST_P(MalformedForm, SaysWhy) {
  const std::string got = read_every_way("b", GetParam().form);
  const std::size_t mark = got.find('!');
  ASSERT_NE(mark, std::string::npos) << got;
  EXPECT_EQ(got.substr(mark + 1),
            std::string("the multipart form is malformed: ") + GetParam().why);
}

INSTANTIATE_TEST_SUITE_P(
    Rows,
    MalformedForm,
    ::testing::Values(
        BadForm{"Empty", "", "it ends before its closing delimiter"},
        BadForm{"NoDelimiter", "a=b", "it ends before its closing delimiter"},
        BadForm{"NotClosed", "--b\r\nContent-Disposition: form-data; name=a\r\n\r\nx\r\n--b",
                "it ends before its closing delimiter"},
        BadForm{"NoName", "--b\r\nContent-Disposition: form-data\r\n\r\nx\r\n--b--",
                "a part has no name"},
        BadForm{"NoDisposition", "--b\r\n\r\nx\r\n--b--", "a part has no Content-Disposition"},
        BadForm{"Attachment", "--b\r\nContent-Disposition: attachment; name=a\r\n\r\nx\r\n--b--",
                "a part's Content-Disposition is not form-data"},
        BadForm{"NoColon", "--b\r\nfoo\r\n\r\nx\r\n--b--", "a part's header line has no name"},
        BadForm{"BareNewlines", "--b\r\nContent-Disposition: form-data;\n name=a\r\n\r\nx\r\n--b--",
                "a part's header holds a control character"},
        BadForm{"OpenQuote", "--b\r\nContent-Disposition: form-data; name=\"a\r\n\r\nx\r\n--b--",
                "a quoted string has no end"}),
    [](const auto& row) { return std::string(row.param.name); });

TEST(MultipartReader, BoundsAPartsHeader) {
  const auto form = [](std::size_t header_bytes) {
    std::string header = "Content-Disposition: form-data; name=\"a\"\r\nx: ";
    header += std::string(header_bytes - header.size() - 4, 'y') + "\r\n\r\n";
    return "--b\r\n" + header + "1\r\n--b--";
  };
  EXPECT_EQ(read("b", form(MultipartReader::kPartHeaderBytesMax)), "[a|-|]1[end]");
  EXPECT_EQ(read("b", form(MultipartReader::kPartHeaderBytesMax + 1)),
            "!the multipart form is malformed: a part's header is too large");
}

TEST(MultipartReader, BoundsTheNumberOfParts) {
  const auto parts = [](std::size_t count) {
    std::string form;
    for (std::size_t i = 0; i < count; ++i) {
      form += "--b\r\nContent-Disposition: form-data; name=a\r\n\r\n\r\n";
    }
    return read("b", form + "--b--");
  };
  EXPECT_EQ(parts(MultipartReader::kPartCountMax).find('!'), std::string::npos);
  EXPECT_NE(parts(MultipartReader::kPartCountMax + 1)
                .find("!the multipart form is malformed: it has more"),
            std::string::npos);
}

TEST(MultipartReader, GivesTheEventsErrorAndKeepsIt) {
  Recorder recorder;
  auto events = recorder.events();
  events.part_data = [](std::span<const std::byte>) -> Result<void> {
    return fail(Error(Errc::throttled, "full"));
  };
  MultipartReader reader("b", events);
  const auto feed = [&](std::string_view text) { return reader.feed(as_bytes(text)); };
  const auto first = feed("--b\r\nContent-Disposition: form-data; name=a\r\n\r\nxx");
  ASSERT_FALSE(first);
  EXPECT_EQ(first.error().code(), Errc::throttled);
  EXPECT_EQ(feed("\r\n--b--").error().message(), "full");
  EXPECT_EQ(reader.finish().error().message(), "full");
}

TEST(MultipartReader, HandsLargeDataOutUncopied) {
  std::vector<std::span<const std::byte>> pieces;
  MultipartReader reader("b", {.part_begin = [](const FormPart&) { return Result<void>(); },
                               .part_data =
                                   [&](std::span<const std::byte> piece) {
                                     pieces.push_back(piece);
                                     return Result<void>();
                                   },
                               .part_end = [] { return Result<void>(); }});
  ASSERT_TRUE(reader.feed(as_bytes("--b\r\nContent-Disposition: form-data; name=a\r\n\r\n")));
  const std::string data(1 << 20, 'x');
  ASSERT_TRUE(reader.feed(as_bytes(data)));
  ASSERT_EQ(pieces.size(), 1u);
  EXPECT_EQ(static_cast<const void*>(pieces[0].data()), static_cast<const void*>(data.data()));
  EXPECT_EQ(pieces[0].size(), data.size());
}

}  // namespace
}  // namespace quarry::http
