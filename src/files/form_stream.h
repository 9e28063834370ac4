#pragma once
// A multipart form on its way in: parts are told to a form as they come, and what it has put
// together is taken away after each piece of the body.

#include "base/task.h"
#include "http/message.h"
#include "http/multipart.h"

#include <functional>
#include <span>
#include <string>

namespace quarry::files {

// A form has begin(part), data(bytes) and end(), which return Result<void>. It outlives the events.
template <class Form>
http::MultipartReader::Events events_into(Form& form) {
  return {[&form](const http::FormPart& part) { return form.begin(part); },
          [&form](std::span<const std::byte> bytes) { return form.data(bytes); },
          [&form] { return form.end(); }};
}

// Reads the body to its end. take: called after each piece. Errors: those of the body, of the form
// and of take; invalid_request where it is no form or is cut off.
Task<void> read_form(std::string content_type,
                     http::BodyReader& body,
                     http::MultipartReader::Events events,
                     std::function<Task<void>()> take);

}  // namespace quarry::files
