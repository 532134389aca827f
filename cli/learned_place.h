// The output folder of `soup learned`: what lies where, and what a run that goes on finds in it.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "cli/learned_start.h"
#include "stockpot/base/file.h"
#include "stockpot/base/json.h"

namespace stockpot::cli {

class LearnedPlace {
 public:
  explicit LearnedPlace(fs::path output) : output_(std::move(output)) {}

  fs::path model_folder() const { return output_ / "model"; }
  fs::path state_folder() const { return output_ / "state"; }
  fs::path result_file() const { return output_ / "result.json"; }  // last

  // Whether the soup of this identity is there already. `overwrite` takes a finished one away; one
  // that was begun goes on. Throws UsageError when the output is something else, naming what.
  bool finished(const Json& identity, bool overwrite) const;

  // Found once, so that a run that goes on does not run the models again.
  std::optional<LearnedStart> start(const Json& identity) const;
  void keep(const LearnedStart& start, const Json& identity) const;

  // Writes the result, and takes away what only a run that goes on needs.
  void finish(const Json& result) const;

 private:
  fs::path start_file() const { return output_ / "start.json"; }

  fs::path output_;
};

}  // namespace stockpot::cli
