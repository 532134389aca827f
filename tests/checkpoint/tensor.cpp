#include "stockpot/checkpoint/tensor.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstring>
#include <limits>

#include "stockpot/checkpoint/float_bits.h"
#include "tests/checkpoint/files.h"

namespace stockpot {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

// The value of a float of this layout, by its definition.
double by_definition(int bits, int mantissa_bits, int bias, int all_bits) {
  const int sign = bits >> (all_bits - 1);
  const int exponent = (bits >> mantissa_bits) & ((1 << (all_bits - 1 - mantissa_bits)) - 1);
  const int mantissa = bits & ((1 << mantissa_bits) - 1);
  double value = 0;
  if (exponent == (1 << (all_bits - 1 - mantissa_bits)) - 1)
    value = mantissa == 0 ? kInfinity : std::nan("");
  else if (exponent == 0)
    value = std::ldexp(mantissa, 1 - bias - mantissa_bits);
  else
    value = std::ldexp(mantissa + (1 << mantissa_bits), exponent - bias - mantissa_bits);
  return sign ? -value : value;
}

std::vector<std::byte> all_codes() {
  std::vector<std::byte> bytes(2 * 65536);
  for (std::size_t i = 0; i < 65536; ++i) store(bytes.data(), i, static_cast<std::uint16_t>(i));
  return bytes;
}

template <typename T>
void expect_all_codes(Dtype dtype, int mantissa_bits, int bias) {
  const auto bytes = all_codes();
  std::vector<T> values(65536);
  read_values({"x", dtype, {65536}, bytes}, values);
  for (int i = 0; i < 65536; ++i) {
    const T wanted = static_cast<T>(by_definition(i, mantissa_bits, bias, 16));
    const T found = values[static_cast<std::size_t>(i)];
    if (std::isnan(wanted))
      ASSERT_TRUE(std::isnan(found)) << i;
    else
      ASSERT_TRUE(found == wanted && std::signbit(found) == std::signbit(wanted)) << i;
  }
  // And back to the same bits, but for the payload of NaNs.
  std::vector<std::byte> written(bytes.size());
  write_values(std::span<const T>(values), dtype, written);
  for (std::size_t i = 0; i < 65536; ++i)
    if (!std::isnan(values[i])) {
      ASSERT_EQ(load<std::uint16_t>(written.data(), i), i);
    } else {
      ASSERT_TRUE(std::isnan(dtype == Dtype::f16
                                 ? from_f16(load<std::uint16_t>(written.data(), i))
                                 : from_bf16(load<std::uint16_t>(written.data(), i))));
    }
}

TEST(ReadValues, AreRightForAll65536HalfFloats) {
  expect_all_codes<float>(Dtype::f16, 10, 15);
  expect_all_codes<double>(Dtype::f16, 10, 15);
}

TEST(ReadValues, AreRightForAll65536BrainFloats) {
  expect_all_codes<float>(Dtype::bf16, 7, 127);
  expect_all_codes<double>(Dtype::bf16, 7, 127);
}

// Between each two neighbours: the middle goes to the even one, anything nearer to the
// nearer one. Also from the largest finite value to infinity.
void expect_nearest_even(Dtype dtype, int mantissa_bits, int bias) {
  std::vector<double> values;
  std::vector<std::uint16_t> wanted;
  const int infinity = ((1 << (15 - mantissa_bits)) - 1) << mantissa_bits;
  for (int i = 0; i < infinity; ++i) {
    const double low = by_definition(i, mantissa_bits, bias, 16);
    const double step = low - by_definition(i == 0 ? 0 : i - 1, mantissa_bits, bias, 16);
    const double high =
        i + 1 < infinity ? by_definition(i + 1, mantissa_bits, bias, 16) : low + step;
    const double middle = low + (high - low) / 2;
    const int even = i % 2 == 0 ? i : i + 1;
    for (const auto& [value, code] :
         {std::pair(middle, even), std::pair(std::nextafter(middle, 0.0), i),
          std::pair(std::nextafter(middle, kInfinity), i + 1)}) {
      values.push_back(value);
      wanted.push_back(static_cast<std::uint16_t>(code));
      values.push_back(-value);
      wanted.push_back(static_cast<std::uint16_t>(code | 0x8000));
    }
  }
  for (const double huge : {1e39, 1e308, kInfinity}) {
    values.push_back(huge);
    wanted.push_back(static_cast<std::uint16_t>(infinity));
  }
  std::vector<std::byte> bytes(2 * values.size());
  write_values(values, dtype, bytes);
  for (std::size_t i = 0; i < values.size(); ++i)
    ASSERT_EQ(load<std::uint16_t>(bytes.data(), i), wanted[i]) << values[i];
}

TEST(WriteValues, RoundDoublesToTheNearestHalfFloat) { expect_nearest_even(Dtype::f16, 10, 15); }

TEST(WriteValues, RoundDoublesToTheNearestBrainFloat) { expect_nearest_even(Dtype::bf16, 7, 127); }

TEST(WriteValues, RoundDoublesToHalfFloatsAsNumpy) {
  const SafetensorsFile file(fixture("rounding.safetensors"));
  const TensorView& values = *file.find("values");
  const TensorView& rounded = *file.find("rounded");
  std::vector<double> doubles(static_cast<std::size_t>(element_count(values.shape)));
  read_values(values, doubles);
  std::vector<std::byte> bytes(2 * doubles.size());
  write_values(doubles, Dtype::f16, bytes);
  EXPECT_EQ(std::memcmp(bytes.data(), rounded.bytes.data(), bytes.size()), 0);
}

TEST(WriteValues, RoundDoublesToFloatsAndKeepFloats) {
  const std::vector<double> doubles{0.1, -0.0, 0x1.000001p0, 1e300};
  std::vector<std::byte> bytes(16);
  write_values(doubles, Dtype::f32, bytes);
  std::vector<float> floats(4);
  read_values({"x", Dtype::f32, {4}, bytes}, floats);
  EXPECT_EQ(floats[0], 0.1f);
  EXPECT_TRUE(std::signbit(floats[1]));
  EXPECT_EQ(floats[2], 1.0f);  // a tie: to even
  EXPECT_TRUE(std::isinf(floats[3]));

  const OwnedTensor tensor = make_tensor("x", Dtype::f64, {2, 1}, std::vector<float>{0.1f, 2});
  EXPECT_EQ(tensor.bytes.size(), 16u);
  EXPECT_EQ(float_values(tensor.view()), (std::vector<float>{0.1f, 2}));
  EXPECT_THROW(write_values(std::span(doubles), Dtype::i32, bytes), FormatError);
}

TEST(ReadValues, OfEightBitFloatsAreThoseOfMlDtypes) {
  const SafetensorsFile file(fixture("float8.safetensors"));
  for (const char* name :
       {"float8_e5m2", "float8_e4m3fn", "float8_e8m0fnu", "float8_e4m3fnuz", "float8_e5m2fnuz"}) {
    const auto found = float_values(*file.find(std::string(name) + ".codes"));
    const auto wanted = float_values(*file.find(std::string(name) + ".values"));
    for (std::size_t i = 0; i < 256; ++i) {
      if (std::isnan(wanted[i]))
        EXPECT_TRUE(std::isnan(found[i])) << name << " " << i;
      else
        EXPECT_EQ(std::bit_cast<std::uint32_t>(found[i]), std::bit_cast<std::uint32_t>(wanted[i]))
            << name << " " << i;
    }
  }
}

TEST(ReadValues, ConvertIntegersAndBooleans) {
  const std::int64_t numbers[] = {-3, 1LL << 40};
  const auto bytes = std::as_bytes(std::span(numbers));
  std::vector<double> doubles(2);
  read_values({"n", Dtype::i64, {2}, bytes}, doubles);
  EXPECT_EQ(doubles, (std::vector<double>{-3, 1099511627776.0}));
  EXPECT_EQ(float_values({"n", Dtype::i8, {1}, bytes.first(1)}), std::vector<float>{-3});
  EXPECT_EQ(float_values({"n", Dtype::u8, {1}, bytes.first(1)}), std::vector<float>{253});
  EXPECT_EQ(float_values({"n", Dtype::u16, {1}, bytes.first(2)}), std::vector<float>{65533});
  EXPECT_EQ(float_values({"n", Dtype::boolean, {0}, {}}), std::vector<float>{});
}

TEST(ReadValues, OfAPartBeginAtItsFirstElement) {
  const OwnedTensor tensor = make_tensor("x", Dtype::bf16, {4}, std::vector<float>{1, 2, 3, 4});
  std::vector<float> two(2);
  read_values(tensor.view(), 1, two);
  EXPECT_EQ(two, (std::vector<float>{2, 3}));
}

TEST(Shape, PrintsAndCounts) {
  EXPECT_EQ(to_string(Shape{64, 3, 7, 7}), "[64, 3, 7, 7]");
  EXPECT_EQ(to_string(Shape{}), "[]");
  EXPECT_EQ(element_count({}), 1);
  EXPECT_EQ(element_count({2, 0, 3}), 0);
}

}  // namespace
}  // namespace stockpot
