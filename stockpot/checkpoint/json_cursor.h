// Reads JSON from left to right without building a tree: a safetensors header may hold
// millions of entries. As strict as stockpot/base/json.h; the text must be valid UTF-8.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

namespace stockpot {

class JsonCursor {
 public:
  // `file` is named in errors; positions there count from `text`'s first byte.
  JsonCursor(std::string_view text, const std::filesystem::path& file) : text_(text), file_(file) {}

  // An object: calls member(key) at each value, which it must consume.
  template <typename Member>
  void object(Member&& member) {
    expect('{', "'{'");
    if (take('}')) return;
    do {
      std::string key = string("a name in quotes");
      expect(':', "':' after a name");
      member(std::move(key));
    } while (take(','));
    expect('}', "',' or '}'");
  }

  // An array: calls element() at each value, which it must consume.
  template <typename Element>
  void array(Element&& element) {
    expect('[', "'['");
    if (take(']')) return;
    do element();
    while (take(','));
    expect(']', "',' or ']'");
  }

  std::string string(std::string_view expected);
  // Digits only: no sign, fraction or exponent; below 2^64.
  std::uint64_t unsigned_integer();
  bool null();  // consumes `null` when that is next

  // Consumes any value. `depth` is that of the container around it.
  void skip_value(int depth);
  // Only white space may be left.
  void end();

  // Throws FormatError "<file>: header byte <position>: expected <expected>, found ...".
  [[noreturn]] void fail(std::string_view expected) const;
  // Throws FormatError "<file>: header byte <position>: <problem>".
  [[noreturn]] void refuse(const std::string& problem) const;

 private:
  void skip_space();
  bool take(char wanted);
  void expect(char wanted, std::string_view expected);
  bool take_word(std::string_view word);
  void skip_number();
  void skip_digits();
  void escape(std::string& out);
  std::uint32_t hex4();

  std::string_view text_;
  const std::filesystem::path& file_;
  std::size_t position_ = 0;
};

}  // namespace stockpot
