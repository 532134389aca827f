#include <ATen/TensorOperators.h>
#include <ATen/ops/empty.h>
#include <c10/core/GradMode.h>

#include "stockpot/learned/mix_memory.h"

namespace stockpot {
namespace {

// On the CPU the mix goes straight into the model's memory; for a GPU through one model and one
// gradient in the memory of the host.
class MixFromFiles : public MixMemory {
 public:
  MixFromFiles(const MixedTensors& mixed, const Ingredients& ingredients)
      : mixed_(mixed), ingredients_(ingredients) {
    const bool staged = !mixed.slots.front().value.is_cpu();
    for (const Slot& slot : mixed.slots) {
      host_.push_back(staged ? Slot{at::empty({slot.value.numel()}, at::kFloat),
                                    at::empty({slot.value.numel()}, at::kFloat)}
                             : slot);
      values_.push_back(host_.back().value.data_ptr<float>());
      gradients_.push_back(host_.back().gradient.data_ptr<float>());
    }
    staged_ = staged;
  }

  void mix(std::span<const double> alpha) override {
    ingredients_.mix(alpha, values_);
    if (!staged_) return;
    const c10::NoGradGuard no_grad;
    for (std::size_t i = 0; i < host_.size(); ++i) mixed_.slots[i].value.copy_(host_[i].value);
  }

  std::vector<double> products() override {
    if (staged_) {
      const c10::NoGradGuard no_grad;
      for (std::size_t i = 0; i < host_.size(); ++i)
        host_[i].gradient.copy_(mixed_.slots[i].gradient);
    }
    return ingredients_.products(gradients_);
  }

 private:
  const MixedTensors& mixed_;
  const Ingredients& ingredients_;
  bool staged_ = false;
  std::vector<Slot> host_;
  std::vector<float*> values_;
  std::vector<const float*> gradients_;
};

}  // namespace

std::unique_ptr<MixMemory> mix_from_files(const MixedTensors& mixed,
                                          const Ingredients& ingredients) {
  return std::make_unique<MixFromFiles>(mixed, ingredients);
}

}  // namespace stockpot
