// Amazon Nova's answers (Amazon Nova user guide, "Request and response schema"): Converse's, as it
// stands.
#include "translate/families/converse_shape.h"

namespace quarry::translate {

std::unique_ptr<ResultFamily> make_nova_result() { return make_converse_answers(); }

}  // namespace quarry::translate
