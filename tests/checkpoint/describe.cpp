#include "stockpot/checkpoint/describe.h"

#include <gtest/gtest.h>

#include "tests/checkpoint/folders.h"

namespace stockpot {
namespace {

TEST(Describe, TellsWhatAFileHolds) {
  const Json description = describe(fixture("every_dtype.safetensors"));
  EXPECT_EQ(*description.find("schema_version"), Json(1));
  EXPECT_EQ(*description.find("kind"), Json("file"));
  EXPECT_EQ(*description.find("tensor_count"), Json(43));
  EXPECT_EQ(description.find("metadata")->dump(), R"({"format":"pt"})");
  EXPECT_EQ(description.find("dtypes")->find("F32")->as_integer(), 6);
  EXPECT_TRUE(description.find("model")->is_null());
  const Json& first = description.find("tensors")->items()[0];
  EXPECT_EQ(first.dump(), R"({"name":"a.bfloat16","dtype":"BF16","shape":[6],"bytes":12})");
}

TEST(Describe, TellsWhatAModelFolderIs) {
  const SmallFolder folder(small_resnet());
  folder.write_weights(2);
  const Json description = describe(folder.path());
  EXPECT_EQ(*description.find("kind"), Json("model_folder"));
  const Json& model = *description.find("model");
  EXPECT_EQ(*model.find("architecture"), Json("resnet18, channels 4/8/8/8"));
  EXPECT_EQ(*model.find("classes"), Json(2));
  EXPECT_EQ(*description.find("parameters"), Json(19610));
  EXPECT_EQ(model.find("mean")->dump(), "[0.1,0.2,0.3]");
  EXPECT_EQ(model.find("crop")->dump(), "[64,64]");
  EXPECT_EQ(*model.find("resize"), Json(73));
}

TEST(Describe, NotesAConfigThatCannotBeUsed) {
  const SmallFolder folder(small_resnet());
  folder.write_weights(5);
  const Json description = describe(folder.path());
  EXPECT_EQ(*description.find("kind"), Json("folder"));
  EXPECT_TRUE(description.find("model")->is_null());
  EXPECT_PRED2(contains, description.find("notes")->dump(),
               "not usable as a model: " + folder.path().string());
}

TEST(DescribeText, IsAPage) {
  const SmallFolder folder(small_vit());
  folder.write_weights(3);
  const Json description = describe(folder.path());
  const std::string page = describe_text(description);
  EXPECT_PRED2(contains, page, R"(
  model        ViT, 2 layers of 8, 2 heads, patch 8, image 16 (transformers)
  head         3 classes x 8 features (cat, dog, emu)
  images       resize to 16x16 (bicubic), crop 16x16
               mean 0.5 0.5 0.5, std 0.25 0.5 1.0
  files        model.safetensors
  format       safetensors
  tensors      40
  parameters   2,835
)");
  EXPECT_PRED2(contains, page, "\n  vit.encoder.layer.0..1   2 x 16   2 x 600  F32");
  EXPECT_PRED2(contains, describe_text(description, {.all_tensors = true}),
               "\n  classifier.bias                                       F32    [3]");
}

TEST(Describe, ListsAFolderOfCheckpoints) {
  const TemporaryFolder folder;
  const OwnedTensor tensor = make_tensor("w", Dtype::f32, {2}, std::vector<float>{0, 1});
  write_safetensors(folder.path() / "run10.safetensors", std::vector<TensorView>{tensor.view()});
  write_safetensors(folder.path() / "run9.safetensors", std::vector<TensorView>{tensor.view()});
  folder.put("broken.safetensors", "x");
  const Json description = describe(folder.path());
  EXPECT_EQ(*description.find("kind"), Json("collection"));
  ASSERT_EQ(description.find("checkpoints")->items().size(), 3u);
  const std::string page = describe_text(description);
  EXPECT_PRED2(contains, page, "broken.safetensors  unreadable");
  EXPECT_LT(page.find("run9.safetensors"), page.find("run10.safetensors"));
}

TEST(Describe, FiltersTheListAndHashesOnRequest) {
  const Json description = describe(
      fixture("every_dtype.safetensors"),
      {.hash = true, .wanted = [](std::string_view name) { return name == "a.bfloat16"; }});
  EXPECT_EQ(description.find("tensors")->items().size(), 1u);
  EXPECT_EQ(*description.find("tensor_count"), Json(43));
  EXPECT_TRUE(description.find("hash")->as_string().starts_with("xxh3-128:"));
}

TEST(DescribeText, MakesNamesPrintable) {
  const OwnedTensor tensor = make_tensor("\x1b]0;gotcha\a", Dtype::f32, {1}, std::vector<float>{0});
  const TemporaryFolder folder;
  const fs::path path = folder.path() / "x.safetensors";
  write_safetensors(path, std::vector<TensorView>{tensor.view()}, {{"k\x1b", "v\r"}});
  const std::string page = describe_text(describe(path));
  EXPECT_EQ(page.find('\x1b'), std::string::npos);
  EXPECT_EQ(page.find('\r'), std::string::npos);
  EXPECT_PRED2(contains, page, R"(\x1b]0;gotcha\x07)");
}

}  // namespace
}  // namespace stockpot
