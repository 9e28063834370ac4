// Converse's answers, whatever model gave them (Bedrock API reference, "Converse").
#include "translate/families/converse_shape.h"

namespace quarry::translate {

std::unique_ptr<ResultFamily> make_converse_result() { return make_converse_answers(); }

}  // namespace quarry::translate
