// An evaluation that gave no score: the reason becomes part of the candidate's record, and the
// search goes on. Never leaves the rooms evaluator and soup.
#pragma once

#include <stdexcept>
#include <string>

namespace stockpot {

class EvaluatorFailure : public std::runtime_error {
 public:
  explicit EvaluatorFailure(const std::string& reason, bool program_died = false)
      : std::runtime_error(reason), died(program_died) {}

  bool died;  // a program that should have kept running has ended by itself
};

}  // namespace stockpot
