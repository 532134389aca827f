#include <gtest/gtest.h>

#include "tests/checkpoint/folders.h"

namespace stockpot {
namespace {

const std::vector<std::string> kNew{"a", "b", "c \"quoted\"", "d"};

TEST(WriteModelFolder, KeepsATransformersConfigButForLabelsAndType) {
  const SmallFolder source(small_vit());
  const auto tensors = filled_tensors(source.open(), 4, 0.5f);
  const TemporaryFolder target;
  write_model_folder(target.path(), source.open(), views(tensors), kNew);

  Json wanted = small_vit();
  wanted.set("id2label", Json::parse(R"({"0":"a","1":"b","2":"c \"quoted\"","3":"d"})", "x"));
  wanted.set("label2id", Json::parse(R"({"a":0,"b":1,"c \"quoted\"":2,"d":3})", "x"));
  wanted.set("torch_dtype", "float32");
  EXPECT_EQ(Json::read(target.path() / "config.json"), wanted);  // the order of keys too
  EXPECT_EQ(read_file(target.path() / "preprocessor_config.json"),
            read_file(source.path() / "preprocessor_config.json"));
  EXPECT_EQ(target.count(), 3u);

  const ModelFolder written = ModelFolder::open(target.path());
  EXPECT_EQ(written.labels, kNew);
  EXPECT_EQ(float_values(open_weights(written).at("classifier.bias")), std::vector<float>(4, 0.5f));
}

TEST(WriteModelFolder, WritesTheTypeOfTheWeightsUnderTheKeyOfTransformers5) {
  Json config = small_vit();
  config.set("torch_dtype", nullptr);
  config.set("dtype", "float32");
  config.set("num_labels", 3);
  const SmallFolder source(config);
  const auto tensors = filled_tensors(source.open(), 4, 1, Dtype::bf16);
  const TemporaryFolder target;
  write_model_folder(target.path(), source.open(), views(tensors), kNew);
  const Json written = Json::read(target.path() / "config.json");
  EXPECT_EQ(*written.find("dtype"), Json("bfloat16"));
  EXPECT_EQ(*written.find("num_labels"), Json(4));
  EXPECT_TRUE(written.find("torch_dtype")->is_null());
}

TEST(WriteModelFolder, KeepsATimmConfigButForLabels) {
  const SmallFolder source(small_resnet());
  const auto tensors = filled_tensors(source.open(), 4, 0.5f);
  const TemporaryFolder target;
  write_model_folder(target.path(), source.open(), views(tensors), kNew);

  Json wanted = small_resnet();
  wanted.set("num_classes", 4);
  wanted.set("label_names", Json::parse(R"(["a","b","c \"quoted\"","d"])", "x"));
  Json data = *wanted.find("pretrained_cfg");
  data.set("num_classes", 4);
  wanted.set("pretrained_cfg", data);
  EXPECT_EQ(Json::read(target.path() / "config.json"), wanted);
  EXPECT_EQ(target.count(), 2u);
  EXPECT_EQ(ModelFolder::open(target.path()).labels, kNew);
  EXPECT_EQ(open_weights(ModelFolder::open(target.path())).metadata().at("format"), "pt");
}

// timm 1.0.31 writes these arguments with every model, and builds the network from them.
TEST(WriteModelFolder, KeepsTheArgumentsThatTimmRecordsButForTheClasses) {
  Json config = small_resnet();
  const auto arguments = [](int classes) {
    return Json::object({{"num_classes", classes},
                         {"channels", *small_resnet().find("model_args")->find("channels")},
                         {"in_chans", 3},
                         {"global_pool", "avg"}});
  };
  config.set("model_args", arguments(2));
  const SmallFolder source(config);
  const TemporaryFolder target;
  write_model_folder(target.path(), source.open(), views(filled_tensors(source.open(), 4, 0.5f)),
                     kNew);
  EXPECT_EQ(*Json::read(target.path() / "config.json").find("model_args"), arguments(4));
  EXPECT_EQ(ModelFolder::open(target.path()).labels, kNew);
}

TEST(WriteModelFolder, KeepsThePreprocessingOfATimmConfigWithoutPretrainedCfg) {
  const SmallFolder source(flat_resnet());
  const TemporaryFolder target;
  write_model_folder(target.path(), source.open(), views(filled_tensors(source.open(), 4, 0.5f)),
                     kNew);
  const ModelFolder written = ModelFolder::open(target.path());
  EXPECT_EQ(written.preprocessing, source.open().preprocessing);
  EXPECT_EQ(written.labels, kNew);
}

TEST(WriteModelFolder, RefusesTensorsThatDoNotFitBeforeWriting) {
  const SmallFolder source(small_resnet());
  const auto tensors = filled_tensors(source.open(), 3, 0);
  const TemporaryFolder target;
  EXPECT_PRED2(contains, message_of<FormatError>([&] {
                 write_model_folder(target.path(), source.open(), views(tensors), kNew);
               }),
               "has 3 rows, but there are 4 class names");
  EXPECT_EQ(target.count(), 0u);
}

TEST(WriteModelFolder, RealModelsComeBackUnchanged) {
  if (!fs::exists(shared_models())) GTEST_SKIP() << "no models in " << shared_models();
  for (const char* name : {"tin-resnet18-64", "tin-vit-pico-p8-64"}) {
    const ModelFolder source = ModelFolder::open(shared_models() / name);
    const Checkpoint weights = open_weights(source);
    const TemporaryFolder target;
    write_model_folder(target.path(), source, weights.tensors(), source.labels);
    const ModelFolder written = ModelFolder::open(target.path());
    EXPECT_EQ(written.config, source.config) << name;
    EXPECT_EQ(written.preprocessing, source.preprocessing);
    const Checkpoint again = open_weights(written);
    for (const TensorView& tensor : weights.tensors())
      EXPECT_TRUE(std::ranges::equal(again.at(tensor.name).bytes, tensor.bytes)) << tensor.name;
  }
}

}  // namespace
}  // namespace stockpot
