// An image classifier: a backbone that makes features, and a head, the last linear layer.
// Built from a model folder; its tensors carry the names of the checkpoint.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "stockpot/checkpoint/model_folder.h"

namespace stockpot {

// How BatchNorm behaves while training (specification of LP-FT, section 7).
enum class BatchNorm {
  live,    // batch statistics normalise, running statistics are updated
  frozen,  // running statistics normalise and never change; scale and shift still train
};

// One trainable tensor: a view into the model's flat buffers.
struct Parameter {
  std::string name;  // as in the checkpoint
  at::Tensor value;  // float32; requires a gradient unless frozen
  bool head = false;
  // Weight decay applies: matrices and kernels, not biases, norms, class token or positions
  // (timm's rule: one-dimensional tensors and the embeddings are left out).
  bool decay = false;
  std::int64_t offset = 0;  // into flat_values() and flat_gradients()
  // Depth: 0 the stem (embeddings, first convolution), 1 to blocks() the blocks, then the head.
  // A norm behind the last block belongs to it (timm's group_matcher).
  int block = 0;
  bool batchnorm = false;  // scale or shift of a BatchNorm
  bool frozen = false;     // never trained: the backbone beside a side network
};

struct JointBatch;  // joint_batch_norm.h

struct TrainingMode {
  BatchNorm batchnorm = BatchNorm::live;
  std::uint64_t seed = 0;   // of everything that is dropped: equal seeds drop the same
  double head_dropout = 0;  // of the features, before the head (timm's drop_rate)
  // Stochastic depth (Huang et al. 2016): the probability that an image skips the last block;
  // 0 at the first block, linear between (timm's drop_path_rate).
  double drop_path = 0;
  // Where the rows that are here stand in a batch of `batch_rows`, when other processes have the
  // others: what is dropped is drawn for the whole batch. Empty: all are here.
  std::vector<std::int64_t> positions = {};
  std::int64_t batch_rows = 0;
  // For live BatchNorm over the rows of all these processes; none: all rows are here.
  std::shared_ptr<JointBatch> joint = {};
};

class Classifier {
 public:
  // Pretrained weights as float32 on the CPU, with the pretrained head: one of no classes where the
  // folder has none. Throws FormatError.
  static Classifier load(const ModelFolder& folder);
  Classifier(Classifier&&) noexcept;
  Classifier& operator=(Classifier&&) noexcept;
  ~Classifier();
  // An independent copy on the same device, in the same mode; its gradients are zero.
  Classifier clone() const;

  // Where it came from, with the labels of the present head.
  const ModelFolder& folder() const;
  const std::vector<std::string>& labels() const;
  bool has_batchnorm() const;
  // Training drops at rates of the architecture's own, whatever TrainingMode says.
  bool has_dropout() const;
  at::Device device() const;
  // Like a new head, a move makes new buffers: parameters() and the flat buffers have to be
  // asked for again, and gradients are zero.
  void to(at::Device device);

  // images: N x 3 x H x W, float32, normalised, on device(), any memory format.
  at::Tensor features(const at::Tensor& images) const;       // N x feature_size
  at::Tensor head_logits(const at::Tensor& features) const;  // N x classes
  // The features, and before them what stem and blocks give, blocks() + 1 matrices of a row an
  // image: a ResNet's maps averaged over the pixels, a ViT's class token (of the stem the mean
  // over the patches).
  std::pair<at::Tensor, std::vector<at::Tensor>> features_and_layers(
      const at::Tensor& images) const;
  at::Tensor logits(const at::Tensor& images) const { return head_logits(features(images)); }

  // Evaluation mode (the start): running statistics, no dropout. Training mode: dropout, and
  // BatchNorm by its policy.
  void evaluate();
  void train(const TrainingMode& mode);
  void train(BatchNorm batchnorm, std::uint64_t seed = 0) {
    train(TrainingMode{.batchnorm = batchnorm, .seed = seed});
  }

  // A new head for these classes: zero bias, weights N(0, 0.01^2) from (seed, head_init).
  void reset_head(const std::vector<std::string>& labels, std::uint64_t seed);
  // The same with given values: weight classes x feature_size, bias classes.
  void set_head(const std::vector<std::string>& labels, const at::Tensor& weight,
                const at::Tensor& bias);

  // From now on the backbone is frozen, and a second one like it, drawn at random from the seed,
  // adds its features (model/side_network.h); gradients are zero, as with a new head. Throws
  // UsageError when there is a side network already.
  void add_side_network(std::uint64_t seed);

  // In the order of the flat buffers: backbone with weight decay, backbone without, head with,
  // head without.
  const std::vector<Parameter>& parameters() const;
  // All parameters in one buffer: a step of the optimizer is one pass over it. The head's
  // parameters are the last ones, so that a prefix is the backbone.
  at::Tensor flat_values() const;
  at::Tensor flat_gradients() const;  // the parameters' .grad are views of it
  void zero_gradients();
  // From now on only these get gradients; the start, and a new head or device: all. With the
  // whole backbone left out, features() records nothing.
  void set_trained(const std::function<bool(const Parameter&)>& trained);
  int blocks() const;
  // Running statistics and counters, by name: tensors of the model itself.
  const std::vector<std::pair<std::string, at::Tensor>>& buffers() const;

  // Copies of all tensors (parameters and buffers) as float32, buffers in their own type, by
  // name; and back, in place. load_state throws FormatError naming what does not fit, and then
  // has changed nothing.
  std::vector<OwnedTensor> state() const;
  void load_state(const std::vector<OwnedTensor>& tensors);
  // Writes a model folder (atomic) that transformers or timm opens.
  void save(const fs::path& target) const;

 private:
  struct Impl;
  explicit Classifier(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace stockpot
