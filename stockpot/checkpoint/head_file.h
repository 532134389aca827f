// A classifier's head in a file that the user brings, such as the zero-shot classifier that CLIP's
// text side made of class names: the LP-FT and soups papers start fine-tuning from such heads, too.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "stockpot/base/file.h"
#include "stockpot/base/json.h"

namespace stockpot {

struct HeadFile {
  fs::path file;  // anything that Checkpoint::open() takes, or one tensor that torch.save() wrote
  // Names of tensors. "": the only floating-point matrix, and the tensor that is called as the
  // matrix with "bias" for "weight" at its end; where there is none, biases are 0.
  std::string weight = "", bias = "";
  // "classes", or "features" for a transposed matrix, as OpenAI's zeroshot_classifier makes it.
  // "": whichever fits; a square matrix fits both and is refused.
  std::string rows = "";
  // A JSON list of class names in the order of the file. "": the same text in the metadata of a
  // safetensors file under "classes"; where there is none, the order is taken on trust.
  fs::path classes = {};
  double scale = 1;  // of the weights, not of the biases: CLIP's exp(logit_scale)

  bool operator==(const HeadFile&) const = default;
};

struct GivenHead {
  std::vector<float> weight;  // classes x features, scaled
  std::vector<float> bias;    // classes
  Json identity;              // head_identity()
  std::string description;    // "clip.pt: 'weight', transposed, times 100, rows by class name"
  std::vector<std::string> notes;
};

// Reads a head for these classes, in their order. Throws FormatError naming file and tensor, what
// was found and what was expected: no such tensor, none or several to choose from, other shapes,
// types or numbers of classes, other class names, values that are not finite.
GivenHead read_head(const HeadFile& from, const std::vector<std::string>& classes,
                    std::int64_t features);

// What a run that starts from the head depends on: the bytes of its files, wherever they lie, and
// how they are read. Throws FormatError.
Json head_identity(const HeadFile& from);

}  // namespace stockpot
