// What an unquoted YAML scalar means. Private to base.
#pragma once

#include "stockpot/base/yaml.h"

namespace stockpot {

// Sets kind and value of a node whose text is a plain scalar, by the core schema of YAML 1.2
// (chapter 10.3.2). False when it is a number that fits neither std::int64_t nor double.
bool resolve_plain_scalar(YamlNode& node);

}  // namespace stockpot
