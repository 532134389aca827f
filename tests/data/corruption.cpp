#include "stockpot/data/corruption.h"

#include <gtest/gtest.h>

#include <cmath>
#include <sstream>

#include "stockpot/base/error.h"
#include "stockpot/data/dataset.h"
#include "tests/data/picture.h"
#include "tests/data/scratch.h"

namespace stockpot {
namespace {

using test::formula;

Corruption one(const std::string& name, const std::string& severity) {
  return parse_corruption(name + ":" + severity).front();
}

TEST(Corruption, EqualsNumpyAndScipyWhereNothingIsDrawn) {
  std::size_t differing = 0, values = 0;
  for (const auto& row : test::fixture_rows("corruptions.tsv")) {
    if (row[2] != "exact") continue;
    const Image made = corrupt(formula(13, 17), one(row[0], row[1]), "id");
    ASSERT_EQ(2 * made.rgb.size(), row[3].size());
    for (std::size_t i = 0; i < made.rgb.size(); ++i) {
      const int wanted = std::stoi(row[3].substr(2 * i, 2), nullptr, 16);
      // Sums in another order may fall on the other side of a whole number.
      ASSERT_LE(std::abs(made.rgb[i] - wanted), 1) << row[0] << row[1] << " at " << i;
      differing += made.rgb[i] != wanted;
      ++values;
    }
  }
  ASSERT_EQ(values, 15u * 13 * 17 * 3);
  EXPECT_LE(static_cast<double>(differing), 0.003 * static_cast<double>(values)) << differing;
}

TEST(Corruption, JpegEqualsPillowBitForBit) {
  int rows = 0;
  for (const auto& row : test::fixture_rows("corruptions.tsv")) {
    if (row[2] != "jpeg") continue;
    EXPECT_EQ(test::digest(corrupt(formula(45, 67), one(row[0], row[1]), "id")), row[3]) << row[1];
    ++rows;
  }
  EXPECT_EQ(rows, 5);
}

// Mean and deviation of 300 x 300 x 3 values, against two million draws of numpy.
TEST(Corruption, NamesAPictureThatIsTooLongForAJpeg) {
  const Image line{1, 65501, std::vector<std::uint8_t>(65501 * 3)};
  EXPECT_EQ(message<FormatError>([&] { corrupt(line, one("jpeg", "1"), "set/a/1.png@jpeg:1"); }),
            "set/a/1.png@jpeg:1: has 65501 x 1 pixels; a JPEG has at most 65,500 on a side");
}

TEST(Corruption, NoiseIsDistributedAsNumpys) {
  constexpr int kSide = 300;
  constexpr double kValues = kSide * kSide * 3.0;
  int rows = 0;
  for (const auto& row : test::fixture_rows("corruptions.tsv")) {
    if (row[2] != "noise") continue;
    std::istringstream wanted(row[3]);
    for (const int clean : {0, 3, 60, 128, 250, 255}) {
      const Image flat{
          kSide, kSide,
          std::vector<std::uint8_t>(kSide * kSide * 3, static_cast<std::uint8_t>(clean))};
      const Image made = corrupt(flat, one(row[0], row[1]), "id" + std::to_string(clean));
      double sum = 0, squares = 0, mean = 0, deviation = 0;
      for (const std::uint8_t value : made.rgb) sum += value, squares += value * value;
      wanted >> mean >> deviation;
      const double found = sum / kValues;
      const double spread = std::sqrt(std::max(0.0, squares / kValues - found * found));
      EXPECT_NEAR(found, mean, 5 * deviation / std::sqrt(kValues) + 0.01)
          << row[0] << row[1] << " of " << clean;
      EXPECT_NEAR(spread, deviation, 0.03 * deviation + 0.05)
          << row[0] << row[1] << " of " << clean;
    }
    ++rows;
  }
  EXPECT_EQ(rows, 15);
}

TEST(Corruption, NoiseIsAFunctionOfPictureKindAndSeverity) {
  const Image clean = formula(20, 20);
  for (const char* kind : {"gaussian_noise", "shot_noise", "impulse_noise"}) {
    const Corruption third = one(kind, "3");
    EXPECT_EQ(corrupt(clean, third, "a").rgb, corrupt(clean, third, "a").rgb);
    EXPECT_NE(corrupt(clean, third, "a").rgb, corrupt(clean, third, "b").rgb);
    EXPECT_NE(corrupt(clean, third, "a").rgb, corrupt(clean, one(kind, "4"), "a").rgb);
  }
}

TEST(Corruption, IsReadFromItsName) {
  EXPECT_EQ(parse_corruption("jpeg:5"), (std::vector<Corruption>{{CorruptionKind::jpeg, 5}}));
  EXPECT_EQ(parse_corruption("contrast").size(), 5u);
  for (const std::string& name : corruption_names())
    EXPECT_EQ(to_text(one(name, "2")), name + ":2");
  const auto problem = [](const std::string& text) {
    return message<UsageError>([&] { parse_corruption(text); });
  };
  EXPECT_TRUE(contains(problem("gausian_noise:1"), "did you mean 'gaussian_noise'?"));
  EXPECT_TRUE(contains(problem("jpeg:0"), "severity of a corruption is 1 to 5"));
  EXPECT_TRUE(contains(problem("jpeg:31"), "found '31'"));
  EXPECT_TRUE(contains(problem("jpeg:"), "found ''"));
}

TEST(Corruption, OfASetMakesEveryPictureWorseWhereverItIsDecoded) {
  const Scratch scratch;
  for (int i = 0; i < 3; ++i) {
    scratch.write("set/cat/" + std::to_string(i) + ".png", png(i));
    scratch.write("set/dog/" + std::to_string(i) + ".png", png(10 + i));
  }
  DataSpec spec;
  spec.sources = {parse_source((scratch / "set").string() + ",corrupt=gaussian_noise:2")};
  const ImageDataset kept = ImageDataset::load(spec, {});
  const ImageDataset again = ImageDataset::load(spec, {.classes = {}, .memory_budget = 0});
  ASSERT_EQ(kept.size(), 6);
  EXPECT_EQ(kept.id(0), "set/cat/0.png@gaussian_noise:2");
  EXPECT_EQ(kept.groups(), std::vector<std::string>{"gaussian_noise:2"});
  for (std::int64_t i = 0; i < kept.size(); ++i) {
    EXPECT_EQ(kept.image(i)->rgb, again.image(i)->rgb);
    EXPECT_EQ(kept.content_hash(i), again.content_hash(i));
  }
  EXPECT_EQ(kept.image(0)->rgb, corrupt(picture(0), one("gaussian_noise", "2"), kept.id(0)).rgb);
}

TEST(Corruption, WithoutASeverityMakesASetOfAllFive) {
  const Scratch scratch;
  for (int i = 0; i < 2; ++i) {
    scratch.write("set/cat/" + std::to_string(i) + ".png", png(i));
    scratch.write("set/dog/" + std::to_string(i) + ".png", png(10 + i));
  }
  DataSpec spec;
  spec.sources = {parse_source((scratch / "set").string() + ",corrupt=contrast")};
  const ImageDataset set = ImageDataset::load(spec, {});
  EXPECT_EQ(set.size(), 20);
  EXPECT_EQ(set.groups().size(), 5u);
}

}  // namespace
}  // namespace stockpot
