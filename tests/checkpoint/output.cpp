#include "stockpot/checkpoint/output.h"

#include <gtest/gtest.h>

#include <thread>

#include "stockpot/base/error.h"
#include "stockpot/base/json.h"
#include "stockpot/checkpoint/checkpoint.h"
#include "stockpot/checkpoint/content_hash.h"
#include "tests/base/message_of.h"
#include "tests/base/temporary_folder.h"

namespace stockpot {
namespace {

std::vector<OwnedTensor> three_tensors() {
  std::vector<float> values(5000);
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = static_cast<float>(i) / 7;
  return {make_tensor("a", Dtype::f32, {50, 100}, values),
          make_tensor("b", Dtype::bf16, {5000}, values),
          make_tensor("c", Dtype::f64, {}, std::span(values).first(1))};
}

std::vector<OutputTensor> outputs_of(const std::vector<OwnedTensor>& tensors) {
  std::vector<OutputTensor> outputs;
  for (const OwnedTensor& tensor : tensors)
    outputs.push_back({tensor.name, tensor.dtype, tensor.shape, std::nullopt});
  return outputs;
}

// In pieces of 1000 bytes, last piece first, from two threads.
void write_backwards(CheckpointWriter& writer, const std::vector<OwnedTensor>& tensors) {
  const auto write = [&](std::size_t start) {
    for (std::size_t i = start; i < tensors.size(); i += 2) {
      const std::span<const std::byte> bytes = tensors[i].bytes;
      for (std::size_t end = (bytes.size() + 999) / 1000; end-- > 0;)
        writer.write(
            i, end * 1000,
            bytes.subspan(end * 1000, std::min<std::size_t>(1000, bytes.size() - end * 1000)));
    }
  };
  std::thread other(write, 1);
  write(0);
  other.join();
}

class Writing : public ::testing::Test {
 protected:
  TemporaryFolder folder_;
  const std::vector<OwnedTensor> tensors_ = three_tensors();

  void expect_the_tensors(const fs::path& path) {
    const Checkpoint read = Checkpoint::open(path);
    ASSERT_EQ(read.tensors().size(), tensors_.size());
    for (const OwnedTensor& tensor : tensors_) {
      EXPECT_EQ(read.at(tensor.name).dtype, tensor.dtype);
      EXPECT_EQ(read.at(tensor.name).shape, tensor.shape);
      EXPECT_TRUE(std::ranges::equal(read.at(tensor.name).bytes, tensor.bytes));
    }
  }
};

TEST_F(Writing, PiecesInAnyOrderFromAnyThreadMakeTheFile) {
  for (const Container container : {Container::safetensors, Container::torch}) {
    const fs::path file =
        folder_.path() / (container == Container::torch ? "x.pt" : "x.safetensors");
    OutputOptions options;
    options.container = container;
    CheckpointWriter writer(file, outputs_of(tensors_), options);
    write_backwards(writer, tensors_);
    EXPECT_FALSE(fs::exists(file));
    writer.publish();
    EXPECT_EQ(fs::file_size(file), writer.bytes());
    expect_the_tensors(file);
  }
}

TEST_F(Writing, ShardsAndTheirIndexFollowTransformers) {
  OutputOptions options;
  options.shard_bytes = 12'000;
  CheckpointWriter writer(folder_.path() / "model.safetensors", outputs_of(tensors_), options);
  write_backwards(writer, tensors_);
  writer.publish();
  const Json index = Json::read(folder_.path() / "model.safetensors.index.json");
  EXPECT_EQ(index.find("metadata")->find("total_size")->as_integer(), 5000 * 4 + 5000 * 2 + 8);
  EXPECT_EQ(index.find("weight_map")->find("b")->as_string(), "model-00002-of-00002.safetensors");
  expect_the_tensors(folder_.path());
}

TEST_F(Writing, AnUnpublishedFileLeavesNothing) {
  {
    CheckpointWriter writer(folder_.path() / "x.safetensors", outputs_of(tensors_), {});
    write_backwards(writer, tensors_);
  }
  EXPECT_TRUE(fs::is_empty(folder_.path()));
}

TEST_F(Writing, TheContentHashIsThatOfTheTensorsNotOfTheContainer) {
  std::vector<std::string> hashes;
  for (const std::string name : {"x.safetensors", "x.pt", "model.safetensors"}) {
    OutputOptions options;
    options.container = name == "x.pt" ? Container::torch : Container::safetensors;
    if (name == "model.safetensors") options.shard_bytes = 12'000;
    CheckpointWriter writer(folder_.path() / name, outputs_of(tensors_), options);
    write_backwards(writer, tensors_);
    writer.publish();
    const fs::path path =
        folder_.path() / (name == "model.safetensors" ? name + ".index.json" : name);
    hashes.push_back(content_hash(Checkpoint::open(path)));
  }
  EXPECT_EQ(hashes[0], hashes[1]);
  EXPECT_EQ(hashes[0], hashes[2]);
}

TEST(ContentHash, SeesEveryChangeAndNothingElse) {
  const auto hash = [](std::vector<HashedTensor> tensors) {
    return model_hash(std::move(tensors));
  };
  const Hash128 one = hash_bytes({}), two = hash_bytes(std::as_bytes(std::span("x", 1)));
  const HashedTensor a{"a", Dtype::f32, {2, 3}, one}, b{"b", Dtype::f32, {6}, two};
  const std::string wanted = hash({a, b});
  EXPECT_EQ(wanted.substr(0, 9), "xxh3-128:");
  EXPECT_EQ(wanted.size(), 9u + 32u);
  EXPECT_EQ(hash({b, a}), wanted);
  HashedTensor changed = a;
  changed.shape = {3, 2};
  EXPECT_NE(hash({changed, b}), wanted);
  changed = a;
  changed.dtype = Dtype::i32;
  EXPECT_NE(hash({changed, b}), wanted);
  changed = a;
  changed.hash = two;
  EXPECT_NE(hash({changed, b}), wanted);
}

TEST(ContentHash, OfPiecesIsThatOfTheWhole) {
  std::vector<std::byte> bytes(100'000);
  for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<std::byte>(i * 31 >> 3);
  BlockHasher hasher;
  for (std::size_t first = 0, piece = 1; first < bytes.size(); first += piece++) {
    piece = std::min(piece, bytes.size() - first);
    hasher.add(std::span(bytes).subspan(first, piece));
  }
  EXPECT_EQ(hasher.take(), hash_bytes(bytes));
}

}  // namespace
}  // namespace stockpot
