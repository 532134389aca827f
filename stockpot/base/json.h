// A strict JSON value. Parsing refuses duplicate keys, nesting deeper than 64, invalid
// UTF-8, trailing text, NaN literals and numbers that do not fit; members keep their order.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace stockpot {

class Json {
 public:
  using Array = std::vector<Json>;
  using Member = std::pair<std::string, Json>;
  using Object = std::vector<Member>;  // in file order, keys unique

  Json() = default;  // null
  // Not inline: g++ 12 warns about uninitialized values when it inlines a moved variant.
  Json(const Json& other);
  Json(Json&& other) noexcept;
  Json& operator=(const Json& other);
  Json& operator=(Json&& other) noexcept;
  ~Json();
  Json(std::nullptr_t) {}
  Json(bool value) : value_(value) {}
  Json(int value) : value_(static_cast<std::int64_t>(value)) {}
  Json(std::int64_t value) : value_(value) {}
  Json(std::uint64_t value);
  Json(double value) : value_(value) {}  // written as null when not finite
  Json(const char* value) : value_(std::string(value)) {}
  Json(std::string_view value) : value_(std::string(value)) {}
  Json(std::string value) : value_(std::move(value)) {}
  Json(Array value) : value_(std::move(value)) {}
  static Json array() { return Json(Array{}); }
  static Json object(std::initializer_list<Member> members = {});

  bool is_null() const { return std::holds_alternative<std::monostate>(value_); }
  bool is_bool() const { return std::holds_alternative<bool>(value_); }
  bool is_integer() const;   // fits std::int64_t and was written without fraction or exponent
  bool is_unsigned() const;  // the same, not negative
  bool is_number() const;
  bool is_string() const { return std::holds_alternative<std::string>(value_); }
  bool is_array() const { return std::holds_alternative<Array>(value_); }
  bool is_object() const { return std::holds_alternative<Object>(value_); }

  // Each throws FormatError (without a file name) when the value is of another kind.
  bool as_bool() const;
  std::int64_t as_integer() const;
  std::uint64_t as_unsigned() const;
  double as_number() const;
  const std::string& as_string() const;
  const Array& items() const;
  const Object& members() const;

  // The member of that name, or nullptr. Also nullptr when this is not an object.
  const Json* find(std::string_view key) const;
  // Sets or appends a member; turns null into an object.
  Json& set(std::string_view key, Json value);
  // Appends an item; turns null into an array.
  void push(Json value);

  // indent < 0 writes the compact form, without any space. Text is written as UTF-8, only
  // '"', '\\' and control characters are escaped; text that is not UTF-8 is written as
  // printable() shows it. Numbers with a fraction take the shortest form that reads back.
  // Throws std::length_error when nested deeper than 64: parse() would refuse the result.
  std::string dump(int indent = -1) const;

  // Throws FormatError naming `origin` and the line and column.
  static Json parse(std::string_view text, const std::filesystem::path& origin);
  static Json read(const std::filesystem::path& file);

  bool operator==(const Json&) const = default;

 private:
  static Json from(Object members);
  friend class JsonBuilder;
  // An integer is held as std::uint64_t only when it does not fit std::int64_t.
  std::variant<std::monostate, bool, std::int64_t, std::uint64_t, double, std::string, Array,
               Object>
      value_;
};

}  // namespace stockpot
