#include "stockpot/checkpoint/model_folder.h"

#include <gtest/gtest.h>

#include <set>

#include "tests/checkpoint/folders.h"

namespace stockpot {
namespace {

const Shape* shape_of(const std::vector<ExpectedTensor>& specs, std::string_view name) {
  for (const ExpectedTensor& spec : specs)
    if (spec.name == name) return &spec.shape;
  return nullptr;
}

ModelFolder resnet(const std::string& name) {
  Json config = Json::object({{"architecture", name}});
  return SmallFolder(config).open();
}

std::int64_t parameters(const std::vector<ExpectedTensor>& specs) {
  std::int64_t count = 0;
  for (const ExpectedTensor& spec : specs)
    if (!spec.buffer) count += element_count(spec.shape);
  return count;
}

TEST(ModelFolder, ReadsATransformersVit) {
  const ModelFolder model = SmallFolder(small_vit()).open();
  const auto& vit = std::get<VitConfig>(model.architecture);
  EXPECT_EQ(model.library, "transformers");
  EXPECT_EQ(vit.hidden_size, 8);
  EXPECT_EQ(vit.layers, 2);
  EXPECT_EQ(vit.layer_norm_eps, 1e-12);  // absent: the library's default
  EXPECT_TRUE(vit.qkv_bias);
  EXPECT_EQ(model.labels, (std::vector<std::string>{"cat", "dog", "emu"}));
  EXPECT_EQ(model.feature_size, 8);
  EXPECT_EQ(model.head_weight, "classifier.weight");
  const Preprocessing wanted{
      true, 16, 16, 16, 16, Interpolation::bicubic, {0.5f, 0.5f, 0.5f}, {0.25f, 0.5f, 1}};
  EXPECT_EQ(model.preprocessing, wanted);
}

TEST(ModelFolder, ReadsATimmResnet) {
  const ModelFolder model = SmallFolder(small_resnet()).open();
  const auto& config = std::get<ResNetConfig>(model.architecture);
  EXPECT_EQ(model.library, "timm");
  EXPECT_EQ(config.architecture, "resnet18");
  EXPECT_EQ(config.channels, (std::array<std::int64_t, 4>{4, 8, 8, 8}));
  EXPECT_EQ(model.labels, (std::vector<std::string>{"no", "yes"}));
  EXPECT_EQ(model.feature_size, 8);
  EXPECT_EQ(model.head_bias, "fc.bias");
  // floor(64 / 0.875) = 73.
  const Preprocessing wanted{
      false, 73, 73, 64, 64, Interpolation::bicubic, {0.1f, 0.2f, 0.3f}, {0.4f, 0.5f, 0.6f}};
  EXPECT_EQ(model.preprocessing, wanted);
}

TEST(ModelFolder, ReadsATimmConfigFromBeforePretrainedCfg) {
  const ModelFolder model = SmallFolder(flat_resnet()).open();
  EXPECT_EQ(model.preprocessing, SmallFolder(small_resnet()).open().preprocessing);
  EXPECT_EQ(model.labels, (std::vector<std::string>{"no", "yes"}));
}

TEST(ModelFolder, TakesTheLibrariesDefaultsForAbsentKeys) {
  const ModelFolder vit = SmallFolder(Json::object({{"model_type", "vit"}}), Json::object()).open();
  EXPECT_EQ(std::get<VitConfig>(vit.architecture).hidden_size, 768);
  EXPECT_EQ(vit.labels, (std::vector<std::string>{"LABEL_0", "LABEL_1"}));
  EXPECT_EQ(vit.preprocessing.mean, (std::array<float, 3>{0.5f, 0.5f, 0.5f}));
  EXPECT_EQ(vit.preprocessing.resize_height, 224);

  const ModelFolder timm = resnet("resnet50.a1_in1k");
  EXPECT_EQ(timm.labels.size(), 1000u);
  EXPECT_EQ(timm.preprocessing.resize_height, 256);
  EXPECT_EQ(timm.preprocessing.interpolation, Interpolation::bicubic);
  EXPECT_EQ(timm.feature_size, 2048);
}

TEST(ModelFolder, ReadsShortestEdgeAndCentreCropOfTransformers) {
  Json preprocessor = small_preprocessor();
  preprocessor.set("size", Json::parse(R"({"shortest_edge": 18})", "x"));
  preprocessor.set("do_center_crop", true);
  preprocessor.set("crop_size", 16);
  const Preprocessing images = SmallFolder(small_vit(), preprocessor).open().preprocessing;
  EXPECT_FALSE(images.resize_exact);
  EXPECT_EQ(images.resize_height, 18);
  EXPECT_EQ(images.crop_height, 16);
  EXPECT_TRUE(images.crop_rounds_down);
}

TEST(ModelFolder, ReadsTheProcessorFileOfTransformers5) {
  const SmallFolder folder(small_vit());
  fs::remove(folder.path() / "preprocessor_config.json");
  EXPECT_PRED2(contains, folder.refusal(), "no preprocessor_config.json");
  folder.files().put("processor_config.json",
                     Json::object({{"image_processor", small_preprocessor()}}).dump());
  EXPECT_EQ(folder.open().preprocessing.interpolation, Interpolation::bicubic);
}

// transformers 5.23: the object in processor_config.json comes before the older file; a file
// without it says nothing of pictures.
TEST(ModelFolder, LooksForThePreparationOfPicturesWhereTransformersDoes) {
  const SmallFolder folder(small_vit());
  Json other = small_preprocessor();
  other.set("resample", 0);
  folder.files().put("processor_config.json", Json::object({{"image_processor", other}}).dump());
  EXPECT_EQ(folder.open().preprocessing.interpolation, Interpolation::nearest);
  folder.files().put("processor_config.json", R"({"processor_class": "SomeProcessor"})");
  EXPECT_EQ(folder.open().preprocessing.interpolation, Interpolation::bicubic);
  fs::remove(folder.path() / "preprocessor_config.json");
  EXPECT_PRED2(contains, folder.refusal(), "no preprocessor_config.json");
}

// Numbers of torchvision's and timm's documentation.
TEST(ExpectedTensors, HaveThePublishedParameterCounts) {
  for (const auto& [name, count] :
       {std::pair("resnet18", 11'689'512), std::pair("resnet34", 21'797'672),
        std::pair("resnet50", 25'557'032), std::pair("resnet101", 44'549'160),
        std::pair("resnet152", 60'192'808)})
    EXPECT_EQ(parameters(expected_tensors(resnet(name), 1000)), count) << name;
  const ModelFolder vit = SmallFolder(Json::object({{"model_type", "vit"}}), Json::object()).open();
  EXPECT_EQ(parameters(expected_tensors(vit, 1000)), 86'567'656);  // ViT-B/16
}

TEST(ExpectedTensors, HaveUniqueNamesAndEndWithTheHead) {
  const auto specs = expected_tensors(resnet("resnet50"), 7);
  std::set<std::string> names;
  for (const ExpectedTensor& spec : specs) EXPECT_TRUE(names.insert(spec.name).second) << spec.name;
  EXPECT_EQ(specs[specs.size() - 2].name, "fc.weight");
  EXPECT_EQ(specs[specs.size() - 2].shape, (Shape{7, 2048}));
  EXPECT_EQ(*shape_of(specs, "layer1.0.downsample.0.weight"), (Shape{256, 64, 1, 1}));
  EXPECT_EQ(*shape_of(specs, "layer2.0.conv2.weight"), (Shape{128, 128, 3, 3}));
  EXPECT_EQ(shape_of(expected_tensors(resnet("resnet18"), 7), "layer1.0.downsample.0.weight"),
            nullptr);
}

TEST(OpenWeights, AcceptsWhatFitsAndNotesThePooler) {
  const SmallFolder folder(small_vit());
  auto tensors = filled_tensors(folder.open(), 3, 1);
  tensors.push_back(make_tensor("vit.pooler.dense.bias", Dtype::f32, {1}, std::vector<float>{0}));
  write_safetensors(folder.path() / "model.safetensors", views(tensors));
  const Checkpoint weights = open_weights(folder.open());
  ASSERT_EQ(weights.notes().size(), 1u);
  EXPECT_PRED2(contains, weights.notes()[0], "not used by the classifier: 'vit.pooler.dense.bias'");
}

TEST(OpenWeights, GivesABackboneAloneTheNamesOfAClassifier) {
  Json config = small_vit();
  config.set("architectures", Json::parse(R"(["ViTModel"])", "x"));
  const SmallFolder folder(config);
  const ModelFolder model = folder.open();
  EXPECT_TRUE(model.backbone_only);
  EXPECT_TRUE(model.labels.empty());
  auto tensors = filled_tensors(model, 0, 1);
  for (OwnedTensor& tensor : tensors) tensor.name.erase(0, std::string("vit.").size());
  tensors.push_back(make_tensor("pooler.dense.bias", Dtype::f32, {1}, std::vector<float>{0}));
  write_safetensors(folder.path() / "model.safetensors", views(tensors));
  const Checkpoint weights = open_weights(model);
  EXPECT_NE(weights.find("vit.embeddings.cls_token"), nullptr);
  EXPECT_PRED2(contains, weights.notes()[0], "not used by the classifier: 'vit.pooler.dense.bias'");

  const auto whole = filled_tensors(model, 2, 1);
  const TemporaryFolder target;
  write_model_folder(target.path(), model, views(whole), {"a", "b"});
  const ModelFolder written = ModelFolder::open(target.path());
  EXPECT_FALSE(written.backbone_only);
  EXPECT_EQ(*written.config.find("architectures"),
            Json::parse(R"(["ViTForImageClassification"])", "x"));
  EXPECT_EQ(open_weights(written).tensors().size(), whole.size());
}

TEST(OpenWeights, RefusesAHeadThatDoesNotFitTheClasses) {
  const SmallFolder folder(small_resnet());
  folder.write_weights(10);
  EXPECT_PRED2(contains, message_of<FormatError>([&] { open_weights(folder.open()); }),
               "the head 'fc.weight' has 10 rows, but there are 2 class names");
}

TEST(OpenWeights, NamesWhatIsMissingUnknownOrOfAnotherShape) {
  const SmallFolder folder(small_resnet());
  const auto good = filled_tensors(folder.open(), 2, 1);
  const auto refusal = [&](std::vector<OwnedTensor> tensors) {
    write_safetensors(folder.path() / "model.safetensors", views(tensors));
    return message_of<FormatError>([&] { open_weights(folder.open()); });
  };
  EXPECT_EQ(refusal(good), "(nothing was thrown)");
  auto tensors = good;
  tensors.erase(tensors.begin());
  EXPECT_PRED2(contains, refusal(tensors), "1 tensors are missing: 'conv1.weight'");
  tensors = good;
  tensors.push_back(make_tensor("extra", Dtype::f32, {1}, std::vector<float>{0}));
  EXPECT_PRED2(contains, refusal(tensors), "1 tensors are unknown: 'extra'");
  tensors = good;
  tensors[0] = make_tensor("conv1.weight", Dtype::f32, {1}, std::vector<float>{0});
  EXPECT_PRED2(contains, refusal(tensors),
               "1 tensors have another shape: 'conv1.weight' (the first is [1], expected [64, 3, "
               "7, 7])");
  tensors = good;
  tensors[1].dtype = Dtype::i32;
  EXPECT_PRED2(contains, refusal(tensors), "have a type that is not supported: 'bn1.weight'");
  tensors = good;
  std::erase_if(tensors, [](const OwnedTensor& tensor) {
    return tensor.name.ends_with("num_batches_tracked");  // files from before 2018
  });
  EXPECT_EQ(refusal(tensors), "(nothing was thrown)");
}

TEST(ModelFolder, RealModelsOpen) {
  if (!fs::exists(shared_models())) GTEST_SKIP() << "no models in " << shared_models();
  for (const auto& [name, tensors] :
       {std::pair("tin-resnet18-64", 122), std::pair("tin-resnet18w32-64", 128),
        std::pair("tin-resnet18w32-64-poor", 128), std::pair("tin-vit-pico-p8-64", 104),
        std::pair("tin-vit-tiny-p8-64", 200)}) {
    const ModelFolder model = ModelFolder::open(shared_models() / name);
    const Checkpoint weights = open_weights(model);
    EXPECT_EQ(weights.tensors().size(), static_cast<std::size_t>(tensors)) << name;
    EXPECT_EQ(model.labels.size(), 200u);
    EXPECT_EQ(model.labels[199], "n12267677");
    EXPECT_EQ(model.preprocessing.crop_height, 64);
    EXPECT_EQ(model.preprocessing.resize_height, 64);
    EXPECT_EQ(model.preprocessing.resize_exact, model.library == "transformers");
    EXPECT_EQ(model.preprocessing.interpolation, Interpolation::bilinear);
    EXPECT_TRUE(weights.notes().empty()) << weights.notes()[0];
  }
  EXPECT_EQ(Checkpoint::open(shared_models() / "tin-resnet18-64").files().size(), 2u);
}

}  // namespace
}  // namespace stockpot
