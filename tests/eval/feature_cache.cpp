#include "stockpot/eval/feature_cache.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstring>
#include <fstream>

#include "stockpot/base/file.h"
#include "stockpot/checkpoint/safetensors.h"

namespace stockpot {
namespace {

class Features : public testing::Test {
 protected:
  Features() : model_(load("resnet18")) {
    std::string pattern = (fs::temp_directory_path() / "stockpot-features-XXXXXX").string();
    folder_ = mkdtemp(pattern.data());
    DataSpec spec;
    spec.sources.emplace_back().path =
        fs::path(STOCKPOT_SOURCE_DIR) / "tests/fixtures/train/images";
    images_ = ImageDataset::load(spec, LoadOptions{});
  }
  ~Features() override { fs::remove_all(folder_); }

  static Classifier load(const std::string& name) {
    return Classifier::load(
        ModelFolder::open(fs::path(STOCKPOT_SOURCE_DIR) / "tests/fixtures/model" / name));
  }

  // With the number of pictures that the model saw for it.
  at::Tensor features(const ImageDataset& set) {
    seen_ = 0;
    EvalOptions options;
    options.on_batch = [this](std::int64_t done, std::int64_t) { seen_ = done; };
    return cached_features(model_, set, options,
                           {.folder = folder_ / "cache", .notice = [this](const std::string& text) {
                              notices_.push_back(text);
                            }});
  }
  at::Tensor features() { return features(images_); }

  fs::path file() {
    return feature_file(folder_ / "cache", feature_key(model_, images_, EvalOptions{}));
  }

  static bool same(const at::Tensor& a, const at::Tensor& b) {
    return a.sizes() == b.sizes() && std::memcmp(a.data_ptr(), b.data_ptr(), a.nbytes()) == 0;
  }

  Classifier model_;
  fs::path folder_;
  ImageDataset images_;
  std::int64_t seen_ = 0;
  std::vector<std::string> notices_;
};

TEST_F(Features, ComeFromTheCacheTheSecondTime) {
  const at::Tensor first = features();
  EXPECT_EQ(seen_, 20);
  const at::Tensor second = features();
  EXPECT_EQ(seen_, 0);
  EXPECT_TRUE(same(first, second));
  EXPECT_TRUE(same(first, extract_features(model_, images_)));
  EXPECT_TRUE(notices_.empty());
}

TEST_F(Features, GiveTheLogitsThatThePicturesGive) {
  model_.reset_head(images_.classes(), 3);
  EvalOptions options;
  options.batch_size = 8;  // 20 pictures: the last batch is smaller
  const Predictions seen = predict(model_, images_, options);
  const Predictions again =
      predict_from_features(model_, images_, extract_features(model_, images_, options), options);
  EXPECT_EQ(again.logits, seen.logits);
  EXPECT_EQ(again.labels, seen.labels);
  EXPECT_EQ(again.ids, seen.ids);
}

TEST_F(Features, OfAnotherModelSetOrConfigurationAreOthers) {
  const Json key = feature_key(model_, images_, EvalOptions{});
  const std::int64_t swapped[] = {1, 0};
  const std::int64_t two[] = {0, 1};
  EXPECT_NE(feature_key(model_, images_.subset(two), {}),
            feature_key(model_, images_.subset(swapped), {}));
  EXPECT_NE(feature_key(load("resnet50"), images_, {}), key);
  Classifier other = load("resnet18");
  std::vector<OwnedTensor> state = other.state();
  for (OwnedTensor& tensor : state)
    if (tensor.name == "conv1.weight") tensor.bytes[0] ^= std::byte{1};
  other.load_state(state);
  EXPECT_NE(feature_key(other, images_, {}), key);
}

TEST_F(Features, DoNotDependOnTheHead) {
  features();
  model_.reset_head({"a", "b"}, 3);
  features();
  EXPECT_EQ(seen_, 0);
}

TEST_F(Features, WithoutAFolderAreNotCached) {
  cached_features(model_, images_, {}, {});
  EXPECT_TRUE(fs::is_empty(folder_));
}

TEST_F(Features, ThatCannotBeWrittenAreStillReturned) {
  write_file(folder_ / "cache", "a file where the folder should be");
  EXPECT_TRUE(same(features(), extract_features(model_, images_)));
  ASSERT_EQ(notices_.size(), 1U);
  EXPECT_NE(notices_[0].find("not cached"), std::string::npos) << notices_[0];
}

// Whatever a crash, a disk or an editor left there: ignored, said, made again.
TEST_F(Features, D11_ACacheFileIsIgnoredUnlessItVerifies) {
  const at::Tensor right = features();
  const std::string whole = read_file(file());
  std::string flipped = whole, relabelled = whole;
  flipped[whole.size() - 5] ^= 1;
  relabelled.replace(relabelled.find("xxh3-128:"), 12, "xxh3-128:000");
  const std::string bad[] = {"",
                             whole.substr(0, 7),
                             whole.substr(0, 200),
                             flipped,
                             whole.substr(0, whole.size() - 1),
                             whole + "x",
                             std::string(whole.size(), '\0'),
                             relabelled};
  for (const std::string& contents : bad) {
    std::ofstream(file(), std::ios::binary) << contents;
    notices_.clear();
    EXPECT_TRUE(same(features(), right));
    EXPECT_EQ(seen_, 20);
    ASSERT_EQ(notices_.size(), 1U);
    EXPECT_NE(notices_[0].find("ignored"), std::string::npos) << notices_[0];
    EXPECT_EQ(read_file(file()), whole);
  }
}

TEST_F(Features, D11_KilledAtAnyMomentTheCacheGivesTheRightFeatures) {
  const at::Tensor right = extract_features(model_, images_);
  const fs::path target = file();
  for (int i = 0; i < 12; ++i) {
    fs::remove_all(folder_ / "cache");
    const pid_t child = fork();
    if (child == 0) {
      alarm(10);
      // No operators of LibTorch in a forked process: only the writing is repeated.
      for (;;) {
        const TensorView view{"features",
                              Dtype::f32,
                              {right.size(0), right.size(1)},
                              std::as_bytes(std::span(right.data_ptr<float>(),
                                                      static_cast<std::size_t>(right.numel())))};
        std::error_code none;
        fs::create_directories(folder_ / "cache", none);
        write_safetensors(target, std::span(&view, 1), {{"format", "stockpot-features"}});
      }
    }
    usleep(static_cast<useconds_t>(1000 * (i + 1)));
    kill(child, SIGKILL);
    waitpid(child, nullptr, 0);
    EXPECT_TRUE(same(features(), right));
    EXPECT_TRUE(same(features(), right));
    EXPECT_EQ(seen_, 0);
    // Nothing is left beside it.
    EXPECT_EQ(std::distance(fs::directory_iterator(folder_ / "cache"), fs::directory_iterator()),
              1);
  }
}

}  // namespace
}  // namespace stockpot
