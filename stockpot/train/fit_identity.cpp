#include "stockpot/train/fit_identity.h"

#include <ATen/Parallel.h>

#include <fstream>
#include <optional>
#include <span>
#include <string>

#include "stockpot/base/error.h"
#include "stockpot/base/hash.h"
#include "stockpot/base/text.h"
#include "stockpot/base/version.h"
#include "stockpot/model/runtime.h"

namespace stockpot {
namespace {

// Enough of a hash to tell two things apart, and to read.
std::string brief(const std::string& hash) { return hash.substr(0, 16); }

std::string hash_of(const at::Tensor& tensor) {
  const at::Tensor values = tensor.detach().cpu().contiguous();
  return sha256(std::span(static_cast<const std::byte*>(values.data_ptr()), values.nbytes()));
}

std::string start_of(const Classifier& model) {
  std::string all = hash_of(model.flat_values());
  for (const auto& [name, buffer] : model.buffers()) all += hash_of(buffer);
  return brief(sha256(all));
}

// Ids and labels in their order; the caller knows better whether the files have changed.
Json rows_of(const ImageDataset& set) {
  std::string all;
  for (std::int64_t i = 0; i < set.size(); ++i)
    all += set.id(i) + '\0' + std::to_string(set.label(i)) + '\n';
  for (const std::string& name : set.classes()) all += name + '\n';
  return Json::object({{"rows", set.size()}, {"sha256", brief(sha256(all))}});
}

// A rebuilt program may round otherwise.
const std::string& program() {
  static const std::string hash = [] {
    try {
      return brief(sha256_of_file("/proc/self/exe"));
    } catch (const FormatError&) {
      return std::string("unknown");
    }
  }();
  return hash;
}

Json augmentation_json(const Augmentation& a) {
  return Json::object({{"crop", a.crop},
                       {"scale", Json(Json::Array{a.min_scale, a.max_scale})},
                       {"ratio", Json(Json::Array{a.min_ratio, a.max_ratio})},
                       {"flip", a.flip},
                       {"jitter", Json(Json::Array{a.brightness, a.contrast, a.saturation, a.hue})},
                       {"rand_operations", a.rand_operations},
                       {"rand_magnitude", a.rand_magnitude},
                       {"rand_std", a.rand_std},
                       {"rand_max", a.rand_max},
                       {"rand_probability", a.rand_probability},
                       {"rand_increasing", a.rand_increasing},
                       {"erase", a.erase},
                       {"erase_mode", static_cast<int>(a.erase_mode)},
                       {"erase_count", a.erase_count}});
}

Json numbers(const std::vector<double>& values) {
  Json list = Json::array();
  for (const double value : values) list.push(value);
  return list;
}

Json swad_json(const std::optional<SwadOptions>& swad) {
  if (!swad) return Json();
  return Json::object({{"start", swad->start_patience},
                       {"end", swad->end_patience},
                       {"tolerance", swad->tolerance}});
}

Json options_json(const FitOptions& o) {
  return Json::object(
      {{"epochs", o.epochs},
       {"batch_size", o.batch_size},
       {"optimizer", static_cast<int>(o.optimizer)},
       {"learning_rate", o.learning_rate},
       {"weight_decay", o.weight_decay},
       {"momentum", o.momentum},
       {"nesterov", o.nesterov},
       {"betas", numbers({o.beta1, o.beta2})},
       {"epsilon", o.epsilon},
       {"schedule", static_cast<int>(o.schedule)},
       {"warmup", o.warmup},
       {"milestones", numbers(o.milestones)},
       {"step_epochs", o.step_epochs},
       {"gamma", o.gamma},
       {"label_smoothing", o.label_smoothing},
       {"clip_norm", o.clip_norm},
       {"batchnorm", o.batchnorm == BatchNorm::live ? "live" : "frozen"},
       {"augmentation", augmentation_json(o.augmentation)},
       {"mixing", numbers({o.mixing.mixup_alpha, o.mixing.cutmix_alpha, o.mixing.probability,
                           o.mixing.switch_probability})},
       {"seed", o.seed},
       {"bf16", o.bf16},
       {"sam_rho", o.sam_rho},
       {"layer_decay", o.layer_decay},
       {"head_rate", o.head_rate},
       {"freezing", Json(Json::Array{static_cast<int>(o.freezing.trained), o.freezing.blocks,
                                     o.freezing.head_epochs, o.freezing.unfreeze_every})},
       {"l2_sp", numbers({o.l2_sp.backbone, o.l2_sp.head})},
       {"accumulation", o.accumulation},
       {"head_dropout", o.head_dropout},
       {"drop_path", o.drop_path},
       {"ema", numbers(o.ema.decays)},
       {"ema_warmup", o.ema.warmup},
       {"swa_epochs", o.swa_epochs},
       {"lawa_epochs", o.lawa_epochs},
       {"swad", swad_json(o.swad)}});
}

}  // namespace

std::string processor() {
  std::ifstream lines("/proc/cpuinfo");
  for (std::string line; std::getline(lines, line);)
    if (line.starts_with("model name") && line.find(':') != std::string::npos)
      return std::string(trim(line.substr(line.find(':') + 1)));
  return "unknown";
}

Json fit_identity(const Classifier& model, const ImageDataset& train, const ImageDataset& held_out,
                  const FitOptions& options, int ranks) {
  Json identity = Json::object({{"training", options_json(options)},
                                {"start", start_of(model)},
                                {"train", rows_of(train)},
                                {"held_out", rows_of(held_out)},
                                {"stockpot", kVersion},
                                {"program", program()},
                                {"torch", torch_version()},
                                {"blas", blas_description()},
                                {"threads", at::get_num_threads()},
                                {"device", model.device().is_cpu() ? "cpu" : "cuda"},
                                {"caller", options.checkpoints.identity}});
  if (ranks > 1) identity.set("ranks", ranks);
  return identity;
}

}  // namespace stockpot
