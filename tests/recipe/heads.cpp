// Heads that the user brings.
#include "recipe_test.h"
#include "stockpot/checkpoint/safetensors.h"
#include "stockpot/recipe/plan_runs.h"
#include "stockpot/recipe/resolved.h"
#include "stockpot/recipe/schema.h"
#include "stockpot/recipe/trials.h"

namespace stockpot {
namespace {

class Heads : public RecipeTest {
 protected:
  void SetUp() override {
    RecipeTest::SetUp();
    put_head(1);
    write("names.json", "[\"a\"]");
  }

  void put_head(float value) const {
    const std::vector<float> values{value, 0, 0, 1};
    const OwnedTensor weight = make_tensor("w", Dtype::f32, {2, 2}, values);
    const std::vector<TensorView> tensors{weight.view()};
    write_safetensors(folder_ / "head", tensors);
  }
};

TEST_F(Heads, BelongToMethodsAndSearches) {
  const Recipe recipe = parse(with_data(
      "methods:\n"
      "  ft: {head: {from: head, weight: w, bias: b, rows: features, classes: names.json, scale: "
      "100}, lr: 0.1, batchnorm: live}\n"
      "  mild: {like: lpft, head: {from: head}, lr: 0.1}\n"
      "  plain: {like: ft, head: random, lr: 0.1, batchnorm: live}\n"
      "search: {from: {head: {from: head, scale: 0.5}}, runs: 1, space: {lr: 0.1}}\n"));
  const HeadFile whole{folder_ / "head", "w", "b", "features", folder_ / "names.json", 100};
  const std::vector<TrainingRun> runs = plan_runs(recipe, true);
  ASSERT_EQ(runs.size(), 4u);
  EXPECT_EQ(runs[0].head, whole);
  EXPECT_EQ(runs[1].head, HeadFile{.file = folder_ / "head"});
  EXPECT_EQ(runs[1].kind, RunKind::lpft);
  EXPECT_EQ(runs[2].head, std::nullopt);
  EXPECT_EQ(runs[3].head, (HeadFile{.file = folder_ / "head", .scale = 0.5}));
  for (const TrainingRun& run : runs) EXPECT_FALSE(run.from_probe) << run.id;
  // No run needs a linear probe, and there is none.
  for (const Trial& trial : trials_of(recipe, Json::object({}), runs))
    EXPECT_TRUE(trial.needs.empty()) << trial.id;

  const Recipe again = Recipe::parse(resolved_yaml(recipe), folder_ / "deep" / "x.yaml");
  EXPECT_EQ(resolved_yaml(again), resolved_yaml(recipe));
  for (std::size_t i = 0; i < runs.size(); ++i)
    EXPECT_EQ(plan_runs(again, true)[i].head, runs[i].head);
}

TEST_F(Heads, TheirContentsAreWhatATrialIs) {
  const auto params = [&](const std::string& head) {
    const Recipe recipe = parse(with_data("methods: {ft: {" + head + "lr: 0.1}}\n"));
    return trials_of(recipe, Json::object({}), plan_runs(recipe, false)).front().params;
  };
  const Json before = params("head: {from: head}, "),
             scaled = params("head: {from: head, scale: 2}, ");
  EXPECT_NE(before, scaled);
  EXPECT_EQ(params("").find("head"), nullptr);  // as it was before there were such heads
  std::filesystem::copy_file(folder_ / "head", folder_ / "twin");
  EXPECT_EQ(params("head: {from: twin}, "), before);
  put_head(2);
  EXPECT_NE(params("head: {from: head}, "), before);
}

TEST_F(Heads, EveryProblemIsNamedAtItsPlace) {
  const std::string message =
      problems(with_data("methods:\n"
                         "  lp:\n"
                         "  ft: {head: {weight: w, scale: 0, row: x}}\n"
                         "  lpft: {head: {from: head}}\n"
                         "  a: {like: ft, head: {from: nowhere, rows: 2}}\n"
                         "  b: {like: ft, head: probe}\n"
                         "search: {from: {head: {from: head}}, runs: 1, space: {lr: 0.1}}\n"
                         "soup: {include_init: true}\n"));
  EXPECT_CONTAINS(message, "methods.ft.head.from is missing: the file of the head");
  EXPECT_CONTAINS(message, "methods.ft.head.scale should lie in");
  EXPECT_CONTAINS(message, "unknown key 'row' in methods.ft.head; did you mean 'rows'?");
  EXPECT_CONTAINS(message, "methods.lpft.head: LP-FT starts from the head of LP");
  EXPECT_CONTAINS(message, "methods.a.head.from: no such file or folder");
  EXPECT_CONTAINS(message, "methods.a.head.rows should be 'classes' or 'features', found '2'");
  EXPECT_CONTAINS(message, "methods.b.head should be 'random', 'lp' or a map {from: FILE}");
  EXPECT_CONTAINS(message, "soup.include_init: the linear probe is not what the search starts");
  const auto search = [&](const std::string& from) {
    return problems(
        with_data("methods: {lp: }\nsearch: {from: " + from + ", runs: 1, space: {lr: 0.1}}\n"));
  };
  EXPECT_CONTAINS(search("random"), "search.from should be 'lp' or a map {head: {from: FILE}}");
  EXPECT_CONTAINS(search("{}"), "search.from.head is missing");
  EXPECT_EQ(search("lp"), "no error");
}

TEST_F(Heads, AnotherLayerReplacesAHeadByAWord) {
  const std::string text = with_data("methods: {lp: , ft: {head: {from: head}, lr: 0.1}}\n");
  EXPECT_TRUE(parse(text).ft.head);
  const Recipe over = parse(text, {"methods.ft.head=lp"});
  EXPECT_FALSE(over.ft.head);
  EXPECT_TRUE(over.ft.from_probe);
}

TEST(Schema, KnowsHeadsOfTheUser) {
  const Json schema = recipe_schema();
  const std::string method = schema.find("$defs")->find("method")->dump();
  EXPECT_CONTAINS(method, "JSON list of class names in the order of the file");
  const Json* from = schema.find("properties")->find("search");
  ASSERT_NE(from, nullptr);
  EXPECT_CONTAINS(from->dump(), "a head of yours, in place of LP's");
}

}  // namespace
}  // namespace stockpot
