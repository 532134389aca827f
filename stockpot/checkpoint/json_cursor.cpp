#include "stockpot/checkpoint/json_cursor.h"

#include "stockpot/base/error.h"
#include "stockpot/base/text.h"

namespace stockpot {
namespace {

constexpr int kDeepest = 64;

bool is_digit(char c) { return c >= '0' && c <= '9'; }

void append_utf8(std::string& out, std::uint32_t code) {
  const auto byte = [&](std::uint32_t value) { out.push_back(static_cast<char>(value)); };
  if (code < 0x80) {
    byte(code);
  } else if (code < 0x800) {
    byte(0xc0 | (code >> 6));
    byte(0x80 | (code & 0x3f));
  } else if (code < 0x10000) {
    byte(0xe0 | (code >> 12));
    byte(0x80 | ((code >> 6) & 0x3f));
    byte(0x80 | (code & 0x3f));
  } else {
    byte(0xf0 | (code >> 18));
    byte(0x80 | ((code >> 12) & 0x3f));
    byte(0x80 | ((code >> 6) & 0x3f));
    byte(0x80 | (code & 0x3f));
  }
}

}  // namespace

void JsonCursor::fail(std::string_view expected) const {
  const std::string found = position_ < text_.size()
                                ? "'" + printable(text_.substr(position_, 1)) + "'"
                                : "the end of the header";
  refuse("expected " + std::string(expected) + ", found " + found);
}

void JsonCursor::refuse(const std::string& problem) const {
  throw FormatError(file_, "header byte " + std::to_string(position_) + ": " + problem);
}

void JsonCursor::skip_space() {
  while (position_ < text_.size()) {
    const char c = text_[position_];
    if (c != ' ' && c != '\t' && c != '\n' && c != '\r') return;
    ++position_;
  }
}

bool JsonCursor::take(char wanted) {
  skip_space();
  if (position_ >= text_.size() || text_[position_] != wanted) return false;
  ++position_;
  return true;
}

void JsonCursor::expect(char wanted, std::string_view expected) {
  if (!take(wanted)) fail(expected);
}

bool JsonCursor::take_word(std::string_view word) {
  if (text_.substr(position_, word.size()) != word) return false;
  position_ += word.size();
  return true;
}

bool JsonCursor::null() {
  skip_space();
  return take_word("null");
}

std::string JsonCursor::string(std::string_view expected) {
  expect('"', expected);
  std::string out;
  for (;;) {
    std::size_t end = position_;
    while (end < text_.size() && text_[end] != '"' && text_[end] != '\\' &&
           static_cast<unsigned char>(text_[end]) >= 0x20)
      ++end;
    out.append(text_, position_, end - position_);
    position_ = end;
    if (position_ >= text_.size()) fail("'\"' at the end of a string");
    if (text_[position_] == '"') break;
    if (text_[position_] != '\\') fail("no control character in a string");
    ++position_;
    escape(out);
  }
  ++position_;
  return out;
}

void JsonCursor::escape(std::string& out) {
  constexpr std::string_view kLetters = "\"\\/bfnrt", kMeanings = "\"\\/\b\f\n\r\t";
  const char letter = position_ < text_.size() ? text_[position_] : '\0';
  if (const std::size_t which = kLetters.find(letter); which != std::string_view::npos) {
    out.push_back(kMeanings[which]);
    ++position_;
    return;
  }
  if (letter != 'u') fail("an escape such as \\n or \\u00e9");
  ++position_;
  std::uint32_t code = hex4();
  if (code >= 0xd800 && code < 0xdc00) {
    if (!take_word("\\u")) fail("the second half of a surrogate pair");
    const std::uint32_t low = hex4();
    if (low < 0xdc00 || low > 0xdfff) fail("the second half of a surrogate pair before this");
    code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
  } else if (code >= 0xdc00 && code < 0xe000) {
    fail("no lone surrogate before this");
  }
  append_utf8(out, code);
}

std::uint32_t JsonCursor::hex4() {
  std::uint32_t code = 0;
  for (int i = 0; i < 4; ++i, ++position_) {
    const char c = position_ < text_.size() ? text_[position_] : '\0';
    if (is_digit(c))
      code = code * 16 + static_cast<std::uint32_t>(c - '0');
    else if ((c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'))
      code = code * 16 + static_cast<std::uint32_t>((c | 0x20) - 'a' + 10);
    else
      fail("four hexadecimal digits");
  }
  return code;
}

std::uint64_t JsonCursor::unsigned_integer() {
  skip_space();
  const std::size_t begin = position_;
  std::uint64_t value = 0;
  while (position_ < text_.size() && is_digit(text_[position_])) {
    const auto digit = static_cast<std::uint64_t>(text_[position_] - '0');
    if (__builtin_mul_overflow(value, std::uint64_t{10}, &value) ||
        __builtin_add_overflow(value, digit, &value))
      refuse("the number does not fit in 64 bits");
    ++position_;
  }
  const char next = position_ < text_.size() ? text_[position_] : '\0';
  const bool leading_zero = position_ > begin + 1 && text_[begin] == '0';
  if (position_ == begin || leading_zero || next == '.' || next == 'e' || next == 'E')
    fail("an unsigned integer");
  return value;
}

void JsonCursor::skip_digits() {
  const std::size_t begin = position_;
  while (position_ < text_.size() && is_digit(text_[position_])) ++position_;
  if (position_ == begin) fail("a digit");
}

void JsonCursor::skip_number() {
  take_word("-");
  if (!take_word("0")) skip_digits();
  if (take_word(".")) skip_digits();
  if (take_word("e") || take_word("E")) {
    if (!take_word("+")) take_word("-");
    skip_digits();
  }
}

void JsonCursor::skip_value(int depth) {
  skip_space();
  const char first = position_ < text_.size() ? text_[position_] : '\0';
  if (first == '{' || first == '[') {
    if (depth >= kDeepest) refuse("nested deeper than " + std::to_string(kDeepest) + " levels");
    if (first == '{')
      object([&](const std::string&) { skip_value(depth + 1); });
    else
      array([&] { skip_value(depth + 1); });
  } else if (first == '"') {
    string("a string");
  } else if (first == '-' || is_digit(first)) {
    skip_number();
  } else if (!take_word("true") && !take_word("false") && !take_word("null")) {
    fail("a JSON value");
  }
}

void JsonCursor::end() {
  skip_space();
  if (position_ < text_.size()) fail("nothing after the header's '}'");
}

}  // namespace stockpot
