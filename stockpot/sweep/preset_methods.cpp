// The learning-rate grids of the LP-FT paper, and the methods it compares with.
#include "stockpot/sweep/preset.h"

namespace stockpot {
namespace {

constexpr const char* kPaper =
    "Kumar et al., Fine-tuning can distort pretrained features (arXiv 2202.10054)";

// SGD as in the authors' configurations.
constexpr const char* kSgd =
    "optimizer: sgd\nmomentum: 0.9\nweight_decay: 0\nschedule: cosine\nwarmup: 0\n"
    "clip_norm: 0\nlabel_smoothing: 0\n";

constexpr const char* kSteps =
    "The authors step the cosine once an epoch; here it is stepped every batch.";

Preset grid(const char* name, const char* summary, const std::string& yaml,
            const std::string& caveat = kSteps) {
  return {Preset::Kind::method,
          name,
          summary,
          std::string(kPaper) + ", grids of the authors' code",
          caveat,
          kSgd + yaml};
}

Preset baseline(const char* name, const char* summary, const char* source, const char* caveat,
                const char* yaml) {
  return {Preset::Kind::method, name, summary, source, caveat, yaml, true};
}

}  // namespace

std::vector<Preset> method_presets() {
  const std::string wide = "lr: [3.0e-5, 1.0e-4, 3.0e-4, 1.0e-3, 3.0e-3, 1.0e-2]\n";
  const std::string steps = kSteps;
  const char* code = "Kumar et al. (arXiv 2202.10054), a comparison in the authors' code";
  const char* later = "Kumar et al. (arXiv 2202.10054), in the authors' code after publication";
  const char* own_rates = "The learning rates are those of FT here; set lr for others.";
  return {
      {Preset::Kind::method, "kumar-lp", "50 penalties, as the authors' scripts run it",
       std::string(kPaper) + ", the authors' code", "The function's default is 100 penalties.",
       "c: {logspace: [-7, 2, 50]}\n"},
      grid("kumar-ft", "FT with live BatchNorm, 6 learning rates",
           "like: ft\nbatchnorm: live\nbatch: 64\n" + wide),
      grid("kumar-ft-frozen", "FT with frozen BatchNorm, 6 learning rates",
           "like: ft\nbatchnorm: frozen\nbatch: 64\nlr: [3.0e-6, 1.0e-5, 3.0e-5, 1.0e-4, 3.0e-4, "
           "1.0e-3]\n"),
      grid("kumar-lpft", "LP-FT with frozen BatchNorm (the published one), 6 learning rates",
           "like: lpft\nbatchnorm: frozen\nbatch: 64\nlr: [3.0e-7, 1.0e-6, 3.0e-6, 1.0e-5, 3.0e-5, "
           "1.0e-4]\n"),
      grid("kumar-lpft-live", "LP-FT with live BatchNorm, 6 learning rates",
           "like: lpft\nbatchnorm: live\nbatch: 64\n" + wide),
      grid("kumar-imagenet-ft", "FT on ImageNet, 3 learning rates, batch 128, 10 epochs",
           "like: ft\nlr: [1.0e-4, 3.0e-4, 1.0e-3]\nbatch: 128\nepochs: 10\n"),
      grid("kumar-imagenet-lpft", "LP-FT's second phase on ImageNet, 3 learning rates, batch 128",
           "like: lpft\nlr: [1.0e-5, 3.0e-5, 1.0e-4]\nbatch: 128\n",
           steps + " The authors' first phase is a probe by SGD, not the exact one."),
      grid("kumar-batchnorm-only", "BatchNorm and head only, 7 learning rates",
           "like: ft\ntrain: batchnorm\nbatch: 64\n"
           "lr: [3.0e-4, 1.0e-3, 3.0e-3, 1.0e-2, 3.0e-2, 1.0e-1, 3.0e-1]\n"),
      grid("kumar-side-tuning", "side-tuning with live BatchNorm, 12 learning rates",
           "like: ft\ntitle: Side-tuning\nside_network: true\nbatchnorm: live\nbatch: 64\n"
           "lr: [3.0e-5, 1.0e-4, 3.0e-4, 1.0e-3, 3.0e-3, 1.0e-2, 3.0e-2, 1.0e-1, 3.0e-1, 1, 3, "
           "10]\n"),
      baseline("l2sp", "L2-SP: the backbone is held near its start", code, own_rates,
               "like: ft\ntitle: L2-SP\nl2sp: {alpha: 0.01, beta: 0}\n"),
      baseline("head_lr", "FT with ten times the learning rate in the head", code, own_rates,
               "like: ft\ntitle: FT, head x 10\nhead_lr: 10\n"),
      baseline("batchnorm_only", "BatchNorm and head only", code, own_rates,
               "like: ft\ntitle: BatchNorm only\ntrain: batchnorm\n"),
      baseline("freeze_bottom", "FT without the lowest layer", later,
               "One layer is our choice: set train: {freeze_bottom: k} for others.",
               "like: ft\ntitle: FT, bottom frozen\ntrain: {freeze_bottom: 1}\n"),
      baseline("top_k", "the head and the highest layer only", later,
               "One layer is our choice: set train: {top: k} for others.",
               "like: ft\ntitle: Top layers only\ntrain: {top: 1}\n"),
      baseline("gradual_unfreezing", "layers begin to train one by one, from the head down", later,
               "The authors' schedule has a decay; here the layers come at even intervals over the "
               "first half of the epochs, our choice.",
               "like: ft\ntitle: Gradual unfreezing\ngradual_unfreeze: 0.5\n"),
      baseline("side_tuning", "a random second network beside the frozen backbone, features added",
               code,
               "The second network has the backbone's architecture; twice the cost in use. The "
               "authors' grid goes up to a learning rate of 10.",
               "like: ft\ntitle: Side-tuning\nside_network: true\nbatchnorm: live\n"),
      baseline("layer_decay", "FT with smaller learning rates in lower layers",
               "common practice with vision transformers",
               "0.75 is our choice: set layer_decay for others.",
               "like: ft\ntitle: FT, layer decay\nlayer_decay: 0.75\n"),
  };
}

}  // namespace stockpot
