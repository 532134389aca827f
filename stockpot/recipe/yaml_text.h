// JSON values as YAML text. Private to the room.
#pragma once

#include <functional>
#include <string>

#include "stockpot/base/json.h"

namespace stockpot {

// Maps in blocks, one key a line; lists and all that is in them on one line. `remark` is asked
// for the comment behind the value of each path ("train.lr"), "" for none, and may be empty.
// parse_yaml() reads the same values back.
std::string yaml_text(const Json& tree,
                      const std::function<std::string(const std::string&)>& remark = {});

}  // namespace stockpot
