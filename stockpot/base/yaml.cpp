#include "stockpot/base/yaml.h"

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

#include <algorithm>
#include <sstream>
#include <unordered_map>

#include "stockpot/base/error.h"
#include "stockpot/base/file.h"
#include "stockpot/base/text.h"
#include "stockpot/base/yaml_scalar.h"

namespace stockpot {

namespace {

constexpr std::size_t kDeepest = 64;
constexpr std::uint64_t kLargestFile = 16'000'000;  // a recipe is a page or two

struct Place {
  int line = 1, column = 1;
};

// Where each message comes from: the name of the text and its bytes.
class Source {
 public:
  Source(std::string_view text, const fs::path& origin) : text_(text), origin_(origin) {}

  [[noreturn]] void fail(Place place, const std::string& problem) const {
    throw FormatError(printable(origin_.native()) + ":" + std::to_string(place.line) + ":" +
                      std::to_string(place.column) + ": " + problem);
  }

  // The byte that the parser's mark stands on.
  char at(const YAML::Mark& mark) const {
    const auto position = static_cast<std::size_t>(mark.pos);
    return mark.pos >= 0 && position < text_.size() ? text_[position] : '\0';
  }

  // What yaml-cpp would let pass: bytes that are not text, and tabs as indentation.
  void check_characters() const {
    Place place;
    bool indentation = true;
    for (std::size_t i = 0; i < text_.size(); ++i, ++place.column) {
      const auto byte = static_cast<unsigned char>(text_[i]);
      if (byte == '\n') {
        place = {place.line + 1, 0};
        indentation = true;
      } else if (byte == '\t') {
        if (indentation && !rest_is_blank(i)) {
          fail(place, "a tab in the indentation, use spaces");
        }
      } else if ((byte < 0x20 && byte != '\r') || byte == 0x7F) {
        fail(place, "the control character " + printable(text_.substr(i, 1)));
      } else if (byte != ' ') {
        indentation = false;
      }
    }
  }

 private:
  bool rest_is_blank(std::size_t from) const {
    const std::string_view rest = text_.substr(from, text_.find('\n', from) - from);
    return trim(rest).empty();
  }

  const std::string_view text_;
  const fs::path& origin_;
};

Place place_of(const YAML::Mark& mark) { return {mark.line + 1, mark.column + 1}; }

// Receives yaml-cpp's events and builds the tree; every rule of ours that is broken throws.
class TreeBuilder : public YAML::EventHandler {
 public:
  explicit TreeBuilder(const Source& source) : source_(source) {}

  YamlNode take() { return std::move(root_); }

  void OnDocumentStart(const YAML::Mark& mark) override {
    if (std::exchange(started_, true)) {
      source_.fail(place_of(mark), "a second document, expected one document");
    }
  }
  void OnDocumentEnd() override {}

  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    refuse_properties(mark, "?", anchor);
    add(start(YamlNode::Kind::null, mark));
  }

