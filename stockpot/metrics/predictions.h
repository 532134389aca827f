// What a model said about a set: the input of every metric.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace stockpot {

struct Predictions {
  std::int64_t classes = 0;
  std::vector<float> logits;         // rows x classes
  std::vector<std::int64_t> labels;  // rows
  std::vector<std::int64_t> groups;  // rows, indices into group_names; may be empty
  std::vector<std::string> group_names;
  std::vector<std::string> class_names;
  std::vector<std::string> ids;  // rows; may be empty
  // Which pictures, labels and classes these are of (ImageDataset::examples_hash), and the content
  // of the one model that said so; "" where it is not known.
  std::string examples, model;
  // What computed them, down to rounding: "cpu", "cuda" or "cuda bf16"; "" where it is not known.
  std::string arithmetic;

  std::int64_t rows() const { return static_cast<std::int64_t>(labels.size()); }
  std::span<const float> row(std::int64_t i) const {
    return std::span(logits).subspan(static_cast<std::size_t>(i * classes),
                                     static_cast<std::size_t>(classes));
  }
};

// The class with the largest logit; the lowest index among equals.
std::int64_t predicted_class(std::span<const float> logits);

// Whether both are of the same rows: equal ids and labels and, where both know them, pictures.
bool same_rows(const Predictions& first, const Predictions& second);

// The logit ensemble of models that need not be in memory at once.
class LogitSum {
 public:
  // Throws UsageError when these are of other rows or classes than those before.
  void add(const Predictions& member);
  std::size_t members() const { return members_; }
  // The mean in fp64, rounded once; of these and `more`, when it is given. At least one member.
  Predictions mean(const Predictions* more = nullptr) const;

 private:
  void require_same_rows(const Predictions& other) const;

  Predictions first_;
  std::vector<double> sum_;
  std::size_t members_ = 0;
};

// The logit ensemble: the mean of the members' logits, in fp64, rounded once. All members
// must hold the same rows. Wortsman et al. 2022, section 2.
Predictions mean_logits(std::span<const Predictions* const> members);

}  // namespace stockpot
