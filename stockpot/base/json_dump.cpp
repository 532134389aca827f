// Writing Json as text.
#include <cmath>
#include <stdexcept>

#include "stockpot/base/json.h"
#include "stockpot/base/text.h"

namespace stockpot {

namespace {

void append_escaped(std::string& out, char c) {
  static constexpr char kDigits[] = "0123456789abcdef";
  static constexpr std::string_view kShort = "\b\f\n\r\t\"\\", kLetter = "bfnrt\"\\";
  out += '\\';
  if (const std::size_t at = kShort.find(c); at != std::string_view::npos) {
    out += kLetter[at];
  } else {
    const auto code = static_cast<unsigned char>(c);
    out.append("u00") += kDigits[code >> 4];
    out += kDigits[code & 15];
  }
}

void append_text(std::string& out, std::string_view text) {
  out += '"';
  std::size_t plain = 0;  // start of what needs no escape and is not yet copied
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (static_cast<unsigned char>(c) >= 0x20 && c != '"' && c != '\\') continue;
    out.append(text, plain, i - plain);
    append_escaped(out, c);
    plain = i + 1;
  }
  out.append(text, plain).append(1, '"');
}

std::string number_text(double value) {
  if (!std::isfinite(value)) return "null";
  std::string text = shortest(value);
  // Keeps 3.0 apart from the integer 3 when it is read again.
  if (text.find_first_of(".e") == std::string::npos) text += ".0";
  return text;
}

class Writer {
 public:
  explicit Writer(int indent) : indent_(indent) {}

  void write(const Json& value) {
    if (value.is_array()) {
      write_all('[', ']', value.items(), [this](const Json& item) { write(item); });
    } else if (value.is_object()) {
      write_all('{', '}', value.members(), [this](const Json::Member& member) {
        write_text(member.first);
        out_ += indent_ < 0 ? ":" : ": ";
        write(member.second);
      });
    } else {
      write_scalar(value);
    }
  }

  std::string take() { return std::move(out_); }

 private:
  template <typename Items, typename WriteOne>
  void write_all(char open, char close, const Items& items, const WriteOne& write_one) {
    if (depth_ == 64) throw std::length_error("JSON is nested deeper than 64 levels");
    ++depth_;
    out_ += open;
    bool first = true;
    for (const auto& item : items) {
      if (!first) out_ += ',';
      first = false;
      new_line();
      write_one(item);
    }
    --depth_;
    if (!first) new_line();
    out_ += close;
  }

  void write_scalar(const Json& value) {
    if (value.is_null()) {
      out_ += "null";
    } else if (value.is_bool()) {
      out_ += value.as_bool() ? "true" : "false";
    } else if (value.is_integer()) {
      out_ += std::to_string(value.as_integer());
    } else if (value.is_unsigned()) {
      out_ += std::to_string(value.as_unsigned());
    } else if (value.is_number()) {
      out_ += number_text(value.as_number());
    } else {
      write_text(value.as_string());
    }
  }

  void write_text(std::string_view text) {
    if (is_utf8(text)) {
      append_text(out_, text);
    } else {
      append_text(out_, printable(text));
    }
  }

  void new_line() {
    if (indent_ < 0) return;
    out_ += '\n';
    out_.append(static_cast<std::size_t>(indent_ * depth_), ' ');
  }

  const int indent_;
  int depth_ = 0;
  std::string out_;
};

}  // namespace

std::string Json::dump(int indent) const {
  Writer writer(indent);
  writer.write(*this);
  return writer.take();
}

}  // namespace stockpot
