// Reading Json: nlohmann's lexer and (iterative) parser, our values and our rules.
#include <algorithm>
#include <functional>
#include <iterator>
#include <memory>
#include <nlohmann/json.hpp>

#include "stockpot/base/error.h"
#include "stockpot/base/file.h"
#include "stockpot/base/json.h"
#include "stockpot/base/text.h"

namespace stockpot {

namespace {

constexpr std::size_t kDeepest = 64;

// Walks over the text and leaves a note of how far the lexer has come, because nlohmann's
// events carry no position.
class Reading {
 public:
  using iterator_category = std::input_iterator_tag;
  using value_type = char;
  using difference_type = std::ptrdiff_t;
  using pointer = const char*;
  using reference = const char&;

  Reading(const char* at, const char** note) : at_(at), note_(note) {}
  const char& operator*() const { return *at_; }
  Reading& operator++() {
    *note_ = ++at_;
    return *this;
  }
  Reading operator++(int) {
    const Reading before = *this;
    ++*this;
    return before;
  }
  bool operator==(const Reading& other) const { return at_ == other.at_; }

 private:
  const char* at_;
  const char** note_;
};

// The keys of one object: an open-addressing table of member numbers, because a set of
// strings would double the memory of a header with millions of names. The hashes beside
// them save most looks at the names, a cache miss each.
class KeyTable {
 public:
  // Notes the key of the last member; false when an earlier member has the same.
  bool add_last(const Json::Object& members) {
    if (2 * members.size() > slots_.size()) grow();
    const std::string& key = members.back().first;
    const auto hash = static_cast<std::uint32_t>(std::hash<std::string>()(key));
    std::size_t at = hash & (slots_.size() - 1);
    for (; slots_[at].number != 0; at = (at + 1) & (slots_.size() - 1)) {
      const Slot& slot = slots_[at];
      if (slot.hash == hash && members[slot.number - 1].first == key) return false;
    }
    slots_[at] = {static_cast<std::uint32_t>(members.size()), hash};
    return true;
  }

 private:
  struct Slot {
    std::uint32_t number = 0;  // of a member, from 1; 0 is free
    std::uint32_t hash = 0;
  };

  void grow() {
    std::vector<Slot> larger(slots_.empty() ? 16 : 2 * slots_.size());  // a power of two
    for (const Slot& slot : slots_) {
      if (slot.number == 0) continue;
      std::size_t at = slot.hash & (larger.size() - 1);
      while (larger[at].number != 0) at = (at + 1) & (larger.size() - 1);
      larger[at] = slot;
    }
    slots_ = std::move(larger);
  }

  std::vector<Slot> slots_;
};

}  // namespace

// Receives nlohmann's events; every rule of ours that is broken throws at once.
class JsonBuilder {
 public:
  JsonBuilder(std::string_view text, const fs::path& origin) : text_(text), origin_(origin) {}

  Json build() {
    // nlohmann takes a zero byte for the end and would not look at what follows.
    if (const std::size_t zero = text_.find('\0'); zero != text_.npos) {
      note_ = text_.data() + zero + 1;
      fail("not valid JSON: a zero byte");
    }
    const char* const end = text_.data() + text_.size();
    nlohmann::json::sax_parse(Reading(text_.data(), &note_), Reading(end, &note_), this);
    return std::move(result_);
  }

  bool null() { return add({}); }
  bool boolean(bool value) { return add(value); }
  bool number_integer(std::int64_t value) { return add(value); }
  bool number_unsigned(std::uint64_t value) { return add(value); }
  bool number_float(double value, const std::string& written) {
    // nlohmann falls back to double for integers that are too large.
    if (written.find_first_of(".eE") == std::string::npos) {
      fail("the integer " + written.substr(0, 40) + " does not fit 64 bits");
    }
    return add(value);
  }
  bool string(std::string& value) { return add(std::move(value)); }
  bool binary(nlohmann::json::binary_t&) { return false; }  // never sent for text

  bool start_object(std::size_t) { return open(Json::object()); }
  bool start_array(std::size_t) { return open(Json::array()); }
  bool end_object() { return close(); }
  bool end_array() { return close(); }

  bool key(std::string& name) {
    Level& level = *open_.back();
    auto& members = std::get<Json::Object>(level.value.value_);
    members.emplace_back(std::move(name), Json());
    if (!level.keys.add_last(members)) {
      fail("the key \"" + printable(members.back().first).substr(0, 200) + "\" appears twice");
    }
    return true;
  }

  bool parse_error(std::size_t, const std::string&, const nlohmann::json::exception& error) {
    // "[json.exception.parse_error.101] parse error at line 1, column 2: <what we want>"
    std::string_view what = error.what();
    if (const auto at = what.find("column "); at != what.npos) what.remove_prefix(at);
    if (const auto at = what.find(": "); at != what.npos) what.remove_prefix(at + 2);
    fail("not valid JSON: " + printable(what.substr(0, 400)));
  }

 private:
  struct Level {
    explicit Level(Json start) : value(std::move(start)) {}
    Json value;
    KeyTable keys;
  };

  bool add(Json value) {
    if (open_.empty()) {
      result_ = std::move(value);
    } else if (auto* items = std::get_if<Json::Array>(&open_.back()->value.value_)) {
      items->push_back(std::move(value));
    } else {
      std::get<Json::Object>(open_.back()->value.value_).back().second = std::move(value);
    }
    return true;
  }

  bool open(Json value) {
    if (open_.size() == kDeepest) fail("nested deeper than " + std::to_string(kDeepest));
    open_.push_back(std::make_unique<Level>(std::move(value)));
    return true;
  }

  bool close() {
    Json value = std::move(open_.back()->value);
    open_.pop_back();
    return add(std::move(value));
  }

  // The lexer has read up to and including the character that is at fault.
  [[noreturn]] void fail(const std::string& problem) const {
    const std::size_t read = note_ == nullptr ? 0 : static_cast<std::size_t>(note_ - text_.data());
    const std::string_view before = text_.substr(0, read == 0 ? 0 : read - 1);
    const auto line = 1 + std::ranges::count(before, '\n');
    const std::size_t column = before.size() - (before.rfind('\n') + 1) + 1;
    throw FormatError(printable(origin_.native()) + ":" + std::to_string(line) + ":" +
                      std::to_string(column) + ": " + problem);
  }

  const std::string_view text_;
  const fs::path& origin_;
  const char* note_ = nullptr;
  Json result_;
  std::vector<std::unique_ptr<Level>> open_;
};

Json Json::parse(std::string_view text, const fs::path& origin) {
  return JsonBuilder(text, origin).build();
}

Json Json::read(const fs::path& file) { return parse(read_file(file), file); }

}  // namespace stockpot
