// Can these checkpoints be averaged? A mean of weights makes sense when the models share names,
// shapes, classes and the weights that their training began with; this looks at all of it.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "stockpot/base/json.h"
#include "stockpot/base/progress.h"
#include "stockpot/checkpoint/checkpoint.h"
#include "stockpot/compare/finding.h"

namespace stockpot {

// What the cosine between the weight matrices of two models tells about their origin: the
// median over the matrices, each counting by its elements, without heads. Measured on small
// ResNets and ViTs: two scratch seeds -0.001 to 0.002 (one architecture, 300 AdamW steps; also
// between CIFAR ResNets of other people), the same start after 2 epochs against 100 epochs 0.27,
// fine-tunings of one ResNet 0.78 (learning rate 0.01, 0.9 away) to 1.0000 (1e-5), of one ViT 0.68
// (3e-3) to 1.0000; a ViT all but destroyed by a rate of 0.01 has 0.12.
inline constexpr double kUnrelatedCosine = 0.1;  // below: no shared initialisation
inline constexpr double kFarCosine = 0.5;        // below: shared, but far apart

// One model, in the order of the command line. The norms are over the floating-point tensors
// that all comparable models have, without BatchNorm's running statistics and, with theta_0,
// without what theta_0 lacks. NaN for a model that is not comparable.
struct DoctorModel {
  fs::path path;
  std::string name;  // short and printable
  bool comparable = false;
  double norm = 0;         // |theta|
  double distance = 0;     // |theta - theta_0|, without theta_0 to the mean of the others
  double base_cosine = 0;  // of the weight matrices with theta_0's, median; NaN without theta_0
};

// Of two comparable models i < j.
struct DoctorPair {
  std::size_t i = 0, j = 0;
  double cosine = 0;       // of the weight matrices, median
  double distance = 0;     // |theta_i - theta_j| / |theta_i|
  double task_cosine = 0;  // of the task vectors; NaN without theta_0
};

struct DoctorReport {
  std::optional<fs::path> base;
  std::vector<DoctorModel> models;
  std::vector<DoctorPair> pairs;
  Findings findings;  // failures first

  Severity verdict() const;  // the worst finding
};

// Two or more models, at most kMostDoctorModels; `base` may be null. Reads everything once, in
// little memory. Throws UsageError for other numbers of models.
inline constexpr std::size_t kMostDoctorModels = 256;
DoctorReport doctor(const std::vector<Checkpoint>& models, const Checkpoint* base,
                    Progress& progress);

// The document of docs/checkpoints.md, and the page for a terminal of this width.
Json to_json(const DoctorReport& report);
std::string doctor_text(const DoctorReport& report, std::size_t width);

}  // namespace stockpot
