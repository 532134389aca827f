// An architecture: the tensors of its backbone and a pure function from images to features.
#pragma once

#include <ATen/core/Generator.h>
#include <ATen/core/Tensor.h>

#include <functional>
#include <memory>
#include <vector>

#include "stockpot/checkpoint/model_folder.h"
#include "stockpot/model/parameters.h"

namespace stockpot {

// How fast BatchNorm's running statistics follow those of the batches (torch's default).
inline constexpr double kBatchNormMomentum = 0.1;

struct JointBatch;  // joint_batch_norm.h

// How a forward pass behaves; the default is evaluation.
struct Mode {
  // BatchNorm normalises by the batch and updates its running statistics.
  bool batch_statistics = false;
  // Undefined: no dropout. It has the device of the model.
  at::Generator dropout;
  double head_dropout = 0, drop_path = 0;  // see TrainingMode
  // Of the rows that are here among `batch_rows`; undefined: all are.
  at::Tensor positions;
  std::int64_t batch_rows = 0;
  // The ranks that have the other rows; none: all rows are here.
  std::shared_ptr<JointBatch> joint;
  // Where the outputs of stem and blocks go: Classifier::features_and_layers().
  std::vector<at::Tensor>* layers = nullptr;
};

// Of block 0..blocks-1: linear from 0 to `last` (timm's calculate_drop_path_rates).
inline double drop_path_rate(double last, std::int64_t block, std::int64_t blocks) {
  return blocks < 2 ? 0 : last * static_cast<double>(block) / static_cast<double>(blocks - 1);
}

struct Network {
  std::vector<TensorSpec> tensors;  // of the backbone, in the order of the forward pass
  // images: N x 3 x H x W, float32; the result: N x feature size.
  std::function<at::Tensor(const TensorTable&, const at::Tensor& images, const Mode&)> features;
  bool batchnorm = false;
  bool dropout = false;  // of its own, whatever the training mode says
  int blocks = 0;        // without stem and head
};

// transformers' ViTForImageClassification up to the class token after the last norm.
Network vit_network(const VitConfig& config);
// timm's ResNet up to the global average pool.
Network resnet_network(const ResNetConfig& config);

}  // namespace stockpot
