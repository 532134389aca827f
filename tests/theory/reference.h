// The numbers of tests/fixtures/theory, on the same matrices (make.py there says how).
#pragma once

#include <cmath>
#include <cstring>
#include <string>
#include <vector>

#include "stockpot/base/file.h"
#include "stockpot/base/json.h"
#include "stockpot/theory/problem.h"

namespace stockpot::theory {

inline constexpr int kD = 60, kK = 4, kN = 30, kSeeds = 5;

inline fs::path fixture(const std::string& name) {
  return fs::path(STOCKPOT_SOURCE_DIR) / "tests" / "fixtures" / "theory" / name;
}

// Reads little-endian doubles one after another.
class Numbers {
 public:
  explicit Numbers(const std::string& name) : bytes_(read_file(fixture(name))) {}
  MatrixXd matrix(int rows, int columns) {
    MatrixXd values(rows, columns);
    for (int row = 0; row < rows; ++row)
      for (int column = 0; column < columns; ++column, at_ += sizeof(double))
        std::memcpy(&values(row, column), bytes_.data() + at_, sizeof(double));
    return values;
  }
  VectorXd vector(int size) { return matrix(size, 1).col(0); }
  bool at_end() const { return at_ == bytes_.size(); }

 private:
  std::string bytes_;
  std::size_t at_ = 0;
};

// The problem of the reference for this seed and level e, in rotated coordinates.
inline Problem reference_problem(int seed, double e) {
  Numbers numbers("rotated.f64");
  Problem problem;
  for (int at = 0; at <= seed; ++at)
    for (const bool perfect : {false, true}) {
      const VectorXd scales = numbers.vector(kN);
      const MatrixXd true_features = numbers.matrix(kK, kD);
      const MatrixXd other = perfect ? MatrixXd::Zero(kK, kD) : numbers.matrix(kK, kD);
      const VectorXd true_head = numbers.vector(kK), head = numbers.vector(kK);
      if (perfect != (e == 0)) continue;
      problem.true_features = true_features;
      problem.features = std::sqrt(1 - e * e) * true_features + e * other;
      problem.true_head = true_head;
      problem.head = head;
      problem.inputs = MatrixXd::Zero(kN, kD);
      problem.inputs.leftCols(kN) = scales.asDiagonal();
    }
  return problem;
}

inline Json expected() { return Json::read(fixture("expected.json")); }

inline double number(const Json& object, const char* member) {
  return object.find(member)->as_number();
}

inline double number(const Json& object, const char* member, std::size_t index) {
  return object.find(member)->items().at(index).as_number();
}

}  // namespace stockpot::theory
