#include "stockpot/checkpoint/head_file.h"

#include <cmath>
#include <limits>

#include "tests/checkpoint/torch_fixtures.h"

namespace stockpot {
namespace {

using Values = std::vector<float>;
using Names = std::vector<std::string>;

const Names kThree{"bowl", "ladle", "pot"};
// Classes x 2 features, and the same transposed.
const Values kUpright{1, 2, 3, 4, 5, 6}, kTransposed{1, 3, 5, 2, 4, 6};

fs::path head_fixture(const std::string& name) { return fixture("heads/" + name); }

class HeadFiles : public testing::Test {
 protected:
  HeadFile put(const std::vector<OwnedTensor>& tensors,
               const std::map<std::string, std::string>& metadata = {}) const {
    std::vector<TensorView> views;
    for (const OwnedTensor& tensor : tensors) views.push_back(tensor.view());
    const fs::path file = folder_.path() / "head.safetensors";
    write_safetensors(file, views, metadata);
    return {.file = file};
  }
  HeadFile put(const Shape& shape, const Values& values,
               const std::map<std::string, std::string>& metadata = {}) const {
    return put({make_tensor("w", Dtype::f32, shape, values)}, metadata);
  }
  static std::string refusal(const HeadFile& head, const Names& classes = kThree,
                             std::int64_t features = 2) {
    return message_of<FormatError>([&] { read_head(head, classes, features); });
  }

