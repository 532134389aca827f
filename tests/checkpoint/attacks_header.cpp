// Hostile safetensors headers: cases A01 to A10 and A18 of the catalogue of attacks.
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <chrono>

#include "tests/base/in_child.h"
#include "tests/checkpoint/files.h"

namespace stockpot {
namespace {

const std::string kGood = entry("F32", "[1]", "[0,4]");

TEST(Attacks, A01_TooSmallFilesAreRefused) {
  EXPECT_PRED2(contains, verdict(""), "at least 8 bytes, this one has 0 (an empty file)");
  EXPECT_PRED2(contains, verdict("1234567"), "at least 8 bytes, this one has 7");
  EXPECT_PRED2(contains, verdict(length_field(2)), "past the end of the file");
}

TEST(Attacks, A02_AHeaderOfNothingIsRefused) {
  EXPECT_PRED2(contains, verdict("", 0), "header byte 0: expected '{', found the end");
}

TEST(Attacks, A03_HugeHeaderLengthsAreRefused) {
  for (const std::uint64_t length : {std::uint64_t{1} << 63, ~std::uint64_t{0},
                                     std::uint64_t{100'000'001}, std::uint64_t{0xffffffff0000003c}})
    EXPECT_PRED2(contains, verdict(length_field(length) + kGood), "over the limit of 100000000")
        << length;
}

TEST(Attacks, A04_AHeaderOneBytePastTheFileIsRefused) {
  EXPECT_PRED2(contains, verdict(length_field(kGood.size() + 1) + kGood),
               "past the end of the file");
  EXPECT_EQ(verdict(kGood, 4), "");
}

// Millions of entries on one range, as many as a header of 99 MB holds.
TEST(Attacks, A05_AHeaderOf99MegabytesIsRefusedSoonAndInLittleMemory) {
  std::string header = "{";
  for (int i = 0; header.size() < 99'000'000; ++i)
    header += (i == 0 ? "\"" : ",\"") + std::to_string(i) +
              R"(":{"dtype":"U8","shape":[4],"data_offsets":[0,4]})";
  header += "}";
  const TemporaryFolder folder;
  const fs::path file = folder.put("model.safetensors", raw_file(header, 4));
  header = std::string();
  const auto begin = std::chrono::steady_clock::now();
  const int status = in_child([&] {
    rusage before{}, after{};
    getrusage(RUSAGE_SELF, &before);
    const std::string message =
        message_of<FormatError>([&] { const SafetensorsFile opened(file); });
    getrusage(RUSAGE_SELF, &after);
    const bool small = after.ru_maxrss - before.ru_maxrss < 2'000'000;  // KB
    return message.find("expected to begin at 4") != std::string::npos && small ? 0 : 1;
  });
  EXPECT_EQ(status, 0);
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(15))
      << "the limit is 5 s on an idle machine";
}

TEST(Attacks, A06_BadTextIsRefused) {
  const auto named = [](std::string_view name) {
    return "{\"" + std::string(name) + "\":{\"dtype\":\"U8\",\"shape\":[],\"data_offsets\":[0,1]}}";
  };
  EXPECT_PRED2(contains, verdict("\xff", 0), "not valid UTF-8");
  EXPECT_PRED2(contains, verdict(named("\xc0\xaf"), 1), "not valid UTF-8");  // overlong '/'
  EXPECT_PRED2(contains, verdict(named("\xed\xa0\x80"), 1), "not valid UTF-8");
  EXPECT_PRED2(contains, verdict(named("\\ud800"), 1), "surrogate");
  EXPECT_PRED2(contains, verdict(named("\\ud800\\u0041"), 1), "surrogate");
  EXPECT_PRED2(contains, verdict(named("\\udc00"), 1), "surrogate");
  EXPECT_PRED2(contains, verdict(named("a\\u0000b"), 1), "holds a NUL");
  EXPECT_PRED2(contains, verdict(named(std::string_view("a\0b", 3)), 1), "control character");
  EXPECT_PRED2(contains, verdict(named("a\nb"), 1), "control character");
  EXPECT_PRED2(contains, verdict(named("\\x41"), 1), "an escape");
  EXPECT_PRED2(contains, verdict(named("\\u12g4"), 1), "hexadecimal");
  EXPECT_EQ(verdict(named("\\ud83c\\udf72 \\u00e9"), 1), "");
}

