// Fisher merging and RegMean: what their files of statistics may be.
#include <gtest/gtest.h>

#include <cmath>

#include "stockpot/base/error.h"
#include "stockpot/merge/fisher.h"
#include "stockpot/merge/regmean.h"
#include "tests/merge/jobs.h"
#include "tests/merge/models.h"

namespace stockpot {
namespace {

using Values = std::vector<double>;

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

// Two models with a layer of two inputs and one output, and a bias.
struct Layer : testing::Test {
  Layer() {
    ingredients.add("fc.weight", {1, 2}, {}, {{1, 2}, {3, 6}});
    ingredients.add("fc.bias", {1}, {}, {{1}, {2}});
  }
  Checkpoint file(const std::string& name, const Shape& shape, const Values& values) {
    return folder.open({tensor_of(name, shape, values)});
  }
  Ingredients ingredients;
  Models folder;
};

using Fisher = Layer;
using RegMeanLayer = Layer;

TEST_F(Fisher, WeighsEachElementAndTakesTheMeanWhereNothingIsKnown) {
  FisherMerge method({file("fc.weight", {1, 2}, {1, 0}), file("fc.weight", {1, 2}, {3, 5})}, {});
  const auto values = merged(method, ingredients.jobs());
  EXPECT_NEAR(values[0][0], 2.5, 1e-15);
  EXPECT_NEAR(values[0][1], (2 * 1e-6 + 6 * 5) / (1e-6 + 5), 1e-14);
  EXPECT_EQ(values[1], (Values{1.5}));
  EXPECT_EQ(method.findings().find("plain_mean")->items()[0].as_string(), "fc.bias");
}

TEST_F(Fisher, OfEqualInformationIsTheMean) {
  const Checkpoint same = file("fc.weight", {1, 2}, {0.5, 0});
  for (const double minimum : {0.0, 1e-6}) {
    FisherMerge method({same, same}, {.minimum = minimum});
    EXPECT_EQ(merged(method, ingredients.jobs())[0], (Values{2, 4}));
  }
}

TEST_F(Fisher, RefusesWhatIsNoInformationBeforeAnyWork) {
  const Checkpoint good = file("fc.weight", {1, 2}, {1, 1});
  const auto refusal = [&](const Checkpoint& bad) {
    FisherMerge method({good, bad}, {});
    return message_of<FormatError>([&] { merged(method, ingredients.jobs()); });
  };
  const Checkpoint shape = file("fc.weight", {2}, {1, 1});
  EXPECT_EQ(refusal(shape), shape.path().string() +
                                ": tensor 'fc.weight' has the shape [2], the model's is [1, 2]");
  const Checkpoint negative = file("fc.weight", {1, 2}, {1, -1});
  EXPECT_PRED2(contains, refusal(negative),
               "'fc.weight' holds values that are negative, NaN or infinite (1 of 2)");
  FisherMerge one({good}, {});
  EXPECT_PRED2(contains, message_of<UsageError>([&] { merged(one, ingredients.jobs()); }),
               "there are 1 files for 2 models");
  FisherMerge weights({good, good}, {});
  EXPECT_THROW(merged(weights, ingredients.jobs({-1, 1})), UsageError);
  EXPECT_THROW(FisherMerge({good}, {.minimum = -1}), UsageError);
}

TEST_F(RegMeanLayer, OfEqualGramMatricesIsTheMean) {
  const Checkpoint gram = file("fc.gram", {2, 2}, {2, 1, 1, 3});
  RegMean method({gram, gram}, {});
  const auto values = merged(method, ingredients.jobs());
  EXPECT_NEAR(values[0][0], 2, 1e-15);
  EXPECT_NEAR(values[0][1], 4, 1e-15);
  EXPECT_EQ(values[1], (Values{1.5}));
  EXPECT_TRUE(method.findings().find("ridge")->members().empty());
}

TEST_F(RegMeanLayer, SolvesSingularSumsWithARidgeThatKeepsTheMean) {
  // The second input was never active: its weights become the mean.
  RegMean method({file("fc.weight", {2, 2}, {1, 0, 0, 0}), file("fc.weight", {2, 2}, {3, 0, 0, 0})},
                 {});
  const auto values = merged(method, ingredients.jobs());
  EXPECT_NEAR(values[0][0], 2.5, 1e-9);
  EXPECT_EQ(values[0][1], 4);
  EXPECT_GT(method.findings().find("ridge")->find("fc.weight")->as_number(), 0);
}

TEST_F(RegMeanLayer, EqualModelsGiveThemselvesBitForBit) {
  Ingredients equal;
  equal.add("fc.weight", {1, 2}, {}, {{0.1, -0.0}, {0.1, -0.0}});
  RegMean method({file("fc.gram", {2, 2}, {2, 1, 1, 3}), file("fc.gram", {2, 2}, {5, 2, 2, 1})},
                 {});
  const Values values = merged(method, equal.jobs())[0];
  EXPECT_EQ(values, (Values{0.1, 0.0}));
  EXPECT_TRUE(std::signbit(values[1]));
}

TEST_F(RegMeanLayer, RefusesWhatIsNoGramMatrix) {
  const Checkpoint good = file("fc.gram", {2, 2}, {2, 1, 1, 3});
  const auto refusal = [&](const Checkpoint& bad) {
    RegMean method({good, bad}, {});
    return message_of<FormatError>([&] { merged(method, ingredients.jobs()); });
  };
  EXPECT_PRED2(contains, refusal(file("fc.gram", {1, 1}, {1})),
               "'fc.gram' has the shape [1, 1], but the weight is [1, 2], whose inputs make a Gram "
               "matrix of [2, 2]");
  EXPECT_PRED2(contains, refusal(file("fc.gram", {2, 2}, {-1, 0, 0, 1})), "is no Gram matrix");
  RegMean zero({file("fc.gram", {2, 2}, Values(4, 0.0)), file("fc.gram", {2, 2}, Values(4, 0.0))},
               {});
  EXPECT_PRED2(contains, message_of<FormatError>([&] { merged(zero, ingredients.jobs()); }),
               "their sum is not positive");
  EXPECT_THROW(RegMean({good}, {.off_diagonal = 2}), UsageError);
}

}  // namespace
}  // namespace stockpot
