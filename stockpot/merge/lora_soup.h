// The weighted mean of adapters as one adapter that peft opens.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "stockpot/checkpoint/output.h"
#include "stockpot/merge/lora.h"

namespace stockpot {

struct LoraSoupOptions {
  std::vector<double> weights;  // of the adapters, as they are multiplied in
  // Largest rank of a module; nothing: the exact product form, whose rank is the sum of all.
  std::optional<std::int64_t> rank;
  std::optional<Dtype> dtype;  // nothing: that of the adapters, f32 where they differ
};

class LoraSoup {
 public:
  // Throws FormatError naming the adapters: modules of one name with other inputs or outputs, a
  // tensor that only some of them trained whole (the mean needs the base's value then). Throws
  // UsageError for settings that cannot be averaged. The adapters must outlive this object.
  LoraSoup(const std::vector<LoraAdapter>& adapters, const LoraSoupOptions& options);
  ~LoraSoup();

  const std::vector<OutputTensor>& tensors() const;
  // adapter_config.json of the soup: scaling 1 for every module.
  const Json& config() const;

  struct Truncation {
    std::string module;
    std::int64_t from = 0, to = 0;  // ranks
    double error = 0;               // ||Delta - Delta_r||_F / ||Delta||_F
  };
  // One module in memory at a time. Returns what was cut off, by module.
  std::vector<Truncation> write(CheckpointWriter& writer) const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace stockpot
