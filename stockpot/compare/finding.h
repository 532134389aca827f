// What a check found, in words.
#pragma once

#include <cstddef>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace stockpot {

enum class Severity { note, warning, failure };

struct Finding {
  Severity severity = Severity::note;
  std::string check;                 // "heads", "finite", ...: stable, for scripts
  std::string text;                  // what was found; printable
  std::string advice;                // what to do; may be empty
  std::vector<std::size_t> models;   // whom it is about, by index; empty: all
  std::vector<std::string> tensors;  // as they are named in the files
};
using Findings = std::vector<Finding>;

// The shortest ends of the paths that tell them apart: file names, or "run3/model.pt".
std::vector<std::string> short_names(const std::vector<std::filesystem::path>& paths);

std::string_view word_of(Severity severity);  // "note", "warning", "failure"

}  // namespace stockpot
