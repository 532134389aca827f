// A board in words, as a table and as JSON.
#include <algorithm>

#include "stockpot/base/text.h"
#include "stockpot/base/text_table.h"
#include "stockpot/sweep/board.h"
#include "stockpot/sweep/result.h"

namespace stockpot {
namespace {

constexpr std::size_t kBestShown = 5;

std::string number_text(const Json& json, const char* key) {
  const Json* value = json.find(key);
  if (!value || !value->is_number()) return "";
  return value->is_integer() ? std::to_string(value->as_integer())
                             : significant(value->as_number(), 4);
}

// "epoch 3/10, step 120/400, held-out 81.20 %, 950 images/s".
std::string progress_text(const Json& progress) {
  std::vector<std::string> parts;
  for (const auto& [now, all] : {std::pair{"epoch", "epochs"}, std::pair{"step", "steps"}}) {
    const std::string current = number_text(progress, now), total = number_text(progress, all);
    if (!current.empty())
      parts.push_back(std::string(now) + " " + current + (total.empty() ? "" : "/" + total));
  }
  if (const auto held_out = held_out_of(progress))
    parts.push_back("held-out " + percent_text(*held_out));
  if (const Json* speed = progress.find("images_per_second"); speed && speed->is_number())
    parts.push_back(fixed(speed->as_number(), 0) + " images/s");
  return join(parts, ", ");
}

std::string detail_text(const BoardRow& row) {
  if (row.state != TrialState::running) return printable(row.reason);
  const std::string progress = progress_text(row.progress);
  const std::string who = row.owner ? row.owner->describe() : "unknown";
  return (row.owner_gone ? "gone: " : "") + who + (progress.empty() ? "" : ": " + progress);
}

std::string seconds_text(const BoardRow& row) {
  const double seconds = row.state == TrialState::done ? row.seconds : row.running_seconds;
  return seconds > 0 ? human_duration(seconds) : "";
}

void add_row(TextTable& table, const BoardRow& row) {
  table.add({row.id, name_of(row.state), row.held_out ? percent_text(*row.held_out) : "",
             seconds_text(row), row.attempts > 1 ? std::to_string(row.attempts) : "",
             detail_text(row)});
}

// The rows worth showing, most urgent first.
std::vector<std::size_t> shown_rows(const Board& board, bool every_trial) {
  std::vector<std::size_t> rows, best;
  const auto add_all = [&](auto&& wanted) {
    for (std::size_t i = 0; i < board.rows.size(); ++i)
      if (wanted(board.rows[i])) rows.push_back(i);
  };
  if (every_trial) {
    add_all([](const BoardRow&) { return true; });
    return rows;
  }
  add_all([](const BoardRow& row) { return row.state == TrialState::running; });
  add_all([](const BoardRow& row) { return is_final(row.state) && row.state != TrialState::done; });
  for (std::size_t i = 0; i < board.rows.size(); ++i)
    if (board.rows[i].held_out) best.push_back(i);
  std::stable_sort(best.begin(), best.end(), [&](std::size_t a, std::size_t b) {
    return *board.rows[a].held_out > *board.rows[b].held_out;
  });
  best.resize(std::min(best.size(), kBestShown));
  rows.insert(rows.end(), best.begin(), best.end());
  return rows;
}

Json optional_json(const std::optional<double>& value) { return value ? Json(*value) : Json(); }

Json row_json(const BoardRow& row) {
  Json json = Json::object({{"id", row.id},
                            {"state", name_of(row.state)},
                            {"attempts", row.attempts},
                            {"failures", row.failures},
                            {"held_out", optional_json(row.held_out)},
                            {"seconds", row.state == TrialState::done ? Json(row.seconds) : Json()},
                            {"reason", row.reason.empty() ? Json() : Json(row.reason)}});
  if (row.state == TrialState::running) {
    json.set("owner", row.owner ? row.owner->to_json() : Json());
    json.set("owner_gone", row.owner_gone);
    json.set("progress", row.progress);
  }
  return json;
}

}  // namespace

std::string headline(const Board& board) {
  std::string text =
      std::to_string(board.done) + " of " + std::to_string(board.rows.size()) + " done";
  const auto add = [&](int count, const char* what) {
    if (count > 0) text += ", " + std::to_string(count) + " " + what;
  };
  add(board.running, "running");
  add(board.waiting, "waiting");
  add(board.failed, "failed");
  add(board.diverged, "diverged");
  add(board.blocked, "blocked");
  if (board.best)
    text += "; best held-out " + percent_text(*board.rows[*board.best].held_out) + " (" +
            board.rows[*board.best].id + ")";
  if (const auto rate = board.trials_per_hour)
    text += "; " + (*rate < 10 ? significant(*rate, 2) : fixed(*rate, 0)) + " an hour";
  if (board.seconds_left && !board.all_final())
    text += "; about " + human_duration(*board.seconds_left) + " left";
  return text;
}

std::string board_text(const Board& board, const BoardView& view) {
  TextTable table({{"trial"},
                   {"state"},
                   {"held-out", true},
                   {"time", true},
                   {"attempts", true},
                   {"", false, true}});
  std::vector<std::size_t> rows = shown_rows(board, view.every_trial);
  constexpr std::size_t kOtherLines = 3;  // the headline, the titles, how many are not shown
  const bool cut = view.lines > kOtherLines && rows.size() + kOtherLines > view.lines;
  const std::size_t hidden = cut ? rows.size() + kOtherLines - view.lines : 0;
  rows.resize(rows.size() - hidden);
  for (const std::size_t i : rows) add_row(table, board.rows[i]);
  std::string text = headline(board) + "\n";
  if (!table.empty()) text += table.text(view.width);
  if (hidden > 0) text += "  and " + std::to_string(hidden) + " more\n";
  return text;
}

Json to_json(const Board& board) {
  Json rows = Json::array();
  for (const BoardRow& row : board.rows) rows.push(row_json(row));
  return Json::object(
      {{"schema_version", 1},
       {"trials", static_cast<std::int64_t>(board.rows.size())},
       {"waiting", board.waiting},
       {"running", board.running},
       {"done", board.done},
       {"failed", board.failed},
       {"diverged", board.diverged},
       {"blocked", board.blocked},
       {"best", board.best ? Json(board.rows[*board.best].id) : Json()},
       {"best_held_out", board.best ? optional_json(board.rows[*board.best].held_out) : Json()},
       {"trials_per_hour", optional_json(board.trials_per_hour)},
       {"seconds_left", optional_json(board.seconds_left)},
       {"rows", rows}});
}

}  // namespace stockpot
