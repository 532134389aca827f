// The functions of text.h that look at Unicode characters.
#include <array>
#include <charconv>
#include <cstddef>
#include <cstdint>

#include "stockpot/base/text.h"

namespace stockpot {

namespace {

struct Character {
  std::uint32_t code = 0;
  std::size_t bytes = 0;  // 0: not well-formed here
};

// The character at the front of `text`, by table 3-7 of the Unicode standard.
Character decode(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const std::uint32_t lead = byte(0);
  if (lead < 0x80) return {lead, 1};
  if (lead < 0xC2 || lead > 0xF4) return {};
  const std::size_t bytes = lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
  if (text.size() < bytes) return {};
  std::uint32_t code = lead & (0x7Fu >> bytes);
  for (std::size_t i = 1; i < bytes; ++i) {
    if ((byte(i) & 0xC0) != 0x80) return {};
    code = code << 6 | (byte(i) & 0x3Fu);
  }
  const bool overlong = code < (bytes == 3 ? 0x800u : bytes == 4 ? 0x10000u : 0x80u);
  const bool surrogate = code >= 0xD800 && code <= 0xDFFF;
  if (overlong || surrogate || code > 0x10FFFF) return {};
  return {code, bytes};
}

// Characters that change how their neighbours are shown, or show nothing at all.
bool is_deceptive(std::uint32_t code) {
  return code < 0x20 || (code >= 0x7F && code <= 0x9F) || code == 0x061C ||
         (code >= 0x200B && code <= 0x200F) || (code >= 0x2028 && code <= 0x202E) ||
         (code >= 0x2060 && code <= 0x2069) || code == 0xFEFF;
}

std::string hexadecimal(std::uint32_t value, std::size_t digits) {
  std::array<char, 8> buffer;
  const auto end = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value, 16);
  std::string text(buffer.data(), end.ptr);
  return text.insert(0, digits > text.size() ? digits - text.size() : 0, '0');
}

std::string html_entity(char c) {
  switch (c) {
    case '&':
      return "&amp;";
    case '<':
      return "&lt;";
    case '>':
      return "&gt;";
    case '"':
      return "&quot;";
    case '\'':
      return "&#39;";
    default:
      return {};
  }
}

// `keep(c)` says how an ASCII character is written instead of the rule here, or "".
template <typename Keep>
std::string escape(std::string_view text, const Keep& keep) {
  std::string safe;
  safe.reserve(text.size());
  while (!text.empty()) {
    const Character character = decode(text);
    const std::string kept = character.bytes == 1 ? keep(text[0]) : std::string();
    if (!kept.empty()) {
      safe += kept;
    } else if (character.bytes == 0 || (character.bytes == 1 && is_deceptive(character.code))) {
      safe += "\\x" + hexadecimal(static_cast<unsigned char>(text[0]), 2);
    } else if (is_deceptive(character.code)) {
      safe += "\\u{" + hexadecimal(character.code, 4) + "}";
    } else {
      safe += text.substr(0, character.bytes);
    }
    text.remove_prefix(character.bytes == 0 ? 1 : character.bytes);
  }
  return safe;
}

}  // namespace

std::string printable(std::string_view untrusted) {
  return escape(untrusted, [](char) { return std::string(); });
}

std::string escape_html(std::string_view untrusted) {
  return escape(untrusted,
                [](char c) { return c == '\n' || c == '\t' ? std::string(1, c) : html_entity(c); });
}

bool is_utf8(std::string_view text) {
  while (!text.empty()) {
    const std::size_t bytes = decode(text).bytes;
    if (bytes == 0) return false;
    text.remove_prefix(bytes);
  }
  return true;
}

}  // namespace stockpot
