#include "stockpot/eval/predict_rows.h"

#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <cassert>
#include <vector>

#include "stockpot/base/error.h"
#include "stockpot/base/threads.h"
#include "stockpot/model/compat.h"
#include "stockpot/model/input.h"

namespace stockpot {

void predict_rows(Classifier& model, const ImageDataset& set, std::span<const std::int64_t> rows,
                  std::span<float> logits, const EvalOptions& options) {
  const at::NoGradGuard no_grad;
  const Preprocessing& preprocessing = model.folder().preprocessing;
  const std::int64_t height = preprocessing.crop_height, width = preprocessing.crop_width;
  const auto bytes = static_cast<std::size_t>(height * width * 3);
  const auto count = static_cast<std::int64_t>(rows.size());
  std::vector<std::uint8_t> pixels(rows.size() * bytes);
  constexpr std::int64_t kPictures = 8;  // that a thread takes at a time
  parallel_for(count, kPictures, [&](std::int64_t begin, std::int64_t end) {
    for (auto i = static_cast<std::size_t>(begin); i < static_cast<std::size_t>(end); ++i) {
      const auto view = set.view(rows[i], preprocessing);
      if (view->rgb.size() != bytes) throw RunError("a prepared image of an unexpected size");
      std::ranges::copy(view->rgb, pixels.begin() + static_cast<std::ptrdiff_t>(i * bytes));
    }
  });
  const at::Tensor images = to_input(pixels, count, height, width, preprocessing, model.device());
  at::Tensor features;
  {
    const Autocast autocast(model.device(), options.bf16);
    features = model.features(images);
  }
  // The head is small: in float32, so that autocast does not round the logits.
  const at::Tensor result = model.head_logits(features.to(at::kFloat)).to(at::kCPU).contiguous();
  assert(static_cast<std::size_t>(result.numel()) == logits.size());
  std::copy_n(result.data_ptr<float>(), result.numel(), logits.data());
}

}  // namespace stockpot
