#include "random_text.h"

#include <array>

namespace quarry::bench {

namespace {

using Words = std::span<const std::string_view>;

constexpr std::array<std::string_view, 72> kEnglish{
    "the",      "of",       "and",     "to",      "a",        "in",       "that",    "is",
    "was",      "for",      "it",      "with",    "as",       "on",       "be",      "at",
    "by",       "this",     "had",     "not",     "are",      "but",      "from",    "or",
    "have",     "an",       "they",    "which",   "one",      "you",      "were",    "all",
    "her",      "she",      "there",   "would",   "their",    "we",       "him",     "been",
    "customer", "invoice",  "delay",   "refund",  "shipment", "answer",   "summary", "contract",
    "quarter",  "revenue",  "patient", "symptom", "report",   "question", "account", "warranty",
    "service",  "agent",    "support", "order",   "product",  "review",   "quality", "battery",
    "screen",   "delivery", "email",   "meeting", "decision", "deadline", "budget",  "it’s"};
constexpr std::array<std::string_view, 40> kEuropean{
    "café",  "déjà",   "être",    "garçon",  "où",          "naïve",     "français", "élève",
    "über",  "Straße", "Größe",   "für",     "müssen",      "Qualität",  "schön",    "können",
    "señor", "mañana", "también", "corazón", "información", "año",       "más",      "qué",
    "le",    "la",     "les",     "une",     "der",         "die",       "und",      "nicht",
    "el",    "los",    "para",    "con",     "Rechnung",    "livraison", "cliente",  "Lieferung"};
constexpr std::array<std::string_view, 32> kEastAsian{
    "请",     "总结",     "以下", "客户",     "评论", "并且",     "分类",   "情感",
    "产品",   "质量",     "很好", "但是",     "物流", "太慢",     "我们",   "需要",
    "この",   "文章",     "を",   "要約",     "して", "ください", "お客様", "から",
    "ご意見", "サポート", "製品", "について", "説明", "します",   "東京",   "北京"};
constexpr std::array<std::string_view, 8> kEmoji{"😀", "🎉", "👍",          "❤️",
                                                 "🚀", "🤔", "👩‍💻", "🇫🇷"};

struct Language {
  Words words;
  std::string_view space, comma, stop, open, close;
};
constexpr Language kEnglishText{kEnglish, " ", ", ", ". ", "\"", "\""};
constexpr Language kTypographicText{kEnglish, " ", " — ", ". ", "“", "”"};
constexpr Language kEuropeanText{kEuropean, " ", ", ", ". ", "« ", " »"};
constexpr Language kEastAsianText{kEastAsian, "", "，", "。", "「", "」"};

const Language& language(Random& random) {
  const std::uint32_t percent = random.below(100);
  if (percent < 50) return kEnglishText;
  if (percent < 70) return kTypographicText;
  return percent < 85 ? kEuropeanText : kEastAsianText;
}

void append_sentence(std::string& out, Random& random, const Language& language) {
  const std::size_t words = random.between(6, 22);
  const std::size_t quoted = random.chance(15) ? random.below(6) : words;
  for (std::size_t i = 0; i < words; ++i) {
    if (i > 0) out += random.chance(8) ? language.comma : language.space;
    if (i == quoted) out += language.open;
    out += random.pick(language.words);
    if (i == quoted) out += language.close;
  }
  out += language.stop;
  if (random.chance(3)) out.append(random.pick(kEmoji)).append(" ");
}

}  // namespace

std::string Random::hex(std::size_t digits) {
  std::string out;
  while (out.size() < digits) out += "0123456789abcdef"[below(16)];
  return out;
}

std::string text(Random& random, std::size_t bytes) {
  const Language& of = language(random);
  std::string out;
  while (out.size() < bytes) {
    const std::size_t sentences = random.between(1, 6);
    for (std::size_t i = 0; i < sentences && out.size() < bytes; ++i)
      append_sentence(out, random, of);
    if (out.size() < bytes) out += random.chance(30) ? "\n- " : "\n\n";
  }
  return out;
}

std::string phrase(Random& random, std::size_t words) {
  std::string out(random.pick(kEnglish));
  while (--words > 0) out.append(" ").append(random.pick(kEnglish));
  return out;
}

}  // namespace quarry::bench
