// The two places that know families: the translators' files and the catalog's data.
#include "translate/family.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

namespace quarry::translate {
namespace {

template <class Range>
std::vector<std::string_view> copy(const Range& names) {
  return {names.begin(), names.end()};
}

TEST(Registry, HasTranslatorsForTheCatalogsFamiliesAndForNoOther) {
  EXPECT_EQ(copy(families()), copy(catalog::families()));
  for (const std::string_view family : families()) {
    EXPECT_TRUE(is_family(family)) << family;
    EXPECT_NE(make_request_family(family), nullptr) << family;
    EXPECT_NE(make_result_family(family), nullptr) << family;
  }
  EXPECT_FALSE(is_family("lama"));
  EXPECT_EQ(make_request_family("lama"), nullptr);
  EXPECT_EQ(make_result_family("lama"), nullptr);
}

// What a deployment is that says its family alone.
TEST(Registry, TakesASimpleLineForEveryEndpointOfEveryFamily) {
  RequestTranslator translator;
  TranslatedLine line;
  for (const std::string_view family : families()) {
    catalog::Model model = catalog::model_of_family(family);
    model.id = "a.model";
    for (const openai::Endpoint endpoint : model.endpoints) {
      SCOPED_TRACE(std::string(family) + " at " + std::string(openai::path(endpoint)));
      const char* body = R"({"model":"m","messages":[{"role":"user","content":"Hi"}]})";
      if (endpoint == openai::Endpoint::completions) body = R"({"model":"m","prompt":"Hi"})";
      if (endpoint == openai::Endpoint::responses || endpoint == openai::Endpoint::embeddings)
        body = R"({"model":"m","input":"Hi"})";
      const Wire wire = wire_of(model, endpoint, WirePreference::automatic);
      const auto done =
          translator.translate(body, {.endpoint = endpoint, .model = &model, .wire = wire}, line);
      ASSERT_TRUE(done) << done.error().message;
      EXPECT_EQ(line.records(), 1u);
    }
  }
}

}  // namespace
}  // namespace quarry::translate