TEST(Attacks, A07_WhatIsNotJsonIsRefused) {
  EXPECT_PRED2(contains, verdict("{", 0), "found the end of the header");
  EXPECT_PRED2(contains, verdict("[]", 0), "expected '{'");
  EXPECT_PRED2(contains, verdict("{} {}", 0), "nothing after");
  EXPECT_PRED2(contains, verdict(kGood + "x", 4), "nothing after");
  EXPECT_PRED2(contains, verdict("{/* */}", 0), "header byte 1");
  EXPECT_PRED2(contains, verdict("{'a':1}", 0), "header byte 1");
  EXPECT_PRED2(contains, verdict(kGood.substr(0, kGood.size() - 1) + ",}", 4), "a name in quotes");
  const auto with = [](std::string_view value) {
    return R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4],"x":)" + std::string(value) +
           "}}";
  };
  for (const char* value : {"NaN", "Infinity", "01", "1.", ".5", "+1", "1e", "tru", "[1,]", "-"})
    EXPECT_NE(verdict(with(value), 4), "") << value;
  for (const char* value : {"0", "-0.5e+3", "1E9", "true", "null", "\"\"", "[]", "[[],{}]"})
    EXPECT_EQ(verdict(with(value), 4), "") << value;
}

TEST(Attacks, A08_WhiteSpaceAroundTheHeaderIsAccepted) {
  EXPECT_EQ(verdict(" \t\r\n" + kGood + " \t\r\n", 4), "");
}

TEST(Attacks, A09_DuplicatesAreRefused) {
  const std::string one = R"("a":{"dtype":"U8","shape":[0],"data_offsets":[0,0]})";
  EXPECT_PRED2(contains, verdict("{" + one + "," + one + "}", 0), "'a' is there twice");
  EXPECT_PRED2(contains, verdict("{" + one + R"(,"\u0061)" + one.substr(2) + "}", 0),
               "'a' is there twice");
  for (const char* field : {R"("dtype":"U8")", R"("shape":[0])", R"("data_offsets":[0,0])"})
    EXPECT_PRED2(contains, verdict("{" + one.substr(0, one.size() - 1) + "," + field + "}}", 0),
                 "tensor 'a' has '")
        << field;
  EXPECT_PRED2(contains, verdict("{" + one.substr(0, one.size() - 1) + R"(,"x":1,"x":2}})", 0),
               "has 'x' twice");
  EXPECT_PRED2(contains, verdict(R"({"__metadata__":{},"__metadata__":{}})", 0),
               "'__metadata__' twice");
  EXPECT_PRED2(contains, verdict(R"({"__metadata__":{"k":"1","k":"2"}})", 0), "'k' twice");
}

TEST(Attacks, A10_MetadataHoldsStringsOnly) {
  EXPECT_PRED2(contains, verdict(R"({"__metadata__":{"k":1}})", 0), "metadata values are strings");
  EXPECT_PRED2(contains, verdict(R"({"__metadata__":{"k":{}}})", 0), "metadata values are strings");
  EXPECT_PRED2(contains, verdict(R"({"__metadata__":[]})", 0), "expected '{'");
  EXPECT_EQ(verdict(R"({"__metadata__":null})", 0), "");  // as the reference
}

TEST(Attacks, A10_AMillionMetadataKeysAreAccepted) {
  std::string header = R"({"__metadata__":{"first":"")";
  for (int i = 0; i < 1'000'000; ++i) header += ",\"" + std::to_string(i) + "\":\"v\"";
  const TemporaryFolder folder;
  const SafetensorsFile file(folder.put("model.safetensors", raw_file(header + "}}", 0)));
  EXPECT_EQ(file.metadata().size(), 1'000'001u);
}

TEST(Attacks, A18_DeepNestingIsRefused) {
  const auto nested = [](int depth) {
    return R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4],"x":)" +
           std::string(static_cast<std::size_t>(depth), '[') +
           std::string(static_cast<std::size_t>(depth), ']') + "}}";
  };
  EXPECT_EQ(verdict(nested(62), 4), "");  // 64 with the header and the entry
  EXPECT_PRED2(contains, verdict(nested(63), 4), "nested deeper than 64");
  EXPECT_PRED2(contains, verdict(nested(100'000), 4), "nested deeper than 64");
}

}  // namespace
}  // namespace stockpot
