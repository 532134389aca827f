// The searches of the soup papers.
#include "stockpot/sweep/preset.h"

namespace stockpot {
namespace {

constexpr const char* kSoupPaper = "Wortsman et al., Model soups (arXiv 2203.05482)";

// 71 runs; with the LP initialisation (soup: {include_init: true}) the 72 of the paper.
constexpr const char* kClip72 = R"(method: random
runs: 71
train:
  optimizer: adamw
  schedule: cosine
  warmup: {steps: 500}
  clip_norm: 1.0
  batch: 512
  augment: minimal
space:
  lr: {pow10: {uniform: [-6, -4]}}
  weight_decay: {pow10: {uniform: [-4, -0.2]}}
  label_smoothing: {mixture: [{p: 0.5, value: 0}, {p: 0.5, uniform: [0, 0.25]}]}
  mixup: {mixture: [{p: 0.5, value: 0}, {p: 0.5, uniform: [0, 0.9]}]}
  epochs: {int: [4, 16]}
  randaugment:
    mixture:
      - {p: 0.3333333333333333, value: null}
      - {p: 0.6666666666666667, value: {m: {int: [0, 20]}, n: {int: [0, 2]}}}
)";

// Crop, colours and RandAugment change together, so the grid is written out.
constexpr const char* kClipGrid = R"(method: list
seeds: 2
train: {optimizer: adamw, schedule: cosine, warmup: {steps: 500}, clip_norm: 1.0, batch: 512, epochs: 10}
list:
  - {lr: 3.0e-5, augment: minimal, mixup: 0}
  - {lr: 3.0e-5, augment: minimal, mixup: 0.5}
  - {lr: 3.0e-5, augment: {crop: [0.08, 1], flip: 0.5, brightness: 0.4, contrast: 0.4, saturation: 0.4}, mixup: 0}
  - {lr: 3.0e-5, augment: {crop: [0.08, 1], flip: 0.5, brightness: 0.4, contrast: 0.4, saturation: 0.4}, mixup: 0.5}
  - {lr: 3.0e-5, augment: {crop: [0.08, 1], flip: 0.5}, randaugment: rand-m15-n2, mixup: 0}
  - {lr: 3.0e-5, augment: {crop: [0.08, 1], flip: 0.5}, randaugment: rand-m15-n2, mixup: 0.5}
  - {lr: 2.0e-5, augment: minimal, mixup: 0}
  - {lr: 2.0e-5, augment: minimal, mixup: 0.5}
  - {lr: 2.0e-5, augment: {crop: [0.08, 1], flip: 0.5, brightness: 0.4, contrast: 0.4, saturation: 0.4}, mixup: 0}
  - {lr: 2.0e-5, augment: {crop: [0.08, 1], flip: 0.5, brightness: 0.4, contrast: 0.4, saturation: 0.4}, mixup: 0.5}
  - {lr: 2.0e-5, augment: {crop: [0.08, 1], flip: 0.5}, randaugment: rand-m15-n2, mixup: 0}
  - {lr: 2.0e-5, augment: {crop: [0.08, 1], flip: 0.5}, randaugment: rand-m15-n2, mixup: 0.5}
  - {lr: 1.0e-5, augment: minimal, mixup: 0}
  - {lr: 1.0e-5, augment: minimal, mixup: 0.5}
  - {lr: 1.0e-5, augment: {crop: [0.08, 1], flip: 0.5, brightness: 0.4, contrast: 0.4, saturation: 0.4}, mixup: 0}
  - {lr: 1.0e-5, augment: {crop: [0.08, 1], flip: 0.5, brightness: 0.4, contrast: 0.4, saturation: 0.4}, mixup: 0.5}
  - {lr: 1.0e-5, augment: {crop: [0.08, 1], flip: 0.5}, randaugment: rand-m15-n2, mixup: 0}
  - {lr: 1.0e-5, augment: {crop: [0.08, 1], flip: 0.5}, randaugment: rand-m15-n2, mixup: 0.5}
  - {lr: 3.0e-6, augment: minimal, mixup: 0}
  - {lr: 3.0e-6, augment: minimal, mixup: 0.5}
  - {lr: 3.0e-6, augment: {crop: [0.08, 1], flip: 0.5, brightness: 0.4, contrast: 0.4, saturation: 0.4}, mixup: 0}
  - {lr: 3.0e-6, augment: {crop: [0.08, 1], flip: 0.5, brightness: 0.4, contrast: 0.4, saturation: 0.4}, mixup: 0.5}
  - {lr: 3.0e-6, augment: {crop: [0.08, 1], flip: 0.5}, randaugment: rand-m15-n2, mixup: 0}
  - {lr: 3.0e-6, augment: {crop: [0.08, 1], flip: 0.5}, randaugment: rand-m15-n2, mixup: 0.5}
)";

