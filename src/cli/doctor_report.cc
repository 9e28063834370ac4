#include "cli/doctor_report.h"

#include "json/value_text.h"

#include <boost/json.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <string_view>
#include <utility>

namespace quarry::cli {
namespace {

namespace bj = boost::json;

constexpr std::size_t kLineWidth = 100;
constexpr std::string_view kIndent = "      ";

// What others said must not speak to the terminal.
std::string printable(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte == '\n' || byte == '\t') {
      out += ' ';
    } else if (byte < 0x20 || byte == 0x7f) {
      out += fmt::format("\\x{:02x}", byte);
    } else {
      out += c;
    }
  }
  return out;
}

std::string_view mark(Outcome outcome) {
  switch (outcome) {
    case Outcome::fine:
      return "✓";
    case Outcome::failed:
      return "✗";
    case Outcome::not_checked:
      return "–";
  }
  return "";
}

std::string_view word(Outcome outcome) {
  switch (outcome) {
    case Outcome::fine:
      return "ok";
    case Outcome::failed:
      return "failed";
    case Outcome::not_checked:
      return "not_checked";
  }
  return "";
}

std::string coloured(Outcome outcome, bool colours) {
  if (!colours) return std::string(mark(outcome));
  const int colour = outcome == Outcome::fine ? 32 : outcome == Outcome::failed ? 31 : 33;
  return fmt::format("\x1b[{}m{}\x1b[0m", colour, mark(outcome));
}

// At blanks, into lines of at most kLineWidth; a longer word has a line of its own.
std::string wrap(std::string_view text, std::string_view first, std::string_view next) {
  std::string out;
  std::string line(first);
  bool bare = true;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(' '), text.size());
    const std::string_view one = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (one.empty()) continue;
    if (!bare && line.size() + 1 + one.size() > kLineWidth) {
      out += line + "\n";
      line = next;
      bare = true;
    }
    if (!bare) line += ' ';
    line += one;
    bare = false;
  }
  return out + line + "\n";
}

std::string spaces(std::size_t n) { return std::string(n, ' '); }

// As policies are written in AWS's documentation: two blanks a level.
void pretty(const bj::value& value, std::size_t indent, std::string& out) {
  if (const auto* object = value.if_object(); object && !object->empty()) {
    out += "{\n";
    std::size_t left = object->size();
    for (const auto& [key, one] : *object) {
      out += spaces(indent + 2) + json::value_text(bj::value(key)) + ": ";
      pretty(one, indent + 2, out);
      out += --left > 0 ? ",\n" : "\n";
    }
    out += spaces(indent) + "}";
  } else if (const auto* array = value.if_array(); array && array->size() > 1) {
    out += "[\n";
    std::size_t left = array->size();
    for (const bj::value& one : *array) {
      out += spaces(indent + 2);
      pretty(one, indent + 2, out);
      out += --left > 0 ? ",\n" : "\n";
    }
    out += spaces(indent) + "]";
  } else {
    json::append_value(out, value);
  }
}

std::string statement_text(const std::string& statement) {
  boost::system::error_code broken;
  const bj::value value = bj::parse(statement, broken);
  std::string out(kIndent);
  if (broken) {
    out += printable(statement);
  } else {
    pretty(value, kIndent.size(), out);
  }
  return out + "\n";
}

std::string remedy_text(const Remedy& remedy) {
  std::string out;
  if (!remedy.text.empty()) {
    out += wrap(printable(remedy.text), fmt::format("{}mend: ", kIndent), spaces(12));
  }
  if (!remedy.setting.empty()) {
    out += remedy.value.empty()
               ? fmt::format("{}in litellm_params, remove {}\n", kIndent, remedy.setting)
               : fmt::format("{}in litellm_params, set {}: {}\n", kIndent, remedy.setting,
                             printable(remedy.value));
  }
  if (!remedy.statement.empty()) {
    out += fmt::format("{}add to {}:\n", kIndent, printable(remedy.place));
    out += statement_text(remedy.statement);
  }
  return out;
}

