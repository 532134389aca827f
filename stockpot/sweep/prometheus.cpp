#include "stockpot/sweep/prometheus.h"

#include <span>
#include <utility>
#include <vector>

#include "stockpot/base/pending_file.h"
#include "stockpot/base/text.h"

namespace stockpot {
namespace {

using Labels = std::vector<std::pair<std::string, std::string>>;

std::string escaped(const std::string& value) {
  std::string text;
  for (const char c : value) {
    if (c == '\\' || c == '"') text += '\\';
    text += c == '\n' ? std::string("\\n") : std::string(1, c);
  }
  return text;
}

class Text {
 public:
  explicit Text(std::string sweep) : sweep_(std::move(sweep)) {}

  void metric(const std::string& name, const std::string& help) {
    name_ = "stockpot_" + name;
    text_ += "# HELP " + name_ + " " + help + "\n# TYPE " + name_ + " gauge\n";
  }
  void sample(const Labels& labels, double value) {
    text_ += name_ + "{sweep=\"" + escaped(sweep_) + "\"";
    for (const auto& [key, label] : labels) text_ += "," + key + "=\"" + escaped(label) + "\"";
    text_ += "} " + shortest(value) + "\n";
  }
  std::string take() { return std::move(text_); }

 private:
  std::string sweep_, name_, text_;
};

void add_numbers(Text& text, const Board& board) {
  if (board.best) {
    text.metric("sweep_best_held_out", "Highest held-out accuracy, 0 to 1.");
    text.sample({{"trial", board.rows[*board.best].id}}, *board.rows[*board.best].held_out);
  }
  if (board.trials_per_hour) {
    text.metric("sweep_trials_per_hour", "Rate by the seconds of the trials that are done.");
    text.sample({}, *board.trials_per_hour);
  }
  if (board.seconds_left) {
    text.metric("sweep_left_seconds", "Expected time until every trial has come to an end.");
    text.sample({}, *board.seconds_left);
  }
}

void add_trials(Text& text, const Board& board) {
  text.metric("trial_held_out", "Held-out accuracy of a trial that is done, 0 to 1.");
  for (const BoardRow& row : board.rows)
    if (row.held_out) text.sample({{"trial", row.id}}, *row.held_out);
  text.metric("trial_seconds", "Time that a trial took.");
  for (const BoardRow& row : board.rows)
    if (row.state == TrialState::done) text.sample({{"trial", row.id}}, row.seconds);
  text.metric("trial_share", "Share of its steps that a running trial has done, 0 to 1.");
  for (const BoardRow& row : board.rows)
    if (row.state == TrialState::running) text.sample({{"trial", row.id}}, row.share);
  text.metric("trial_attempts", "How often a trial was begun.");
  for (const BoardRow& row : board.rows)
    if (row.attempts > 0) text.sample({{"trial", row.id}}, row.attempts);
}

}  // namespace

std::string prometheus_text(const Board& board, const std::string& sweep) {
  Text text(sweep);
  text.metric("sweep_trials", "Trials by state.");
  for (const auto& [state, count] :
       {std::pair{"waiting", board.waiting}, std::pair{"running", board.running},
        std::pair{"done", board.done}, std::pair{"failed", board.failed},
        std::pair{"diverged", board.diverged}, std::pair{"blocked", board.blocked}})
    text.sample({{"state", state}}, count);
  add_numbers(text, board);
  add_trials(text, board);
  return text.take();
}

void write_prometheus(const fs::path& file, const Board& board, const std::string& sweep) {
  const std::string text = prometheus_text(board, sweep);
  PendingFile pending(file);
  pending.append(std::as_bytes(std::span(text)));
  pending.publish(text.size(), /*sync=*/false);
}

}  // namespace stockpot
