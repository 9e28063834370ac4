// The bytes of an upload, at every size of the buffer that asks for them.
#include "cli/upload_form.h"

#include <gtest/gtest.h>

#include <cstring>
#include <string>

namespace quarry::cli {
namespace {

UploadBody::ReadFile from(std::string text) {
  return [text = std::move(text), at = std::size_t{0}](std::span<std::byte> to) mutable {
    const std::size_t count = std::min(to.size(), text.size() - at);
    std::memcpy(to.data(), text.data() + at, count);
    at += count;
    return count;
  };
}

std::string drain(UploadBody& body, std::size_t window) {
  std::string all;
  std::string buffer(window, '\0');
  while (const std::size_t count = body.read(std::as_writable_bytes(std::span(buffer)))) {
    all.append(buffer, 0, count);
  }
  return all;
}

constexpr const char* kWhole =
    "--B\r\nContent-Disposition: form-data; name=\"purpose\"\r\n\r\nbatch\r\n"
    "--B\r\nContent-Disposition: form-data; name=\"target_model_names\"\r\n\r\nclaude\r\n"
    "--B\r\nContent-Disposition: form-data; name=\"file\"; filename=\"in.jsonl\"\r\n"
    "Content-Type: application/octet-stream\r\n\r\n"
    "{\"a\":1}\n"
    "\r\n--B--\r\n";

UploadForm form(std::uint64_t file_bytes) {
  return {.fields = {{"purpose", "batch"}, {"target_model_names", "claude"}},
          .file_name = "in.jsonl",
          .file_bytes = file_bytes};
}

TEST(UploadBody, IsTheSameInWindowsOfEverySize) {
  for (std::size_t window = 1; window < 600; ++window) {
    UploadBody body(form(8), "B", from("{\"a\":1}\n"));
    ASSERT_EQ(drain(body, window), kWhole) << window;
    ASSERT_EQ(body.file_bytes_read(), 8u);
  }
}

TEST(UploadBody, KnowsItsExactSizeAndItsType) {
  const UploadBody body(form(8), "B", from(""));
  EXPECT_EQ(body.size(), std::strlen(kWhole));
  EXPECT_EQ(body.content_type(), "multipart/form-data; boundary=B");
}

TEST(UploadBody, OfAnEmptyFileIsAWholeForm) {
  UploadBody body(form(0), "B", from(""));
  const std::string all = drain(body, 64);
  EXPECT_EQ(all.size(), body.size());
  EXPECT_TRUE(all.ends_with("\r\n\r\n\r\n--B--\r\n"));
}

TEST(UploadBody, CutsAFileThatGrewAfterItWasMeasured) {
  UploadBody body(form(4), "B", from("1234 and more"));
  const std::string all = drain(body, 7);
  EXPECT_EQ(all.size(), body.size());
  EXPECT_TRUE(all.ends_with("\r\n\r\n1234\r\n--B--\r\n"));
}

TEST(UploadBody, OfAFileThatShrankNeverLooksWhole) {
  UploadBody body(form(100), "B", from("1234"));
  const std::string all = drain(body, 7);
  EXPECT_LT(all.size(), body.size());
  EXPECT_TRUE(all.ends_with("1234"));
}

TEST(UploadBody, EncodesFileNamesAsBrowsersDo) {
  UploadForm named = form(0);
  named.file_name = "\xC3\xBC \"q\"\r\n.jsonl";
  UploadBody body(named, "B", from(""));
  EXPECT_NE(drain(body, 4096).find("filename=\"\xC3\xBC %22q%22%0D%0A.jsonl\""), std::string::npos);
}

}  // namespace
}  // namespace quarry::cli