constexpr const char* kClipExtreme = R"(method: grid
space:
  lr: [3.0e-4, 1.0e-4, 3.0e-5, 2.0e-5, 1.0e-5, 3.0e-6, 1.0e-6, 1.0e-7]
)";

constexpr const char* kAlign = R"(method: list
train: {optimizer: adamw, weight_decay: 0.1, epochs: 25}
list:
  - {lr: 1.0e-6, augment: {crop: [0.08, 1], flip: 0.5}}
  - {lr: 2.0e-6, augment: {crop: [0.08, 1], flip: 0.5}}
  - {lr: 5.0e-6, augment: {crop: [0.08, 1], flip: 0.5}}
  - {lr: 1.0e-5, augment: {crop: [0.08, 1], flip: 0.5}}
  - {lr: 2.0e-5, augment: {crop: [0.08, 1], flip: 0.5}}
  - {lr: 5.0e-6, augment: {crop: [0.08, 1], flip: 0.5}, mixup: 0.5}
  - {lr: 5.0e-6, augment: {crop: [0.08, 1], flip: 0.5}, randaugment: rand-m15-n2}
  - {lr: 5.0e-6, augment: {crop: [0.08, 1], flip: 0.5}, randaugment: rand-m15-n2, mixup: 0.5}
  - {lr: 5.0e-6, augment: minimal}
  - {lr: 5.0e-6, augment: minimal, mixup: 0.5}
  - {lr: 5.0e-6, augment: minimal, randaugment: rand-m15-n2}
  - {lr: 5.0e-6, augment: minimal, randaugment: rand-m15-n2, mixup: 0.5}
)";

constexpr const char* kText = R"(method: random
runs: 32
train: {optimizer: adamw, weight_decay: 0, schedule: linear, clip_norm: 1.0}
space:
  lr: {loguniform: [1.0e-6, 1.0e-3]}
  batch: {choice: [8, 16, 32, 64]}
  epochs: {choice: [2, 3, 5]}
)";

constexpr const char* kDiwa = R"(method: random
runs: 20
space:
  lr: {choice: [1.0e-5, 3.0e-5, 5.0e-5]}
  weight_decay: {choice: [1.0e-4, 1.0e-6]}
  dropout: {choice: [0, 0.1, 0.5]}
)";

}  // namespace

std::vector<Preset> search_presets() {
  const auto search = [](const char* name, const char* summary, std::string source,
                         const char* caveat, const char* yaml) {
    return Preset{Preset::Kind::search, name, summary, std::move(source), caveat, yaml};
  };
  const std::string paper = kSoupPaper;
  return {
      search(
          "clip-72",
          "71 random runs; with the LP initialisation (soup: {include_init: true}) the 72 models "
          "of CLIP ViT-B/32",
          paper + ", random search of CLIP ViT-B/32; ranges checked against the released "
                  "hparam_info.json",
          "The wording of the ranges is unverified and 4 of the released weight decays lie below "
          "1e-4; batch 512 is unverified; that the runs without RandAugment crop as minimal, "
          "and those with it too, is our reading. Magnitudes above 10 act as 10, as in timm.",
          kClip72),
      search(
          "clip-grid",
          "4 learning rates x minimal, medium, strong augmentation x mixup 0 and 0.5, each with 2 "
          "seeds: 48 runs",
          paper + ", standard grid of CLIP ViT-B/32",
          "Unverified as a whole. Medium is read as timm's default (crop 8-100 %, flip, colour "
          "jitter 0.4), strong as RandAugment N=2, M=15 over the same crop.",
          kClipGrid),
      search("clip-extreme",
             "8 learning rates from 1e-7 to 3e-4: soups fail when one leaves the basin",
             paper + ", extreme grid of CLIP ViT-B/32",
             "Unverified. The paper adds the initialisation: soup: {include_init: true}.",
             kClipExtreme),
      search("align-12", "the 12 runs of ALIGN EfficientNet-L2", paper + ", fine-tuning of ALIGN",
             "That there are 12 runs is certain, their settings are unverified; flips are our "
             "reading. Pictures of 289 and 360 pixels are the model's matter here.",
             kAlign),
      search(
          "text-glue", "32 random runs a task, of BERT and T5 on GLUE",
          paper + ", text classification",
          "Unverified. Adam without weight decay is adamw with weight_decay 0. The length of 128 "
          "tokens and the prompts have no counterpart in models of pictures.",
          kText),
      search("diwa", "the mild range of DiWA: small steps around common values",
             "Rame et al., Diverse weight averaging (arXiv 2205.09739); learning rates and weight "
             "decays as in the authors' code",
             "The rates of dropout and the number of runs are unverified.", kDiwa),
  };
}

}  // namespace stockpot