  TemporaryFolder folder_;
};

TEST_F(HeadFiles, OfTorchAreRead) {
  const Checkpoint expected = Checkpoint::open(head_fixture("expected.safetensors"));
  const Values zeroshot = float_values(expected.at("zeroshot"));
  for (const char* name : {"zeroshot.pt", "view.pt"})
    EXPECT_EQ(read_head({.file = head_fixture(name)}, kThree, 4).weight, zeroshot) << name;
  const GivenHead stacked = read_head({.file = head_fixture("zeroshot.pt")}, kThree, 4);
  EXPECT_EQ(stacked.bias, Values(3));
  EXPECT_EQ(stacked.description, "zeroshot.pt: 'tensor', transposed, no biases, classes by order");
  const GivenHead linear = read_head({.file = head_fixture("linear.pt")}, kThree, 4);
  EXPECT_EQ(linear.weight, float_values(expected.at("weight")));
  EXPECT_EQ(linear.bias, float_values(expected.at("bias")));
  EXPECT_EQ(linear.description, "linear.pt: 'weight', biases 'bias', classes by order");
}

TEST_F(HeadFiles, TransposedMatricesAreTakenWhereTheirShapeSaysSo) {
  EXPECT_EQ(read_head(put({3, 2}, kUpright), kThree, 2).weight, kUpright);
  HeadFile transposed = put({2, 3}, kTransposed);
  EXPECT_EQ(read_head(transposed, kThree, 2).weight, kUpright);
  transposed.rows = "classes";
  EXPECT_PRED2(contains, refusal(transposed),
               "head.safetensors: tensor 'w' is [2, 3]; the training set has 3 classes and the "
               "model 2 features: expected [3, 2] with rows: classes");
  transposed.rows = "features";
  EXPECT_EQ(read_head(transposed, kThree, 2).weight, kUpright);
}

TEST_F(HeadFiles, SquareMatricesHaveToSayWhatARowIs) {
  HeadFile square = put({2, 2}, {1, 2, 3, 4});
  const Names two{"bowl", "pot"};
  EXPECT_PRED2(contains, refusal(square, two),
               "tensor 'w' is [2, 2]; with as many classes as features that can be read in two "
               "ways: say rows: classes or rows: features");
  square.rows = "classes";
  EXPECT_EQ(read_head(square, two, 2).weight, (Values{1, 2, 3, 4}));
  square.rows = "features";
  EXPECT_EQ(read_head(square, two, 2).weight, (Values{1, 3, 2, 4}));
}

TEST_F(HeadFiles, ClassesAreMatchedByName) {
  const std::string names = R"(["pot", "bowl", "ladle"])";
  const Values matched{3, 4, 5, 6, 1, 2};
  EXPECT_EQ(read_head(put({3, 2}, kUpright, {{"classes", names}}), kThree, 2).weight, matched);
  EXPECT_EQ(read_head(put({2, 3}, kTransposed, {{"classes", names}}), kThree, 2).weight, matched);
  // A list beside the file counts more than its metadata.
  HeadFile listed = put({3, 2}, kUpright, {{"classes", R"(["x"])"}});
  listed.classes = folder_.put("names.json", names);
  EXPECT_EQ(read_head(listed, kThree, 2).weight, matched);
  const HeadFile biased = put({make_tensor("fc.weight", Dtype::f32, {3, 2}, kUpright),
                               make_tensor("fc.bias", Dtype::f32, {3}, Values{7, 8, 9})},
                              {{"classes", names}});
  EXPECT_EQ(read_head(biased, kThree, 2).bias, (Values{8, 9, 7}));
}

TEST_F(HeadFiles, OtherClassesAreRefused) {
  const auto named = [&](const std::string& names) {
    return refusal(put({3, 2}, kUpright, {{"classes", names}}));
  };
  EXPECT_PRED2(contains, named(R"(["pot", "bowl", "spoon"])"),
               "head.safetensors: class names 'spoon' are none of the training set, which has "
               "'ladle' in their place");
  EXPECT_PRED2(contains, named(R"(["pot", "bowl"])"), "2 class names; the training set has 3");
  EXPECT_PRED2(contains, named(R"(["pot", "pot", "bowl"])"), "class 'pot' is named twice");
  EXPECT_PRED2(contains, named(R"({"pot": 0})"), "should be a JSON list of texts");
  EXPECT_PRED2(contains, named("bowl ladle pot"), "head.safetensors");
  EXPECT_PRED2(contains, refusal(put({4, 2}, Values(8))),
               "tensor 'w' is [4, 2]; the training set has 3 classes and the model 2 features: "
               "expected [3, 2] or [2, 3]");
}

TEST_F(HeadFiles, OtherShapesAndValuesThatAreNotFiniteAreRefused) {
  Values values = kUpright;
  values[4] = std::numeric_limits<float>::quiet_NaN();
  EXPECT_PRED2(contains, refusal(put({3, 2}, values)),
               "head.safetensors: tensor 'w' has a value that is not finite, nan, at element 4");
  HeadFile large = put({3, 2}, {1e38F, 0, 0, 0, 0, 0});
  large.scale = 100;
  EXPECT_PRED2(contains, refusal(large), "tensor 'w' times 100 does not fit float32");
  HeadFile vector = put({6}, kUpright);
  EXPECT_PRED2(contains, refusal(vector), "no floating-point matrix in it");
  vector.weight = "w";
  EXPECT_PRED2(contains, refusal(vector), "tensor 'w' is [6]");
  vector.weight = "v";
  EXPECT_PRED2(contains, refusal(vector), "'v'");
  const OwnedTensor matrix = make_tensor("weight", Dtype::f32, {3, 2}, kUpright);
  EXPECT_PRED2(contains, refusal(put({matrix, make_tensor("bias", Dtype::f32, {2}, Values(2))})),
               "tensor 'bias' is [2]; the biases of 3 classes are expected to be [3]");
  HeadFile whole = put({{"w", Dtype::i8, {3, 2}, std::vector<std::byte>(6)}});
  whole.weight = "w";
  EXPECT_PRED2(contains, refusal(whole), "tensor 'w' is I8; a head has floating-point numbers");
}

TEST_F(HeadFiles, SeveralMatricesAreToldApartByName) {
  HeadFile head = put({make_tensor("a.weight", Dtype::f32, {3, 2}, Values(6)),
                       make_tensor("a.bias", Dtype::f32, {3}, Values{1, 2, 3}),
                       make_tensor("b", Dtype::f16, {3, 2}, kUpright)});
  EXPECT_PRED2(contains, refusal(head), "2 matrices in it ('a.weight', 'b'): say which one");
  head.weight = "b";
  EXPECT_EQ(read_head(head, kThree, 2).bias, Values(3));
  head.bias = "a.bias";
  head.scale = 10;
  const GivenHead given = read_head(head, kThree, 2);
  EXPECT_EQ(given.weight, (Values{10, 20, 30, 40, 50, 60}));
  EXPECT_EQ(given.bias, (Values{1, 2, 3}));
}

TEST_F(HeadFiles, AScaleInTheFileIsNotedAndNotApplied) {
  const float stored = std::log(100.0F);
  HeadFile head = put({make_tensor("w", Dtype::f32, {3, 2}, kUpright),
                       make_tensor("logit_scale", Dtype::f32, {}, Values{stored})});
  const GivenHead given = read_head(head, kThree, 2);
  EXPECT_EQ(given.weight, kUpright);
  ASSERT_EQ(given.notes.size(), 1u);
  EXPECT_PRED2(contains, given.notes.front(), "(4.605) is not applied");
  EXPECT_PRED2(contains, given.notes.front(), "scale: 100 does it");
  head.scale = 100;
  EXPECT_TRUE(read_head(head, kThree, 2).notes.empty());
}

TEST_F(HeadFiles, AreKnownByTheirContents) {
  const HeadFile head = put({3, 2}, kUpright);
  const Json before = head_identity(head);
  EXPECT_EQ(read_head(head, kThree, 2).identity, before);
  fs::rename(head.file, folder_.path() / "moved");
  HeadFile moved{.file = folder_.path() / "moved"};
  EXPECT_EQ(head_identity(moved), before);
  moved.scale = 2;
  EXPECT_NE(head_identity(moved), before);
  moved.scale = 1;
  moved.classes = folder_.put("names.json", R"(["a"])");
  const Json named = head_identity(moved);
  EXPECT_NE(named, before);
  folder_.put("names.json", R"(["b"])");
  EXPECT_NE(head_identity(moved), named);
  EXPECT_NE(head_identity(put({3, 2}, kTransposed)), before);
}

}  // namespace
}  // namespace stockpot
