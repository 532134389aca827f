#include "stockpot/train/joint.h"

#include <algorithm>
#include <cstring>
#include <numeric>
#include <string>
#include <vector>

#include "stockpot/base/error.h"
#include "stockpot/base/hash.h"
#include "stockpot/parallel/rows.h"

namespace stockpot {
namespace {

bool drops_something(const Classifier& model, const FitOptions& options) {
  const auto* vit = std::get_if<VitConfig>(&model.folder().architecture);
  return options.head_dropout > 0 || options.drop_path > 0 ||
         (vit != nullptr && (vit->dropout > 0 || vit->attention_dropout > 0));
}

}  // namespace

void require_joint(const Classifier& model, const FitOptions& options, int ranks) {
  if (ranks == 1) return;
  if (options.accumulation > 1 && model.has_batchnorm() && options.batchnorm == BatchNorm::live)
    throw UsageError(
        "a batch in several parts trains with live BatchNorm in one process only, not on " +
        std::to_string(ranks) +
        " ranks, whose parts would have other rows; set accumulate: 1 and use more ranks");
  if (options.accumulation > 1 && drops_something(model, options))
    throw UsageError(
        "a batch in several parts trains with dropout or drop path in one process "
        "only, not on " +
        std::to_string(ranks) + " ranks; set accumulate: 1 and use more ranks");
}

void agree_on(World& world, const Json& object) {
  const std::vector<std::string> all = world.gather(sha256(object.dump()));
  if (std::adjacent_find(all.begin(), all.end(), std::not_equal_to<>()) == all.end()) return;
  for (const auto& [name, value] : object.members()) {
    if (!value.is_object()) {
      world.agree(name, value.dump());
      continue;
    }
    for (const auto& [inner, one] : value.members()) world.agree(name + "." + inner, one.dump());
  }
  // Members that only some of them have.
  world.agree("settings", object.dump());
}

void require_same_weights(World& world, const Classifier& model, int epoch) {
  if (world.size() == 1) return;
  const at::Tensor values = model.flat_values().detach().cpu();
  const std::vector<std::string> all = world.gather(
      sha256(std::span(static_cast<const std::byte*>(values.data_ptr()), values.nbytes())));
  if (std::adjacent_find(all.begin(), all.end(), std::not_equal_to<>()) == all.end()) return;
  throw RunError("after epoch " + std::to_string(epoch) +
                 " the ranks have different weights: their processors round differently; train "
                 "on machines of one kind");
}

Predictions predict_together(World& world, Classifier& model, const ImageDataset& set,
                             const EvalOptions& options) {
  if (world.size() == 1) return predict(model, set, options);
  const RowRange mine = rows_of_rank(set.size(), world.rank(), world.size());
  std::vector<std::int64_t> rows(static_cast<std::size_t>(mine.size()));
  std::iota(rows.begin(), rows.end(), mine.begin);
  std::vector<float> logits;
  world.on_all([&] { logits = predict(model, set.subset(rows), options).logits; });
  const auto bytes_of = [](const std::vector<float>& numbers) {
    return std::string_view(reinterpret_cast<const char*>(numbers.data()),
                            numbers.size() * sizeof(float));
  };
  Predictions all = without_logits(model, set, options.bf16);
  for (const std::string& part : world.gather(bytes_of(logits))) {
    const std::size_t before = all.logits.size();
    all.logits.resize(before + part.size() / sizeof(float));
    std::memcpy(all.logits.data() + before, part.data(), part.size());
  }
  return all;
}

}  // namespace stockpot
