#include "sandbox/embedding_vector.h"

#include "sandbox/model_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <iterator>

namespace quarry::sandbox {
namespace {

void scale_to_one(std::vector<double>& values) {
  double squares = 0;
  for (const double value : values) squares += value * value;
  if (squares == 0) return;
  const double norm = std::sqrt(squares);
  for (double& value : values) value /= norm;
}

std::vector<float> narrowed(const std::vector<double>& values) {
  std::vector<float> out(values.size());
  std::ranges::transform(values, out.begin(),
                         [](double value) { return static_cast<float>(value); });
  return out;
}

// -128..127; two standard deviations of a unit vector's entries fill the range.
int quantized(float value, std::size_t dimension) {
  const double spread = 2 / std::sqrt(static_cast<double>(dimension));
  return static_cast<int>(std::clamp(std::round(value / spread * 127), -128.0, 127.0));
}

int packed_signs(std::span<const float> eight) {
  int byte = 0;
  for (const float value : eight) byte = byte * 2 + (value > 0 ? 1 : 0);
  return byte;
}

}  // namespace

std::vector<float> unit_vector(std::string_view content, std::size_t dimension) {
  TextSource source({"embedding", content, std::to_string(dimension)});
  std::vector<double> values(dimension);
  for (double& value : values)
    value = static_cast<double>(source.next() >> 11) / 4503599627370496.0 - 1;  // -1 to below 1
  scale_to_one(values);
  return narrowed(values);
}

std::vector<float> mean_vector(std::span<const float> a, std::span<const float> b) {
  std::vector<double> values(a.size());
  std::ranges::transform(a, b, values.begin(),
                         [](float x, float y) { return static_cast<double>(x) + y; });
  scale_to_one(values);
  return narrowed(values);
}

void append_vector(std::span<const float> vector, std::string_view form, std::string& out) {
  const auto at = std::back_inserter(out);
  const bool packed = form == "binary" || form == "ubinary";
  out.push_back('[');
  for (std::size_t i = 0; i < vector.size(); i += packed ? 8 : 1) {
    if (i > 0) out.push_back(',');
    if (packed) {
      const auto eight = vector.subspan(i, std::min<std::size_t>(8, vector.size() - i));
      fmt::format_to(at, "{}", packed_signs(eight) - (form == "binary" ? 128 : 0));
    } else if (form == "bits") {
      out.push_back(vector[i] > 0 ? '1' : '0');
    } else if (form == "int8" || form == "uint8") {
      fmt::format_to(at, "{}", quantized(vector[i], vector.size()) + (form == "uint8" ? 128 : 0));
    } else {
      fmt::format_to(at, "{}", vector[i]);
    }
  }
  out.push_back(']');
}

}  // namespace quarry::sandbox
