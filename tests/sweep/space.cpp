#include "stockpot/sweep/space.h"

#include <gtest/gtest.h>

#include <cmath>

#include "stockpot/base/error.h"

namespace stockpot {
namespace {

Distribution constant(Json value) {
  Distribution distribution;
  distribution.value = std::move(value);
  return distribution;
}

Distribution range(Distribution::Kind kind, double low, double high) {
  Distribution distribution;
  distribution.kind = kind;
  distribution.low = low;
  distribution.high = high;
  return distribution;
}

TEST(SearchSpace, TrialIsAFunctionOfSeedAndNumber) {
  const SearchSpace space{{{"lr", range(Distribution::Kind::loguniform, 1e-5, 1e-3)},
                           {"epochs", range(Distribution::Kind::integer, 4, 16)}}};
  EXPECT_EQ(space.sample(7, 3), space.sample(7, 3));
  EXPECT_NE(space.sample(7, 3), space.sample(7, 4));
  EXPECT_NE(space.sample(7, 3), space.sample(8, 3));
}

TEST(SearchSpace, AddingASettingDoesNotChangeWhatTheOthersDraw) {
  const auto lr = range(Distribution::Kind::loguniform, 1e-5, 1e-3);
  const SearchSpace small{{{"lr", lr}}};
  const SearchSpace large{{{"epochs", range(Distribution::Kind::integer, 4, 16)}, {"lr", lr}}};
  EXPECT_EQ(small.sample(1, 5)[0].second, large.sample(1, 5)[1].second);
}

TEST(SearchSpace, DrawsStayInTheirRangesAndReachBothEnds) {
  const SearchSpace space{{{"epochs", range(Distribution::Kind::integer, 4, 6)},
                           {"lr", range(Distribution::Kind::loguniform, 1e-5, 1e-3)}}};
  bool seen[7] = {};
  double log_sum = 0;
  constexpr int kDraws = 4000;
  for (int i = 0; i < kDraws; ++i) {
    const auto trial = space.sample(0, static_cast<std::uint64_t>(i));
    const std::int64_t epochs = trial[0].second.as_integer();
    ASSERT_GE(epochs, 4);
    ASSERT_LE(epochs, 6);
    seen[epochs] = true;
    const double lr = trial[1].second.as_number();
    ASSERT_GE(lr, 1e-5);
    ASSERT_LE(lr, 1e-3);
    log_sum += std::log10(lr);
  }
  EXPECT_TRUE(seen[4] && seen[5] && seen[6]);
  // Uniform in the exponent over [-5, -3]: mean -4, standard error 0.0091 at 4000 draws.
  EXPECT_NEAR(log_sum / kDraws, -4, 0.04);
}

TEST(SearchSpace, MixtureFollowsItsWeights) {
  Distribution mixture;
  mixture.kind = Distribution::Kind::mixture;
  mixture.options = {constant(0.0), range(Distribution::Kind::uniform, 0.5, 1)};
  mixture.weights = {0.25, 0.75};
  const SearchSpace space{{{"mixup", mixture}}};
  int zeros = 0;
  for (std::uint64_t i = 0; i < 4000; ++i)
    zeros += space.sample(3, i)[0].second.as_number() == 0 ? 1 : 0;
  EXPECT_NEAR(zeros / 4000.0, 0.25, 0.03);
}

// Numbers on disk depend on these: they were drawn by version 0.1.
TEST(SearchSpace, DrawsOfVersion01StayAsTheyAre) {
  Distribution choice, mixture;
  choice.kind = Distribution::Kind::choice;
  choice.options = {constant("a"), constant("b"), constant("c")};
  mixture.kind = Distribution::Kind::mixture;
  mixture.options = {constant(0), range(Distribution::Kind::uniform, -1, 2)};
  mixture.weights = {0.5, 0.5};
  const SearchSpace space{{{"uniform", range(Distribution::Kind::uniform, -1, 2)},
                           {"loguniform", range(Distribution::Kind::loguniform, 1e-6, 1e-4)},
                           {"integer", range(Distribution::Kind::integer, 4, 16)},
                           {"choice", choice},
                           {"mixture", mixture}}};
  const auto drawn = [&](std::uint64_t trial) {
    std::string text;
    for (const auto& [name, value] : space.sample(20221, trial)) text += value.dump() + " ";
    return text;
  };
  EXPECT_EQ(drawn(0), "0.383677552290139 7.542956804736452e-05 10 \"a\" -0.12402950879223529 ");
  EXPECT_EQ(drawn(1), "-0.11470843866632063 9.751183879272855e-06 4 \"c\" 1.7729472684814809 ");
  EXPECT_EQ(drawn(2), "1.6239294446957833 2.701781347920024e-06 5 \"a\" 1.2512094136654994 ");
  EXPECT_EQ(drawn(1000), "0.6384175785332196 3.53462665006374e-06 14 \"b\" 1.6146282299799535 ");
}

TEST(SearchSpace, AGridRunsThroughItsLastSettingFirst) {
  Distribution choice, map;
  choice.kind = Distribution::Kind::choice;
  choice.options = {constant("a"), range(Distribution::Kind::integer, 7, 8)};
  map.kind = Distribution::Kind::map;
  map.names = {"m", "n"};
  map.options = {range(Distribution::Kind::integer, 1, 2), constant(5)};
  SearchSpace space{{{"x", choice}, {"y", map}}};
  EXPECT_EQ(space.size(), std::nullopt);
  space.method = SearchSpace::Method::grid;
  ASSERT_EQ(space.size(), 6);
  std::string text;
  for (std::uint64_t i = 0; i < 6; ++i)
    for (const auto& [name, value] : space.sample(0, i)) text += value.dump() + " ";
  EXPECT_EQ(text,
            "\"a\" {\"m\":1,\"n\":5} \"a\" {\"m\":2,\"n\":5} 7 {\"m\":1,\"n\":5} "
            "7 {\"m\":2,\"n\":5} 8 {\"m\":1,\"n\":5} 8 {\"m\":2,\"n\":5} ");
}

TEST(SearchSpace, AGridOfRealsOrOfTooManyTrialsIsRefused) {
  SearchSpace space{{{"lr", range(Distribution::Kind::loguniform, 1e-5, 1e-3)}}};
  space.method = SearchSpace::Method::grid;
  EXPECT_THROW(space.size(), UsageError);
  space.settings = {{"a", range(Distribution::Kind::integer, 1, 1e15)}};
  EXPECT_THROW(space.size(), UsageError);
  space.settings = {};
  for (const char* name : {"a", "b", "c", "d", "e", "f", "g", "h"})
    space.settings.emplace_back(name, range(Distribution::Kind::integer, 1, 90'000));
  EXPECT_THROW(space.size(), UsageError) << "the product must not overflow";
}

TEST(SearchSpace, PowersOfTenAndMapsStayInTheirRanges) {
  Distribution power, map;
  power.kind = Distribution::Kind::power_of_ten;
  power.options = {range(Distribution::Kind::uniform, -4, -0.2)};
  map.kind = Distribution::Kind::map;
  map.names = {"m", "n"};
  map.options = {range(Distribution::Kind::integer, 0, 20),
                 range(Distribution::Kind::integer, 0, 2)};
  const SearchSpace space{{{"weight_decay", power}, {"randaugment", map}}};
  double sum = 0;
  for (std::uint64_t i = 0; i < 2000; ++i) {
    const auto trial = space.sample(1, i);
    sum += std::log10(trial[0].second.as_number());
    EXPECT_LE(trial[0].second.as_number(), 0.631);
    EXPECT_LE(trial[1].second.find("m")->as_integer(), 20);
    EXPECT_LE(trial[1].second.find("n")->as_integer(), 2);
  }
  // Standard error 0.0245.
  EXPECT_NEAR(sum / 2000, -2.1, 0.1);
  EXPECT_EQ(power.describe(), "10^(uniform -4..-0.2)");
  EXPECT_EQ(map.to_json().dump(), "{\"m\":{\"int\":[0,20]},\"n\":{\"int\":[0,2]}}");
}

TEST(SearchSpace, DescribesItselfInWords) {
  EXPECT_EQ(range(Distribution::Kind::loguniform, 1e-5, 1e-3).describe(),
            "loguniform 1e-05..0.001");
  Distribution choice;
  choice.kind = Distribution::Kind::choice;
  choice.options = {constant("minimal"), constant("strong")};
  EXPECT_EQ(choice.describe(), "one of {minimal, strong}");
}

}  // namespace
}  // namespace stockpot
