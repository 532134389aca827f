// Which part of a torch file is the model: training programs wrap state dicts in dicts of their
// own, with optimizers, epochs and averaged weights beside them.
//
// Without OpenOptions::state_key, the first of these entries that holds tensors is taken (timm's
// order, then what others write):
//   state_dict_ema, model_ema (only with OpenOptions::ema); state_dict; model;
//   model_state_dict, net, weights, ema, teacher, student; else the top level itself.
// Then each name loses "module." (DistributedDataParallel) and "_orig_mod." (torch.compile), each
// once and in this order. Two rules look at all names together: a file of Lightning whose names
// all begin with "model.", or all with "net.", loses that; of a MoCo file, with encoder_q. and
// encoder_k., only the names under encoder_q. are kept, without it.
// A module (TorchScript, LibTorch, torch.save(model)) in place of a dict yields the dotted names
// of its parameters and buffers.
#pragma once

#include <string>
#include <vector>

#include "stockpot/base/file.h"
#include "stockpot/checkpoint/open_options.h"
#include "stockpot/pickle/value.h"

namespace stockpot {

struct NamedValue {
  std::string name;
  PickleValue value;
};

// Names are copied, and a pickle can share one long text a million times: their number and their
// size are bounded.
class NameBudget {
 public:
  explicit NameBudget(const fs::path& origin) : origin_(origin) {}
  // Throws FormatError for more than 200,000 names (the largest models have half of that), or
  // more than 64 MB of them.
  void take(std::size_t name_size);

 private:
  const fs::path& origin_;
  std::size_t names_ = 0, bytes_ = 0;
};

struct TorchState {
  std::string key;                  // of the chosen dict; "" for the top level
  std::vector<NamedValue> tensors;  // in file order; names are unique, UTF-8, without NUL
  std::vector<NamedValue> others;   // what lies beside, by dotted name
  std::vector<DroppedEntry> dropped;
  std::vector<std::string> notes;
};

// Throws FormatError: no tensors there (naming the entries that have some), keys that are no
// strings, two tensors of one name, a state_key that leads nowhere, modules nested deeper than 64
// or with more than a million values, names beyond the NameBudget.
TorchState choose_state(const PickleValue& root, const OpenOptions& options,
                        const fs::path& origin);

// A module as Python or LibTorch pickles it.
bool is_torch_module(const PickleValue& value);
// Its tensors by dotted name; visits values as a tree, within the limits above.
std::vector<NamedValue> module_tensors(const PickleValue& module, const fs::path& origin);

}  // namespace stockpot
