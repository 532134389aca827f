#include "stockpot/compare/doctor.h"

#include <gtest/gtest.h>

#include <limits>

#include "tests/compare/trained.h"

namespace stockpot {
namespace {

DoctorReport examine(const std::vector<Checkpoint>& models, const Checkpoint* base = nullptr) {
  Silent silent;
  return doctor(models, base, silent);
}

// The first finding of a check, or one without text.
Finding found(const DoctorReport& report, const std::string& check) {
  for (const Finding& finding : report.findings)
    if (finding.check == check) return finding;
  return {};
}

TEST(Doctor, FailsTwoScratchSeeds) {
  const Kitchen kitchen;
  const auto report = examine({kitchen.open("a", scratch(1)), kitchen.open("b", scratch(2))});
  EXPECT_EQ(report.verdict(), Severity::failure);
  EXPECT_PRED2(contains, found(report, "origin").text, "no shared initialisation");
  EXPECT_LT(std::abs(report.pairs[0].cosine), 0.1);
}

TEST(Doctor, PassesFineTuningsOfOneInitialisation) {
  const Kitchen kitchen;
  const Tensors start = scratch(1);
  const auto report =
      examine({kitchen.open("a", moved(start, 0.005, 1)), kitchen.open("b", moved(start, 0.005, 2)),
               kitchen.open("c", moved(start, 0.005, 3))});
  EXPECT_EQ(report.verdict(), Severity::note) << doctor_text(report, 100);
  EXPECT_PRED2(contains, doctor_text(report, 100), "PASS: these 3 checkpoints can be averaged");
}

TEST(Doctor, NamesTheGroupsOfDifferentStarts) {
  const Kitchen kitchen;
  const auto report = examine({kitchen.open("a1", moved(scratch(1), 0.005, 1)),
                               kitchen.open("b1", moved(scratch(2), 0.005, 2)),
                               kitchen.open("a2", moved(scratch(1), 0.005, 3)),
                               kitchen.open("b2", moved(scratch(2), 0.005, 4))});
  EXPECT_PRED2(contains, found(report, "origin").text,
               "a1.safetensors and a2.safetensors | b1.safetensors and b2.safetensors");
}

TEST(Doctor, FailsHeadsOfOtherSizesAndNamesThem) {
  const Kitchen kitchen;
  Tensors other = moved(scratch(1), 0.005, 1);
  other[0] = random_tensor("head.weight", {7, 48}, 9, 0);
  const auto report = examine({kitchen.open("a", scratch(1)), kitchen.open("b", other)});
  EXPECT_EQ(report.verdict(), Severity::failure);
  EXPECT_PRED2(contains, found(report, "heads").text, "'head.weight' is [7, 48] in b.safetensors");
  EXPECT_EQ(found(report, "origin").text, "");
}

TEST(Doctor, FailsUnrelatedHeadsOfOneBackboneAndNamesThem) {
  const Kitchen kitchen;
  Tensors other = moved(scratch(1), 0.005, 1);
  other[0] = random_tensor("head.weight", {10, 48}, 9, 0);
  const auto report = examine({kitchen.open("a", scratch(1)), kitchen.open("b", other)});
  const Finding heads = found(report, "heads");
  EXPECT_EQ(heads.severity, Severity::failure);
  EXPECT_EQ(heads.tensors, std::vector<std::string>{"head.weight"});
  EXPECT_PRED2(contains, heads.advice, "train from one LP head (LP-FT)");
}

TEST(Doctor, NamesDuplicates) {
  const Kitchen kitchen;
  const Tensors start = scratch(1);
  const auto report =
      examine({kitchen.open("a", moved(start, 0.005, 1)), kitchen.open("b", moved(start, 0.005, 2)),
               kitchen.open("copy", moved(start, 0.005, 1))});
  EXPECT_EQ(report.verdict(), Severity::warning);
  EXPECT_PRED2(contains, found(report, "duplicates").text,
               "a.safetensors and copy.safetensors are the same model (xxh3-128:");
}

TEST(Doctor, NamesAnOutlier) {
  const Kitchen kitchen;
  const Tensors start = scratch(1);
  std::vector<Checkpoint> models;
  for (std::uint64_t i = 0; i < 5; ++i)
    models.push_back(kitchen.open("m" + std::to_string(i), moved(start, i == 3 ? 0.02 : 0.004, i)));
  const Checkpoint base = kitchen.open("base", start);
  EXPECT_EQ(found(examine(models), "outlier").models, std::vector<std::size_t>{3});
  EXPECT_EQ(found(examine(models, &base), "outlier").models, std::vector<std::size_t>{3});
}

TEST(Doctor, FailsAModelThatDoesNotComeFromTheBase) {
  const Kitchen kitchen;
  const Checkpoint base = kitchen.open("base", scratch(1));
  const auto report = examine(
      {kitchen.open("a", moved(scratch(1), 0.005, 1)), kitchen.open("b", scratch(2))}, &base);
  EXPECT_PRED2(contains, found(report, "base").text,
               "b.safetensors was not fine-tuned from the base");
  EXPECT_NEAR(report.models[0].distance, 0.005 * std::sqrt(6672.0), 0.01);
}

TEST(Doctor, F02_NotFiniteValuesAreNamedWithTheirTensor) {
  const Kitchen kitchen;
  Tensors broken = scratch(1);
  std::vector<float> values = float_values(broken[1].view());
  values[5] = std::numeric_limits<float>::quiet_NaN();
  values[7] = std::numeric_limits<float>::infinity();
  broken[1] = make_tensor("layers.0.weight", Dtype::f32, {64, 48}, values);
  const auto report = examine({kitchen.open("a", scratch(1)), kitchen.open("b", broken)});
  EXPECT_EQ(report.verdict(), Severity::failure);
  EXPECT_EQ(found(report, "finite").text, "b.safetensors holds NaN or Inf: 'layers.0.weight' (2)");
}

TEST(Doctor, F05_OtherTensorsAreListed) {
  const Kitchen kitchen;
  Tensors other = scratch(1);
  other[3].name = "other.weight";
  const auto report = examine({kitchen.open("a", scratch(1)), kitchen.open("b", other)});
  EXPECT_PRED2(contains, found(report, "names").text,
               "1 tensors of a.safetensors are missing in b.safetensors: 'norm.weight'");
}

TEST(Doctor, F05_ClassNamesInAnotherOrderAreRefused) {
  const Kitchen kitchen;
  std::vector<Checkpoint> models;
  for (const char* labels : {R"({"0":"cat","1":"dog"})", R"({"0":"dog","1":"cat"})"}) {
    const fs::path folder = kitchen.path() / ("m" + std::to_string(models.size()));
    fs::create_directory(folder);
    write_file(folder / "config.json", std::string("{\"id2label\":") + labels + "}");
    fs::rename(kitchen.write("x", scratch(1)), folder / "model.safetensors");
    models.push_back(Checkpoint::open(folder));
  }
  EXPECT_PRED2(contains, found(examine(models), "classes").text,
               "the same class names in another order: the first difference is class 0, 'cat' "
               "against 'dog'");
}

TEST(Doctor, SharedModelsOfOtherSizesFail) {
  const fs::path models = shared_models();
  if (!fs::exists(models)) GTEST_SKIP() << "no shared models";
  const auto report = examine({Checkpoint::open(models / "tin-vit-pico-p8-64"),
                               Checkpoint::open(models / "tin-resnet18-64")});
  EXPECT_PRED2(contains, found(report, "architecture").text, "is another architecture");
}

}  // namespace
}  // namespace stockpot