  void OnAlias(const YAML::Mark& mark, YAML::anchor_t) override {
    source_.fail(place_of(mark), "aliases (*name) are not allowed, write the value out");
  }

  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    refuse_properties(mark, tag, anchor);
    YamlNode node = start(YamlNode::Kind::string, mark);
    node.text = value;
    const bool plain = tag == "?";
    if (plain && value == "<<") {
      source_.fail(place_of(mark), "merge keys (<<) are not allowed, write the values out");
    }
    if (plain && !resolve_plain_scalar(node)) {
      source_.fail(place_of(mark),
                   "the number " + printable(value.substr(0, 60)) + " does not fit 64 bits");
    }
    add(std::move(node));
  }

  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    refuse_properties(mark, tag, anchor);
    open(YamlNode::Kind::list, mark);
  }
  void OnSequenceEnd() override { close(); }

  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    refuse_properties(mark, tag, anchor);
    open(YamlNode::Kind::map, mark);
  }
  void OnMapEnd() override { close(); }

 private:
  struct Level {
    YamlNode node;
    bool has_key = false;  // a map whose next node is the value of its last member
    std::unordered_map<std::string, int> keys = {};  // of a map, with their lines
  };

  static YamlNode start(YamlNode::Kind kind, const YAML::Mark& mark) {
    YamlNode node;
    node.kind = kind;
    node.line = place_of(mark).line;
    node.column = place_of(mark).column;
    return node;
  }

  void refuse_properties(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor) {
    const char first = source_.at(mark);
    if (anchor != 0 || first == '&') {
      source_.fail(place_of(mark), "anchors (&name) are not allowed, write the value out");
    }
    // "!" is also how yaml-cpp marks quoted text, and it drops the tag of an empty value.
    if (first == '!' || (!tag.empty() && tag != "?" && tag != "!")) {
      source_.fail(place_of(mark), "tags (!name) are not allowed");
    }
  }

  bool expects_key() const {
    return !open_.empty() && open_.back().node.kind == YamlNode::Kind::map && !open_.back().has_key;
  }

  void open(YamlNode::Kind kind, const YAML::Mark& mark) {
    if (expects_key()) source_.fail(place_of(mark), "a key must be a single word or text");
    if (open_.size() == kDeepest) {
      source_.fail(place_of(mark), "nested deeper than " + std::to_string(kDeepest));
    }
    open_.push_back({start(kind, mark)});
  }

  void close() {
    YamlNode node = std::move(open_.back().node);
    open_.pop_back();
    add(std::move(node));
  }

  void add(YamlNode node) {
    if (open_.empty()) {
      root_ = std::move(node);
    } else if (expects_key()) {
      add_key(std::move(node));
    } else if (Level& level = open_.back(); level.has_key) {
      level.node.members.back().second = std::move(node);
      level.has_key = false;
    } else {
      level.node.items.push_back(std::move(node));
    }
  }

  void add_key(YamlNode key) {
    Level& level = open_.back();
    const Place place{key.line, key.column};
    if (key.kind == YamlNode::Kind::null) source_.fail(place, "a key is missing");
    if (const auto [earlier, is_new] = level.keys.emplace(key.text, key.line); !is_new) {
      source_.fail(place, "the key '" + printable(key.text).substr(0, 200) +
                              "' appears twice, first on line " + std::to_string(earlier->second));
    }
    level.node.members.push_back({std::move(key), YamlNode()});
    level.has_key = true;
  }

  const Source& source_;
  bool started_ = false;
  YamlNode root_;
  std::vector<Level> open_;
};

}  // namespace

const YamlNode* YamlNode::find(std::string_view key) const {
  const auto found =
      std::ranges::find_if(members, [&](const auto& member) { return member.first.text == key; });
  return found == members.end() ? nullptr : &found->second;
}

std::string_view YamlNode::kind_name() const {
  switch (kind) {
    case Kind::null:
      return "nothing";
    case Kind::boolean:
      return "true or false";
    case Kind::integer:
      return "an integer";
    case Kind::number:
      return "a number";
    case Kind::string:
      return "text";
    case Kind::list:
      return "a list";
    case Kind::map:
      return "a map";
  }
  return "";
}

YamlNode parse_yaml(std::string_view text, const fs::path& origin) {
  if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);  // a byte order mark
  const Source source(text, origin);
  if (!is_utf8(text)) throw FormatError(origin, "not UTF-8 text");
  source.check_characters();
  TreeBuilder builder(source);
  try {
    std::istringstream stream{std::string(text)};
    YAML::Parser parser(stream);
    while (parser.HandleNextDocument(builder)) {
    }
  } catch (const YAML::Exception& error) {
    source.fail(place_of(error.mark), printable(error.msg));
  }
  return builder.take();
}

YamlNode read_yaml(const fs::path& file) { return parse_yaml(read_file(file, kLargestFile), file); }

}  // namespace stockpot
