// Small models on disk for the tests of soups.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "../base/temporary_folder.h"
#include "stockpot/base/random.h"
#include "stockpot/checkpoint/checkpoint.h"
#include "stockpot/checkpoint/safetensors.h"

namespace stockpot {

// m0.safetensors, m1.safetensors, ...: a matrix, a bf16 vector, BatchNorm's statistics and counter,
// and a table of integers. Fine-tuned from one model: base.safetensors.
class SmallModels {
 public:
  explicit SmallModels(int count, std::int64_t rows = 300) : rows_(rows) {
    write("base.safetensors", 1000, 0);
    for (int i = 0; i < count; ++i)
      write("m" + std::to_string(i) + ".safetensors", static_cast<std::uint64_t>(i), i + 1);
  }

  std::filesystem::path file(int i) const {
    return folder_.path() / ("m" + std::to_string(i) + ".safetensors");
  }
  std::filesystem::path base() const { return folder_.path() / "base.safetensors"; }
  const TemporaryFolder& folder() const { return folder_; }

  std::vector<Checkpoint> open(int count) const {
    std::vector<Checkpoint> models;
    for (int i = 0; i < count; ++i) models.push_back(Checkpoint::open(file(i)));
    return models;
  }

 private:
  void write(const std::string& name, std::uint64_t seed, std::int64_t batches) const {
    RandomStream shared(1, Purpose::test), own(seed, Purpose::test, 1);
    const auto values = [&](std::int64_t count) {
      std::vector<float> list;
      for (std::int64_t i = 0; i < count; ++i)
        list.push_back(
            static_cast<float>(shared.normal() + (batches > 0 ? 0.01 * own.normal() : 0)));
      return list;
    };
    OwnedTensor counter{"bn.num_batches_tracked", Dtype::i64, {}, std::vector<std::byte>(8)};
    counter.bytes[0] = static_cast<std::byte>(batches);
    OwnedTensor table{"positions", Dtype::i64, {3}, std::vector<std::byte>(24)};
    const std::vector<OwnedTensor> tensors{
        make_tensor("block.weight", Dtype::f32, {rows_, 211}, values(rows_ * 211)),
        make_tensor("block.scale", Dtype::bf16, {5000}, values(5000)),
        make_tensor("bn.running_mean", Dtype::f32, {7}, values(7)),
        make_tensor("bn.running_var", Dtype::f32, {7}, values(7)),
        make_tensor("empty", Dtype::f32, {0, 4}, {}),
        counter,
        table};
    std::vector<TensorView> views;
    for (const OwnedTensor& tensor : tensors) views.push_back(tensor.view());
    write_safetensors(folder_.path() / name, views);
  }

  TemporaryFolder folder_;
  std::int64_t rows_;
};

}  // namespace stockpot
