#pragma once
// What a model family adds: two files in families/, <family>_request.cc and <family>_result.cc,
// each with one factory that registry.cc finds by the file's name:
//
//   std::unique_ptr<RequestFamily> make_<family>_request();
//   std::unique_ptr<ResultFamily> make_<family>_result();

#include "catalog/catalog.h"
#include "translate/answer.h"
#include "translate/chat_request.h"
#include "translate/embeddings.h"
#include "translate/translator.h"

#include <memory>
#include <string>
#include <string_view>

namespace quarry::translate {

// Writes the model's body. Keeps its scratch memory from line to line; not thread-safe.
class RequestFamily {
 public:
  virtual ~RequestFamily() = default;
  // Appends the body, one line of compact JSON; on an error what was appended is of no use. The
  // default: an error, the family has no chat models.
  virtual Outcome append_chat(const ChatRequest& request,
                              const catalog::Model& model,
                              std::string& out);
  // The model calls tools in its text: Answer::tools_offered says then whether a text may be a call.
  virtual bool calls_in_text() const { return false; }
  // Appends the records of an embeddings line, each closed with end_record(). The default: an
  // error, the family has no embedding models.
  virtual Outcome append_embeddings(EmbeddingsRequest& request,
                                    const catalog::Model& model,
                                    TranslatedLine& line);
};

// Reads the model's answer.
class ResultFamily {
 public:
  virtual ~ResultFamily() = default;
  // Fills `answer`, which is clear. Its views are valid until the next call. usage is set even on
  // an error, where it could be read. The default: an error.
  virtual Outcome read_chat(std::string_view model_output, Answer& answer);
  virtual Outcome read_embeddings(std::string_view model_output, EmbeddingsAnswer& answer);
};

// nullptr when there is no such family.
std::unique_ptr<RequestFamily> make_request_family(std::string_view name);
std::unique_ptr<ResultFamily> make_result_family(std::string_view name);

}  // namespace quarry::translate
