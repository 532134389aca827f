// One tree from the texts that a recipe is put together from: `base:` files below, the
// recipe, its presets, and overrides from flags on top. Every node keeps the number of the
// text that it came from (YamlNode::source), so that messages and paths stay right.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "stockpot/base/yaml.h"
#include "stockpot/recipe/reader.h"

namespace stockpot {

// Puts `over` on top of `under`. Maps merge; lists and scalars replace what was there. A map
// that names another of several alternatives (imagefolder or tar, uniform or choice, ...)
// replaces the whole map: the two would contradict each other.
void merge_onto(YamlNode& under, const YamlNode& over);

// Reads `text` (of `file`), what its base names, and the overrides "key.sub=value", whose
// values are YAML. A base is a path relative to the file that names it; its own base comes
// first. Chains that are deeper than 8 or come back to a file are problems. Presets of
// `search` and of methods are filled in below the keys beside them.
YamlNode read_layers(const std::string& text, const std::filesystem::path& file,
                     const std::vector<std::string>& overrides, Problems& problems);

// Of every map, list and scalar of the tree, by path: "train.lr".
std::map<std::string, Origin> origins_of(const YamlNode& root, const Problems& problems);

}  // namespace stockpot
