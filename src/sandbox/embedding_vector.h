#pragma once
// The vectors that the sandbox's embedding models answer with, and how they print them. Pure.

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace quarry::sandbox {

// Depends on the content and the dimension alone; its norm is 1.
std::vector<float> unit_vector(std::string_view content, std::size_t dimension);

// The mean of two, back at norm 1: how text and image become one.
std::vector<float> mean_vector(std::span<const float> a, std::span<const float> b);

// As a JSON array. `form` is Cohere's word for it: float (shortest decimals that read back the
// same), int8, uint8, binary and ubinary (eight signs a number); "bits" is Titan's binary, one sign
// a number.
void append_vector(std::span<const float> vector, std::string_view form, std::string& out);

}  // namespace quarry::sandbox