bj::value text_or_null(const std::string& text) {
  return text.empty() ? bj::value(nullptr) : bj::value(text);
}

bj::value remedy_json(const Remedy& remedy) {
  bj::object out{{"text", text_or_null(remedy.text)}};
  if (!remedy.setting.empty()) {
    out["setting"] = bj::object{{"key", remedy.setting}, {"value", text_or_null(remedy.value)}};
  }
  if (!remedy.statement.empty()) {
    boost::system::error_code broken;
    bj::value statement = bj::parse(remedy.statement, broken);
    out["place"] = remedy.place;
    out["statement"] = broken ? bj::value(remedy.statement) : std::move(statement);
  }
  return out;
}

bj::object check_json(const Check& check) {
  bj::object out{{"check", check.name},
                 {"outcome", word(check.outcome)},
                 {"detail", check.detail},
                 {"said", text_or_null(check.said)}};
  out["remedy"] = check.outcome == Outcome::failed ? remedy_json(check.remedy) : nullptr;
  return out;
}

}  // namespace

std::size_t count(const std::vector<Diagnosis>& all, Outcome outcome) {
  std::size_t n = 0;
  for (const Diagnosis& one : all) {
    n += static_cast<std::size_t>(std::ranges::count(one.checks, outcome, &Check::outcome));
  }
  return n;
}

std::string render_diagnosis(const Diagnosis& diagnosis, bool colours) {
  std::string out =
      printable(fmt::format("{}: {} in {}, {} ({})", diagnosis.model_name, diagnosis.model_id,
                            diagnosis.region, diagnosis.bucket, diagnosis.place)) +
      "\n";
  std::size_t width = 0;
  for (const Check& check : diagnosis.checks) width = std::max(width, check.name.size());
  for (const Check& check : diagnosis.checks) {
    // The mark is one column of several bytes, so the line is wrapped without it.
    std::string row = wrap(printable(check.detail), fmt::format("    {:<{}}  ", check.name, width),
                           spaces(width + 6));
    row.erase(0, 4);
    out += fmt::format("  {} {}", coloured(check.outcome, colours), row);
    if (!check.said.empty()) {
      out += wrap(printable(check.said), fmt::format("{}said: ", kIndent), spaces(12));
    }
    if (check.outcome == Outcome::failed) out += remedy_text(check.remedy);
  }
  return out;
}

std::string render_summary(const std::vector<Diagnosis>& all) {
  const std::size_t failed = count(all, Outcome::failed);
  const std::size_t skipped = count(all, Outcome::not_checked);
  const std::size_t made = failed + count(all, Outcome::fine);
  std::string out = failed == 0 ? fmt::format("all {} checks are fine", made)
                                : fmt::format("{} of {} checks failed", failed, made);
  if (skipped > 0) out += fmt::format(", {} not made (–, each says why)", skipped);
  return out + "\n";
}

std::string diagnoses_json(const std::vector<Diagnosis>& all) {
  bj::array deployments;
  for (const Diagnosis& one : all) {
    bj::array checks;
    for (const Check& check : one.checks) checks.push_back(check_json(check));
    deployments.push_back(bj::object{{"id", one.id},
                                     {"model_name", one.model_name},
                                     {"model", one.model_id},
                                     {"region", one.region},
                                     {"bucket", one.bucket},
                                     {"place", one.place},
                                     {"checks", std::move(checks)}});
  }
  return json::value_text(bj::object{{"ok", count(all, Outcome::failed) == 0},
                                     {"fine", count(all, Outcome::fine)},
                                     {"failed", count(all, Outcome::failed)},
                                     {"not_checked", count(all, Outcome::not_checked)},
                                     {"deployments", std::move(deployments)}}) +
         "\n";
}

}  // namespace quarry::cli
