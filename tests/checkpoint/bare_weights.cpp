#include "stockpot/checkpoint/bare_weights.h"

#include <gtest/gtest.h>

#include "tests/checkpoint/folders.h"

namespace stockpot {
namespace {

Json timm_config(const std::string& architecture, std::int64_t classes) {
  return Json::parse(R"({"architecture": ")" + architecture + R"(", "num_classes": )" +
                         std::to_string(classes) +
                         R"(, "model_args": {"channels": [2, 3, 4, 5]}, "pretrained_cfg": {}})",
                     "timm_config");
}

// The weights of a folder with this config, by themselves.
class BareFile {
 public:
  explicit BareFile(const Json& config, std::int64_t classes = 3) : folder_(config) {
    folder_.write_weights(classes);
  }
  fs::path path() const { return folder_.path() / "model.safetensors"; }
  ModelFolder folder() const { return folder_.open(); }
  ModelFolder open() const { return ModelFolder::open(path()); }
  std::string refusal() const {
    return message_of<FormatError>([&] { open(); });
  }

 private:
  SmallFolder folder_;
};

TEST(BareWeights, AreKnownByTheirTensors) {
  for (const char* name : {"resnet18", "resnet34", "resnet50", "resnet101", "resnet152"}) {
    const BareFile file(timm_config(name, 3));
    const ModelFolder model = file.open();
    const auto& found = std::get<ResNetConfig>(model.architecture);
    const ModelFolder folder = file.folder();
    const auto& wanted = std::get<ResNetConfig>(folder.architecture);
    EXPECT_EQ(found.architecture, name);
    EXPECT_EQ(found.bottleneck, wanted.bottleneck) << name;
    EXPECT_EQ(found.depths, wanted.depths) << name;
    EXPECT_EQ(found.channels, wanted.channels) << name;
    EXPECT_EQ(model.labels, (std::vector<std::string>{"LABEL_0", "LABEL_1", "LABEL_2"}));
    EXPECT_EQ(model.feature_size, folder.feature_size);
    EXPECT_EQ(open_weights(model).tensors().size(), open_weights(folder).tensors().size());
  }
}

// torchvision's Resize(256), CenterCrop(224) and Normalize for its first ImageNet weights.
TEST(BareWeights, TakePicturesAsTorchvisionPreparesThem) {
  const BareFile file(timm_config("resnet18", 3));
  Preprocessing wanted;
  wanted.resize_height = wanted.resize_width = 256;
  EXPECT_EQ(file.open().preprocessing, wanted);
  const std::vector<std::string> notes = open_weights(file.open()).notes();
  ASSERT_FALSE(notes.empty());
  EXPECT_PRED2(contains, notes.back(),
               "no config.json: taken for timm's resnet18 with 3 classes without names");
  EXPECT_PRED2(contains, notes.back(), "a shortest edge of 256 (bilinear)");
  EXPECT_FALSE(assumed_of(file.folder()));
  // So does a folder that has lost its config.
  fs::remove(file.path().parent_path() / "config.json");
  EXPECT_EQ(ModelFolder::open(file.path().parent_path()).preprocessing, wanted);
}

TEST(BareWeights, BecomeAFolderWithAConfig) {
  const BareFile file(timm_config("resnet50", 3));
  const ModelFolder source = file.open();
  const std::vector<std::string> labels{"a", "b"};
  const TemporaryFolder target;
  write_model_folder(target.path(), source, views(filled_tensors(source, 2, 0.5f)), labels);
  const ModelFolder written = ModelFolder::open(target.path());
  EXPECT_EQ(written.labels, labels);
  EXPECT_EQ(written.preprocessing, source.preprocessing);
  EXPECT_EQ(std::get<ResNetConfig>(written.architecture).channels,
            std::get<ResNetConfig>(source.architecture).channels);
  EXPECT_NO_THROW(open_weights(written));
}

TEST(BareWeights, WithoutAHeadAreABackbone) {
  const ModelFolder model = BareFile(timm_config("resnet18", 0), 0).open();
  EXPECT_TRUE(model.backbone_only);
  EXPECT_TRUE(model.labels.empty());
}

TEST(BareWeights, OfOtherNetworksAreRefused) {
  const BareFile vit(small_vit());
  EXPECT_PRED2(contains, vit.refusal(), vit.path().string());
  EXPECT_PRED2(contains, vit.refusal(), "not those of resnet18, 34, 50, 101 or 152");

  const SmallFolder folder(timm_config("resnet50", 3));
  std::vector<OwnedTensor> tensors = filled_tensors(folder.open(), 3, 0);
  const auto refusal_of = [&] {
    const fs::path file = folder.path() / "other.safetensors";
    write_safetensors(file, views(tensors));
    return message_of<FormatError>([&] { open_weights(ModelFolder::open(file)); });
  };
  EXPECT_EQ(refusal_of(), "(nothing was thrown)");
  const std::vector<OwnedTensor> whole = tensors;
  // As a wide one: more channels inside the first block than a quarter of its width.
  for (OwnedTensor& tensor : tensors)
    if (tensor.name == "layer1.0.conv2.weight")
      tensor = make_tensor(tensor.name, Dtype::f32, {4, 4, 3, 3}, std::vector<float>(144));
  EXPECT_PRED2(contains, refusal_of(), "not those of resnet18");
  tensors = whole;
  std::erase_if(tensors, [](const OwnedTensor& tensor) { return tensor.name == "bn1.weight"; });
  EXPECT_PRED2(contains, refusal_of(), "does not fit its architecture (resnet50");
  EXPECT_PRED2(contains, refusal_of(), "bn1.weight");
  tensors = whole;
  std::erase_if(tensors,
                [](const OwnedTensor& tensor) { return tensor.name == "layer2.0.conv2.weight"; });
  EXPECT_PRED2(contains, refusal_of(), "not those of resnet18");
}

}  // namespace
}  // namespace stockpot
