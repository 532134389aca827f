// The methods of `stockpot merge`: one table of names, flags and constructors.
#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "stockpot/checkpoint/checkpoint.h"
#include "stockpot/merge/method.h"

namespace stockpot::cli {

// What a method may look at when it is built.
struct MethodInputs {
  const std::vector<Checkpoint>& models;         // in the order of the command line
  const std::vector<std::uint64_t>& model_keys;  // merge/model_order.h, in that order
};

// One method as a sub-command: `add` adds its flags to the sub-command and returns what builds it
// after parsing (Fisher and RegMean open a file of statistics for each model). Throws UsageError
// for values that cannot be.
using BuildMethod = std::function<std::unique_ptr<MergeMethod>(const MethodInputs& inputs)>;

// Whether a method works on differences from the base: never, where one is given, always.
enum class BaseUse { never, when_given, always };

struct MergeMethodEntry {
  std::string name, help;
  BaseUse base = BaseUse::never;
  std::function<BuildMethod(CLI::App& app)> add;
};

const std::vector<MergeMethodEntry>& merge_methods();

}  // namespace stockpot::cli
