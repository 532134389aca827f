// The parts of doctor.h. Private to the room.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "stockpot/compare/doctor.h"
#include "stockpot/compare/gram.h"

namespace stockpot {

// Everything that the checks share; filled from top to bottom.
struct DoctorState {
  const std::vector<Checkpoint>& models;
  const Checkpoint* base;
  std::vector<std::string> names;  // of the models, short and printable
  Findings findings;

  // check_structure(): the models that can be compared at all, and the names that all of them
  // have with one shape.
  std::vector<std::size_t> comparable;
  std::vector<std::string> common;

  // read_values_of_all(): of the common floating-point tensors, but BatchNorm's statistics.
  struct Relation {
    std::string name;
    bool matrix = false;  // two or more dimensions and enough elements to judge by
    bool head = false;
    std::int64_t elements = 0;
    TensorGram gram;  // models by their place in `comparable`
  };
  std::vector<Relation> relations;

  DoctorReport report;

  void add(Severity severity, std::string check, std::string text, std::string advice,
           std::vector<std::size_t> about = {}, std::vector<std::string> tensors = {});
  // "a, b and 3 more" of the names of models.
  std::string names_of(const std::vector<std::size_t>& indices) const;
  const TensorView* tensor(std::size_t model, const std::string& name) const;
};

// Names, shapes and dtypes; EMA against raw weights; integer buffers and BatchNorm.
void check_structure(DoctorState& state);
void check_state_keys(DoctorState& state);
void check_buffers(DoctorState& state);
// config.json beside the weights: class names, architecture.
void check_configs(DoctorState& state);
// Fills relations; NaN and Inf.
void read_values_of_all(DoctorState& state, Progress& progress);
// From the relations: origin, heads, outliers, duplicates. Fill report.models and report.pairs.
void measure_relations(DoctorState& state);
void check_origin(DoctorState& state);
void check_heads(DoctorState& state);
void check_outliers(DoctorState& state);
void check_duplicates(DoctorState& state);

}  // namespace stockpot
