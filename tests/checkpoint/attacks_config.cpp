// Hostile and unusable config.json: case C12 of the catalogue of attacks.
#include <gtest/gtest.h>

#include "tests/checkpoint/folders.h"

namespace stockpot {
namespace {

struct Case {
  const char* key;
  const char* value;
  const char* says;
};

std::string refusal_of(Json config, const Case& one) {
  config.set(one.key, Json::parse(one.value, "test"));
  return SmallFolder(config).refusal();
}

TEST(Attacks, C12_BadValuesOfAVitConfigAreRefused) {
  for (const Case& one : std::initializer_list<Case>{
           {"hidden_size", "1099511627776",
            "'hidden_size' must be an integer from 1 to 65536, is 1099511627776"},
           {"hidden_size", "0", "'hidden_size' must be"},
           {"hidden_size", "8.0", "'hidden_size' must be"},
           {"hidden_size", "\"8\"", "'hidden_size' must be"},
           {"num_attention_heads", "3",
            "'hidden_size' is 8, not divisible by num_attention_heads 3"},
           {"num_hidden_layers", "-1",
            "'num_hidden_layers' must be an integer from 1 to 1024, is -1"},
           {"num_hidden_layers", "{}", "is an object"},
           {"image_size", "17", "'image_size' is 17, not divisible by patch_size 8"},
           {"image_size", "[16, 32]", "only squares are supported"},
           {"image_size", "1000000", "'image_size' must be"},
           {"num_channels", "1", "'num_channels' must be"},
           {"layer_norm_eps", "\"x\"", "'layer_norm_eps' must be a number"},
           {"qkv_bias", "1", "'qkv_bias' must be true or false"},
           {"hidden_act", "\"selu\"", "'hidden_act' is 'selu'; known: gelu"},
           {"hidden_dropout_prob", "2", "'hidden_dropout_prob' must be a number from 0 to 1"},
           {"model_type", "\"bert\"", "'model_type' is 'bert', which is not supported; known: vit"},
           {"model_type", "7", "'model_type' must be a string"},
           {"num_labels", "1000000000000", "'num_labels' must be"},
           {"num_labels", "5", "'num_labels' is 5, but id2label names 3 classes"},
           {"id2label", "{}", "names no class"},
           {"id2label", "[]", "'id2label' must be an object"},
           {"id2label", R"({"0":"a","2":"b"})", "the key '2' is not one of 0..1"},
           {"id2label", R"({"0":"a","01":"b"})", "the key '01'"},
           {"id2label", R"({"0":"a","-1":"b"})", "the key '-1'"},
           {"id2label", R"({"0":"a","x":"b"})", "the key 'x'"},
           {"id2label", R"({"0":1})", "the name of class 0 is no string"},
       }) {
    const std::string message = refusal_of(small_vit(), one);
    EXPECT_PRED2(contains, message, one.says) << one.key << " " << one.value;
    EXPECT_PRED2(contains, message, "config.json");
  }
}

TEST(Attacks, C12_BadValuesOfATimmConfigAreRefused) {
  for (const Case& one : std::initializer_list<Case>{
           {"architecture", "\"vgg16\"",
            "'architecture' is 'vgg16', which is not supported; known: resnet18"},
           {"architecture", "18", "'architecture' must be a string"},
           {"num_classes", "-1", "'num_classes' must be"},
           {"num_classes", "0", "'label_names' has 2 names, but num_classes is 0"},
           {"num_classes", "1000000000000", "'num_classes' must be"},
           {"num_classes", "3", "'label_names' has 2 names, but num_classes is 3"},
           {"label_names", "[1, 2]", "'label_names' must be a list of strings"},
           {"num_features", "512", "'num_features' is not 8"},
           {"global_pool", "\"max\"", "'global_pool' is 'max'; known: avg"},
           {"model_args", R"({"channels": [1, 2, 3]})",
            "'model_args.channels' must be a list of 4"},
           {"model_args", R"({"channels": [1, 2, 3, -4]})", "must be an integer from 1 to 8192"},
           {"model_args", R"({"stem_type": "deep"})", "'model_args.stem_type' is not supported"},
           {"model_args", R"({"channels": [4, 8, 8, 8], "num_classes": 3})",
            "'model_args.num_classes' is 3, but num_classes is 2"},
           {"model_args", R"({"in_chans": 1})", "'model_args.in_chans' must be"},
           {"model_args", R"({"global_pool": "max"})", "'model_args.global_pool' is 'max'"},
           {"model_args", "[]", "'model_args' must be an object"},
           {"pretrained_cfg", R"({"input_size": [1, 64, 64]})", "must begin with 3"},
           {"pretrained_cfg", R"({"input_size": [3, 64, 32]})", "must be square"},
           {"pretrained_cfg", R"({"crop_pct": 0})", "'pretrained_cfg.crop_pct' must be"},
           {"pretrained_cfg", R"({"crop_mode": "border"})", "is 'border'; known: center"},
           {"pretrained_cfg", R"({"interpolation": "random"})", "is 'random'; known: nearest"},
           {"pretrained_cfg", R"({"std": [1, 1, 0]})", "'pretrained_cfg.std' must be a list of 3"},
           {"pretrained_cfg", R"({"mean": [1, 1]})", "'pretrained_cfg.mean' must be a list of 3"},
           {"pretrained_cfg", R"({"classifier": "head.fc"})", "is 'head.fc'; expected fc"},
       })
    EXPECT_PRED2(contains, refusal_of(small_resnet(), one), one.says) << one.key << one.value;
}

TEST(Attacks, C12_BadValuesOfAPreprocessorAreRefused) {
  for (const Case& one : std::initializer_list<Case>{
           {"size", R"({"height": 32, "width": 32})",
            "'size' makes images of 32x32, but the image_size in config.json is 16"},
           {"size", R"({"shortest_edge": 16})", "needs do_center_crop"},
           {"size", R"({"height": 16})", "must be a number or have 'height' and 'width'"},
           {"size", "100000", "'size' must be"},
           {"resample", "9", "'resample' must be an integer from 0 to 5"},
           {"do_resize", "false", "'do_resize' must be true"},
           {"do_rescale", "false", "'do_rescale' must be true"},
           {"rescale_factor", "0.5", "must be 1/255"},
           {"image_std", "[0, 0, 0]", "'image_std' must be a list of 3"},
           {"crop_pct", "0.875", "ConvNext"},
           {"size", R"({"shortest_edge": 16, "longest_edge": 20})",
            "'size.longest_edge' is not supported"},
           {"do_normalize", "null", "'do_normalize' is null: give its value"},
           {"do_rescale", "null", "'do_rescale' is null"},
           {"image_mean", "null", "'image_mean' is null"},
           {"do_pad", "true", "'do_pad' is not supported"},
           {"do_flip_channel_order", "true", "'do_flip_channel_order' is not supported"},
           {"image_processor_type", "\"LevitImageProcessor\"",
            "is 'LevitImageProcessor', which may prepare images in another way; known: ViT"},
           {"feature_extractor_type", "\"CLIPFeatureExtractor\"",
            "'do_center_crop' is missing, and the default of CLIPFeatureExtractor is not known"},
       }) {
    Json preprocessor = small_preprocessor();
    preprocessor.set(one.key, Json::parse(one.value, "test"));
    const std::string message = SmallFolder(small_vit(), preprocessor).refusal();
    EXPECT_PRED2(contains, message, one.says) << one.key << one.value;
    EXPECT_PRED2(contains, message, "preprocessor_config.json");
  }
}

// 224 is the shortest edge to CLIP's processor, height and width to ViT's.
TEST(Attacks, C12_ANumberAsSizeThatMeansTheShortestEdgeIsRefused) {
  Json preprocessor = small_preprocessor();
  preprocessor.set("size", 16);
  preprocessor.set("do_center_crop", true);
  preprocessor.set("crop_size", 16);
  EXPECT_EQ(SmallFolder(small_vit(), preprocessor).refusal(), "(nothing was thrown)");
  preprocessor.set("image_processor_type", "DeiTImageProcessor");
  EXPECT_EQ(SmallFolder(small_vit(), preprocessor).refusal(), "(nothing was thrown)");
  preprocessor.set("image_processor_type", "CLIPImageProcessor");
  EXPECT_PRED2(contains, SmallFolder(small_vit(), preprocessor).refusal(),
               "'size' is a number, but CLIPImageProcessor needs 'shortest_edge'");
}

TEST(Attacks, C12_ConfigsOfNoKnownKindAreRefused) {
  EXPECT_PRED2(contains, SmallFolder(Json::object()).refusal(), "neither 'model_type'");
  EXPECT_PRED2(contains, SmallFolder(Json::array()).refusal(), "expected a JSON object");
  const TemporaryFolder empty;
  EXPECT_PRED2(contains, message_of<FormatError>([&] { ModelFolder::open(empty.path()); }),
               "no model.safetensors");
}

}  // namespace
}  // namespace stockpot
