#include "stockpot/base/json.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <stdexcept>

#include "message_of.h"
#include "stockpot/base/error.h"
#include "temporary_folder.h"

namespace stockpot {
namespace {

std::string complaint(std::string_view text) {
  return message_of<FormatError>([&] { Json::parse(text, "f.json"); });
}

std::string nested(std::size_t depth) { return std::string(depth, '[') + std::string(depth, ']'); }

TEST(Json, ReadsEveryKindOfValue) {
  const Json json = Json::parse(
      R"( {"a":[1,-2,2.5,1e3],"b":{"c":null},"t":true,"f":false,"s":"\u00e9\ud83d\ude00\n"} )",
      "f");
  const Json::Array& numbers = json.find("a")->items();
  EXPECT_EQ(numbers[0].as_integer(), 1);
  EXPECT_EQ(numbers[1].as_number(), -2.0);
  EXPECT_EQ(numbers[2].as_number(), 2.5);
  EXPECT_FALSE(numbers[3].is_integer());
  EXPECT_TRUE(json.find("b")->find("c")->is_null());
  EXPECT_TRUE(json.find("t")->as_bool());
  EXPECT_FALSE(json.find("f")->as_bool());
  EXPECT_EQ(json.find("s")->as_string(), "\xC3\xA9\xF0\x9F\x98\x80\n");
  EXPECT_EQ(json.find("absent"), nullptr);
  EXPECT_EQ(numbers[0].find("a"), nullptr);
}

TEST(Json, KeepsMembersInTheirOrder) {
  const std::string text = R"({"z":1,"a":{"y":[],"b":{}},"m":"x"})";
  EXPECT_EQ(Json::parse(text, "f").dump(), text);
}

TEST(Json, CompactFormIsTheOneOfSerdeJson) {
  const Json json = Json::object({{"a/b", std::string("\"\\/\b\f\n\r\t\x01\x1f\x7f\xC3\xA9")}});
  EXPECT_EQ(json.dump(), "{\"a/b\":\"\\\"\\\\/\\b\\f\\n\\r\\t\\u0001\\u001f\x7f\xC3\xA9\"}");
}

TEST(Json, IndentedFormPutsOneMemberOnALine) {
  const Json json = Json::parse(R"({"a":[1,2],"b":{},"c":[]})", "f");
  EXPECT_EQ(json.dump(2), "{\n  \"a\": [\n    1,\n    2\n  ],\n  \"b\": {},\n  \"c\": []\n}");
}

TEST(Json, NumbersReadBackUnchanged) {
  for (const double value : {0.1, 1.0 / 3, 3.0, -0.0, 1e22, 5e-324, 1e-7, 1.7976931348623157e308}) {
    const Json json(value);
    EXPECT_EQ(Json::parse(json.dump(), "f"), json) << json.dump();
  }
  EXPECT_EQ(Json(3.0).dump(), "3.0");
  EXPECT_EQ(Json(-0.0).dump(), "-0.0");
  const auto largest = std::numeric_limits<std::uint64_t>::max();
  const auto lowest = std::numeric_limits<std::int64_t>::min();
  EXPECT_EQ(Json::parse(Json(largest).dump(), "f").as_unsigned(), largest);
  EXPECT_EQ(Json::parse(Json(lowest).dump(), "f").as_integer(), lowest);
}

TEST(Json, NumbersThatAreNotFiniteAreWrittenAsNull) {
  EXPECT_EQ(Json(std::nan("")).dump(), "null");
  EXPECT_EQ(Json(-INFINITY).dump(), "null");
}

TEST(Json, C07_TextThatIsNotUtf8IsWrittenEscaped) {
  EXPECT_EQ(Json("a\xFF").dump(), R"("a\\xff")");
}

TEST(Json, EqualIntegersAreEqualHoweverTheyWereMade) {
  EXPECT_EQ(Json(std::uint64_t{5}), Json(5));
  EXPECT_TRUE(Json(std::uint64_t{5}).is_integer());
  EXPECT_FALSE(Json(std::numeric_limits<std::uint64_t>::max()).is_integer());
  EXPECT_TRUE(Json(std::numeric_limits<std::uint64_t>::max()).is_unsigned());
  EXPECT_FALSE(Json(-1).is_unsigned());
}

TEST(Json, BuildsObjectsAndListsFromNull) {
  Json json;
  json.set("list", Json()).push(1);
  json.set("a", 1);
  json.set("a", "two");
  EXPECT_EQ(json.dump(), R"({"list":[1],"a":"two"})");
  EXPECT_THROW(json.push(1), FormatError);
  EXPECT_THROW(Json(1).set("a", 1), FormatError);
}

TEST(Json, SaysWhatWasFoundAndExpected) {
  EXPECT_EQ(message_of<FormatError>([] { Json("x").as_integer(); }),
            "found text, expected an integer below 2^63");
  EXPECT_EQ(message_of<FormatError>([] { Json(-1).as_unsigned(); }),
            "found an integer, expected an integer that is not negative");
  EXPECT_EQ(message_of<FormatError>([] { Json().members(); }), "found null, expected an object");
  EXPECT_THROW(Json(1.0).as_integer(), FormatError);
  EXPECT_THROW(Json(1).as_bool(), FormatError);
  EXPECT_THROW(Json(true).as_number(), FormatError);
  EXPECT_THROW(Json(1).as_string(), FormatError);
  EXPECT_THROW(Json(1).items(), FormatError);
}

TEST(Json, A07_NamesLineAndColumn) {
  EXPECT_EQ(complaint("{\n  \"a\": nul }").substr(0, 11), "f.json:2:11");
  EXPECT_EQ(complaint("").substr(0, 11), "f.json:1:1:");
}

TEST(Json, A07_RefusesWhatIsNotJson) {
  for (const char* bad :
       {"",    "{",        "[1,]", "{\"a\":1,}", "{} x",      "{}{}",  "// c\n1", "/* c */1",
        "NaN", "Infinity", "-",    "01",         "1.",        ".5",    "+1",      "0x1",
        "'a'", "{a:1}",    "\"a",  "\"\\x\"",    "\"\\u12\"", "[1 2]", "tru",     "nul"}) {
    EXPECT_EQ(complaint(bad).substr(0, 7), "f.json:") << bad;
  }
  EXPECT_EQ(complaint(std::string_view("[1]\0 x", 6)), "f.json:1:4: not valid JSON: a zero byte");
}

TEST(Json, A08_AcceptsWhiteSpaceAround) {
  EXPECT_EQ(Json::parse(" \t\r\n[1]\n\r\t ", "f").dump(), "[1]");
}

TEST(Json, A09_RefusesDuplicateKeys) {
  EXPECT_EQ(complaint("{\"a\":1,\n\"a\":2}"), "f.json:2:3: the key \"a\" appears twice");
  EXPECT_NE(complaint(R"({"x":{"b":1,"\u0062":2}})"), "(nothing was thrown)");
  std::string many = "{";
  for (int i = 0; i < 5000; ++i) many += "\"k" + std::to_string(i) + "\":0,";
  EXPECT_EQ(Json::parse(many + "\"z\":0}", "f").members().size(), 5001u);
  EXPECT_NE(complaint(many + "\"k17\":0}"), "(nothing was thrown)");
}

TEST(Json, A06_RefusesInvalidUtf8) {
  for (const char* bad : {"\"\xFF\"", "\"\xC0\xAF\"", "\"\xED\xA0\x80\"", "\"\\ud800\"",
                          "\"\\udc00\"", "\"\\ud800\\u0041\"", "{\"\xFF\":1}"}) {
    EXPECT_NE(complaint(bad), "(nothing was thrown)");
  }
}

TEST(Json, A13_RefusesNumbersThatDoNotFit) {
  EXPECT_EQ(complaint("18446744073709551616"),
            "f.json:1:20: the integer 18446744073709551616 does not fit 64 bits");
  EXPECT_NE(complaint("-9223372036854775809"), "(nothing was thrown)");
  EXPECT_NE(complaint("1e999"), "(nothing was thrown)");
}

TEST(Json, A18_RefusesDeepNesting) {
  EXPECT_NO_THROW(Json::parse(nested(64), "f"));
  EXPECT_EQ(complaint(nested(65)), "f.json:1:65: nested deeper than 64");
  EXPECT_NE(complaint(nested(100'000)), "(nothing was thrown)");
  std::string objects;
  for (int i = 0; i < 100'000; ++i) objects += "{\"a\":";
  EXPECT_NE(complaint(objects), "(nothing was thrown)");
}

TEST(Json, RefusesToWriteWhatItWouldNotRead) {
  Json deep = Json::array();
  for (int i = 1; i < 64; ++i) deep = Json(Json::Array{deep});
  EXPECT_EQ(deep.dump(), nested(64));
  EXPECT_THROW(Json(Json::Array{deep}).dump(), std::length_error);
}

TEST(Json, C20_EscapesFileTextInMessages) {
  const std::string message = complaint("{\"\\u001b]0;\":1,\"\\u001b]0;\":1}");
  EXPECT_EQ(message.find('\x1b'), std::string::npos);
  EXPECT_EQ(complaint("\x1b[2J").find('\x1b'), std::string::npos);
}

TEST(Json, ReadNamesTheFile) {
  const TemporaryFolder folder;
  EXPECT_EQ(Json::read(folder.put("good.json", "[1]")).dump(), "[1]");
  const auto bad = folder.put("bad.json", "[");
  EXPECT_TRUE(message_of<FormatError>([&] { Json::read(bad); }).starts_with(bad.string() + ":1:"));
}

}  // namespace
}  // namespace stockpot
