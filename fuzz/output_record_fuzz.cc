// Rows of a job's output, manifests and input records: any bytes give a value or an error.
#include "bedrock/record.h"

#include <boost/json.hpp>

#include <cstdlib>
#include <string>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static quarry::bedrock::OutputRecordReader reader;
  const std::string text(reinterpret_cast<const char*>(data), size);
  if (const auto record = reader.read(text)) {
    if (!record->model_output && !record->error) std::abort();
    if (record->model_output) {
      boost::json::parse_options options;
      options.max_depth = 1024;
      boost::json::error_code error;
      const auto& output = *record->model_output;
      boost::json::parse(boost::json::string_view(output.data(), output.size()), error, {},
                         options);
      if (error) std::abort();
    }
    if (record->error && (record->error->code < 100 || record->error->code > 599)) std::abort();
  }
  (void)quarry::bedrock::parse_manifest(text);
  if (const auto input = quarry::bedrock::parse_input_record(text)) {
    std::string again;
    quarry::bedrock::append_input_record(again, *quarry::bedrock::parse_record_id(input->record_id),
                                         input->model_input);
    if (again != text && again != text + "\n") std::abort();
  }
  return 0;
}
