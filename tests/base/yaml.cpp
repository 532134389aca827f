#include "stockpot/base/yaml.h"

#include <gtest/gtest.h>

#include <cmath>

#include "message_of.h"
#include "stockpot/base/error.h"
#include "temporary_folder.h"

namespace stockpot {
namespace {

using Kind = YamlNode::Kind;

YamlNode parse(std::string_view text) { return parse_yaml(text, "r.yaml"); }

std::string complaint(std::string_view text) {
  return message_of<FormatError>([&] { parse(text); });
}

TEST(Yaml, ReadsMapsListsAndScalarsWithTheirPlaces) {
  const YamlNode root = parse(
      "model: vit  # why\ntrain:\n  epochs: 4\n  rates: [1e-5, 0.1]\n"
      "names:\n- one\n- 'two'\nempty:\n");
  ASSERT_EQ(root.kind, Kind::map);
  ASSERT_EQ(root.members.size(), 4u);
  EXPECT_EQ(root.members[1].first.text, "train");
  const YamlNode& epochs = *root.find("train")->find("epochs");
  EXPECT_EQ(epochs.integer, 4);
  EXPECT_EQ(epochs.line, 3);
  EXPECT_EQ(epochs.column, 11);
  EXPECT_EQ(root.find("train")->find("rates")->items[0].number, 1e-5);
  EXPECT_EQ(root.find("names")->items[1].text, "two");
  EXPECT_EQ(root.find("empty")->kind, Kind::null);
  EXPECT_EQ(root.find("absent"), nullptr);
  EXPECT_EQ(root.kind_name(), "a map");
}

TEST(Yaml, ReadsBlockText) {
  EXPECT_EQ(parse("a: |\n  x\n  y\n").find("a")->text, "x\ny\n");
  EXPECT_EQ(parse("a: >-\n  x\n  y\n").find("a")->text, "x y");
}

TEST(Yaml, EmptyTextIsNull) {
  EXPECT_EQ(parse("").kind, Kind::null);
  EXPECT_EQ(parse("# only a comment\n").kind, Kind::null);
  EXPECT_EQ(parse("---\n").kind, Kind::null);
}

TEST(Yaml, C11_IntegersFollowTheCoreSchema) {
  for (const auto& [text, value] : {std::pair{"0", 0L},
                                    {"010", 10L},
                                    {"-7", -7L},
                                    {"+7", 7L},
                                    {"0o17", 15L},
                                    {"0xFf", 255L},
                                    {"9223372036854775807", 9223372036854775807L}}) {
    const YamlNode node = parse(text);
    EXPECT_EQ(node.kind, Kind::integer) << text;
    EXPECT_EQ(node.integer, value) << text;
    EXPECT_EQ(node.number, static_cast<double>(value)) << text;
    EXPECT_EQ(node.text, text);
  }
}

TEST(Yaml, C11_FloatsFollowTheCoreSchema) {
  for (const auto& [text, value] : {std::pair{"1e-4", 1e-4},
                                    {"1e-5", 1e-5},
                                    {".5", 0.5},
                                    {"5.", 5.0},
                                    {"+1.5E+3", 1500.0},
                                    {"-0.25", -0.25},
                                    {"-.inf", -INFINITY},
                                    {".INF", INFINITY}}) {
    EXPECT_EQ(parse(text).kind, Kind::number) << text;
    EXPECT_EQ(parse(text).number, value) << text;
  }
  EXPECT_TRUE(std::isnan(parse(".nan").number));
}

TEST(Yaml, C11_BooleansAndNullHaveThreeSpellings) {
  for (const char* text : {"true", "True", "TRUE"}) EXPECT_TRUE(parse(text).boolean);
  for (const char* text : {"false", "False", "FALSE"}) {
    EXPECT_EQ(parse(text).kind, Kind::boolean);
    EXPECT_FALSE(parse(text).boolean);
  }
  for (const char* text : {"~", "null", "Null", "NULL", "{a: }", "[~]"}) {
    const YamlNode node = parse(text);
    const YamlNode& value = node.kind == Kind::map    ? node.members[0].second
                            : node.kind == Kind::list ? node.items[0]
                                                      : node;
    EXPECT_EQ(value.kind, Kind::null) << text;
  }
}

TEST(Yaml, C11_EverythingElseIsText) {
  for (const char* text :
       {"no",  "yes", "on",   "off",  "1_000", "tRue", "1e",       "e5",         ".",
        "+-5", "--5", "0x",   "0xg",  "-0x1",  "0o8",  "1:30",     "2020-01-01", "1.2.3",
        "nan", "inf", ".Nan", "nUll", "1e5.0", "'1'",  "\"true\"", "'<<'",       "'~'"}) {
    EXPECT_EQ(parse(text).kind, Kind::string) << text;
  }
}

TEST(Yaml, C11_RefusesNumbersThatDoNotFit) {
  EXPECT_EQ(complaint("a: 9223372036854775808"),
            "r.yaml:1:4: the number 9223372036854775808 does not fit 64 bits");
  EXPECT_NE(complaint("1e400"), "(nothing was thrown)");
}

TEST(Yaml, C11_RefusesAnchors) {
  EXPECT_EQ(complaint("a: &x 1"),
            "r.yaml:1:4: anchors (&name) are not allowed, write the value out");
  for (const char* bad : {"&x [1]", "&x {a: 1}", "a: &x", "&x a: 1", "- &x\n- 1"}) {
    EXPECT_NE(complaint(bad).find("anchors"), std::string::npos) << bad;
  }
}

TEST(Yaml, C11_RefusesAliases) {
  for (const char* bad : {"a: &x [*x]", "a: *x", "*x : 1", "- *nothing"}) {
    EXPECT_NE(complaint(bad), "(nothing was thrown)") << bad;
  }
}

TEST(Yaml, C11_RefusesABillionLaughsAtTheFirstAnchor) {
  std::string bomb = "a: &a [lol, lol]\n";
  for (char name = 'b'; name <= 'z'; ++name) {
    const std::string before{'*', static_cast<char>(name - 1)};
    bomb += std::string{name} + ": &" + name + " [" + before + ", " + before + "]\n";
  }
  EXPECT_TRUE(complaint(bomb).starts_with("r.yaml:1:4: anchors"));
}

TEST(Yaml, C11_RefusesTags) {
  for (const char* bad :
       {"!!python/object/apply:os.system [x]", "a: !!int 1", "a: !x", "!x {a: 1}", "! 12",
        "!!str a: 1", "- !!null", "!<tag:yaml.org,2002:int> 1", "%TAG ! tag:x,2000:\n---\n!y 1"}) {
    EXPECT_NE(complaint(bad).find("tags"), std::string::npos) << bad << ": " << complaint(bad);
  }
}

TEST(Yaml, C11_RefusesMergeKeys) {
  EXPECT_EQ(complaint("a:\n  <<: {b: 1}"),
            "r.yaml:2:3: merge keys (<<) are not allowed, write the values out");
}

TEST(Yaml, C11_RefusesDuplicateKeys) {
  EXPECT_EQ(complaint("a: 1\nb: 2\na: 3\n"),
            "r.yaml:3:1: the key 'a' appears twice, first on line 1");
  EXPECT_NE(complaint("{a: 1, 'a': 2}"), "(nothing was thrown)");
  EXPECT_NO_THROW(parse("- a: 1\n- a: 2\n"));
}

TEST(Yaml, C11_RefusesASecondDocument) {
  EXPECT_EQ(complaint("a: 1\n---\nb: 2\n"), "r.yaml:2:1: a second document, expected one document");
  EXPECT_NO_THROW(parse("---\na: 1\n...\n"));
}

TEST(Yaml, C11_RefusesDeepNesting) {
  const auto flow = [](std::size_t depth) {
    return std::string(depth, '[') + std::string(depth, ']');
  };
  EXPECT_NO_THROW(parse(flow(64)));
  EXPECT_EQ(complaint(flow(65)), "r.yaml:1:65: nested deeper than 64");
  EXPECT_NE(complaint(flow(1000)), "(nothing was thrown)");
  EXPECT_NE(complaint(std::string(5000, '{')), "(nothing was thrown)");
  std::string dashes, block;
  for (int i = 0; i < 1000; ++i) {
    dashes += "- ";
    block += std::string(static_cast<std::size_t>(i), ' ') + "a:\n";
  }
  EXPECT_NE(complaint(dashes + "x"), "(nothing was thrown)");
  EXPECT_NE(complaint(block), "(nothing was thrown)");
}

TEST(Yaml, C11_RefusesTabsAsIndentation) {
  EXPECT_EQ(complaint("a:\n\tb: 1\n"), "r.yaml:2:1: a tab in the indentation, use spaces");
  EXPECT_EQ(complaint("a:\n  \tb: 1\n"), "r.yaml:2:3: a tab in the indentation, use spaces");
  EXPECT_NO_THROW(parse("a: 1\t# a tab before a comment\n\t\nb: 'x\ty'\n"));
}

TEST(Yaml, RefusesKeysThatAreNotWords) {
  for (const char* bad : {"? [a]\n: 1", "{[a]: 1}", "? {a: 1}\n: 2", ": 1", "~: 1", "{: 1}"}) {
    EXPECT_NE(complaint(bad), "(nothing was thrown)") << bad;
  }
  EXPECT_EQ(parse("1: one").members[0].first.kind, Kind::integer);
}

TEST(Yaml, RefusesBytesThatAreNotText) {
  EXPECT_EQ(complaint("a: \xFF"), "r.yaml: not UTF-8 text");
  EXPECT_EQ(complaint("a: 1\nb: \x04 2"), "r.yaml:2:4: the control character \\x04");
  EXPECT_NE(complaint(std::string_view("a\0: 1", 5)), "(nothing was thrown)");
  EXPECT_NE(complaint(std::string_view("a\0:\0 \0001\0", 8)), "(nothing was thrown)");  // UTF-16
}

TEST(Yaml, SyntaxErrorsNameLineAndColumn) {
  for (const char* bad : {"a: [1, 2", "a: 'x", "a: b: c", "a:\n- 1\n b: 2", "{a: 1", "@x", "a: `b`",
                          "%YAML 2.0\n---\na: 1", "]", "a: }", "\"\\q\""}) {
    const std::string message = complaint(bad);
    EXPECT_TRUE(message.starts_with("r.yaml:1:") || message.starts_with("r.yaml:2:") ||
                message.starts_with("r.yaml:3:"))
        << bad << " gives " << message;
  }
}

TEST(Yaml, ByteOrderMarkAndWindowsLineEndsAreFine) {
  const YamlNode root = parse(
      "\xEF\xBB\xBF"
      "a: x\r\nb: 2\r\n");
  EXPECT_EQ(root.find("a")->text, "x");
  EXPECT_EQ(root.find("b")->integer, 2);
}

TEST(Yaml, C20_EscapesFileTextInMessages) {
  EXPECT_EQ(complaint("\"\\e\": 1\n\"\\e\": 1").find('\x1b'), std::string::npos);
}

TEST(Yaml, ReadsManyKeysInReasonableTime) {
  std::string text = "{";
  for (int i = 0; i < 20'000; ++i) text.append("k").append(std::to_string(i)).append(": 0, ");
  EXPECT_EQ(parse(text + "}").members.size(), 20'000u);
}

TEST(Yaml, ReadNamesTheFile) {
  const TemporaryFolder folder;
  EXPECT_EQ(read_yaml(folder.put("good.yaml", "a: 1")).find("a")->integer, 1);
  const auto bad = folder.put("bad.yaml", "a: [");
  EXPECT_TRUE(message_of<FormatError>([&] { read_yaml(bad); }).starts_with(bad.string() + ":1:"));
}

}  // namespace
}  // namespace stockpot
