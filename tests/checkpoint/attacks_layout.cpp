// Hostile offsets, shapes and types: cases A11 to A17 of the catalogue of attacks.
#include <gtest/gtest.h>

#include "tests/checkpoint/files.h"

namespace stockpot {
namespace {

// Two tensors of 4 bytes each at these offsets.
std::string pair(std::string_view first, std::string_view second) {
  return R"({"a":{"dtype":"F32","shape":[1],"data_offsets":)" + std::string(first) +
         R"(},"b":{"dtype":"F32","shape":[1],"data_offsets":)" + std::string(second) + "}}";
}

TEST(Attacks, A11_OverlappingTensorsAreRefused) {
  EXPECT_EQ(verdict(pair("[0,4]", "[4,8]"), 8), "");
  EXPECT_EQ(verdict(pair("[4,8]", "[0,4]"), 8), "");
  EXPECT_PRED2(contains, verdict(pair("[0,4]", "[0,4]"), 4),
               "tensor 'b' claims bytes 0..4 of the data, expected to begin at 4");
  EXPECT_PRED2(contains, verdict(pair("[0,4]", "[2,6]"), 6), "expected to begin at 4");
}

TEST(Attacks, A11_AHundredThousandTensorsOnOneRangeAreRefused) {
  std::string header = "{";
  for (int i = 0; i < 100'000; ++i)
    header += (i == 0 ? "\"t" : ",\"t") + std::to_string(i) +
              R"(":{"dtype":"U8","shape":[160000],"data_offsets":[0,160000]})";
  EXPECT_PRED2(contains, verdict(header + "}", 160'000), "expected to begin at 160000");
}

TEST(Attacks, A12_HolesAndLooseEndsAreRefused) {
  EXPECT_PRED2(contains, verdict(pair("[0,4]", "[5,9]"), 9), "expected to begin at 4");
  EXPECT_PRED2(contains, verdict(entry("F32", "[1]", "[4,8]"), 8), "expected to begin at 0");
  EXPECT_PRED2(contains, verdict(entry("F32", "[1]", "[0,4]"), 4 + 34),
               "34 bytes follow the last tensor");
  EXPECT_PRED2(contains, verdict(entry("F32", "[1]", "[0,4]"), 2),
               "need 4 bytes, the file holds 2 (truncated download?)");
  EXPECT_PRED2(contains, verdict("{}", 1), "1 bytes follow the last tensor");
}

TEST(Attacks, A13_OffsetsThatAreNoOffsetsAreRefused) {
  EXPECT_PRED2(contains, verdict(entry("F32", "[1]", "[4,0]"), 4), "claims bytes 4..0");
  for (const char* offsets :
       {"[-4,0]", "[0,1e3]", "[0,4.0]", "[0,\"4\"]", "[0,18446744073709551616]", "[0]", "[0,4,4]",
        "[]", "{}", "null", "[0,04]", "[-0,4]"})
    EXPECT_PRED2(contains, verdict(entry("F32", "[1]", offsets), 4), "header byte") << offsets;
}

TEST(Attacks, A14_ShapesThatDoNotFitAreRefused) {
  EXPECT_PRED2(contains, verdict(entry("F32", "[2]", "[0,4]"), 4),
               "tensor 'a' claims bytes 0..4, but its shape and type need 8 bytes");
  for (const char* shape :
       {"[9223372036854775808]", "[2,18446744073709551614]", "[2,9223372036854775807]",
        "[4294967296,4294967296]", "[0,9223372036854775808]", "[0,9223372036854775808,2]",
        "[9223372036854775808,2,0]", "[0,4611686018427387904]"})
    EXPECT_PRED2(contains, verdict(entry("F32", shape, "[0,0]"), 0), "overflows 64 bits") << shape;
  EXPECT_EQ(verdict(entry("F32", "[0,1000000]", "[0,0]"), 0), "");
  EXPECT_PRED2(contains, verdict(entry("F32", "[-1]", "[0,4]"), 4), "an unsigned integer");
}

TEST(Attacks, A15_OddShapesAreAcceptedUpTo64Dimensions) {
  std::string ones = "1";
  for (int i = 1; i < 64; ++i) ones += ",1";
  EXPECT_EQ(verdict(entry("F32", "[]", "[0,4]"), 4), "");
  EXPECT_EQ(verdict(entry("F32", "[2,0]", "[0,0]"), 0), "");
  EXPECT_EQ(verdict("{}", 0), "");
  EXPECT_EQ(verdict(entry("F32", "[" + ones + "]", "[0,4]"), 4), "");
  EXPECT_PRED2(contains, verdict(entry("F32", "[" + ones + ",1]", "[0,4]"), 4),
               "more than 64 dimensions");
}

TEST(Attacks, A16_EveryDtypeOpensAndUnknownOnesAreRefused) {
  for (const DtypeRow& row : kDtypes) {
    const int bytes = row.bits * 8 / 8;  // of 8 elements
    EXPECT_EQ(verdict(entry(row.safetensors, "[8]", "[0," + std::to_string(bytes) + "]"),
                      static_cast<std::size_t>(bytes)),
              "")
        << row.safetensors;
  }
  EXPECT_PRED2(contains, verdict(entry("F7", "[1]", "[0,4]"), 4), "the dtype 'F7'");
  EXPECT_PRED2(contains, verdict(entry("f32", "[1]", "[0,4]"), 4), "the dtype 'f32'");
  EXPECT_PRED2(contains, verdict(entry("F4", "[3]", "[0,1]"), 1), "not a whole number of bytes");
}

TEST(Attacks, A16_SubByteAndComplexTypesAreRefusedByNameWhenRead) {
  for (const Dtype dtype : {Dtype::f4, Dtype::f6_e2m3, Dtype::f6_e3m2, Dtype::c64}) {
    const std::vector<std::byte> bytes(64);
    const TensorView tensor{"layer.weight", dtype, {8}, bytes};
    EXPECT_PRED2(contains, message_of<FormatError>([&] { float_values(tensor); }),
                 "tensor 'layer.weight' has the type " + std::string(row(dtype).safetensors));
  }
}

TEST(Attacks, A17_AnUnalignedBufferIsRead) {
  const std::string header = entry("F64", "[2]", "[0,16]");
  const double values[] = {1.5, -2.25};
  const std::string data(reinterpret_cast<const char*>(values), sizeof values);
  const TemporaryFolder folder;
  for (int spaces = 0; spaces < 8; ++spaces) {
    const std::string padded = header + std::string(static_cast<std::size_t>(spaces), ' ');
    const SafetensorsFile file(folder.put("model.safetensors", raw_file(padded, 0) + data));
    EXPECT_EQ(float_values(file.tensors()[0]), (std::vector<float>{1.5f, -2.25f})) << spaces;
  }
}

}  // namespace
}  // namespace stockpot
