#include "stockpot/report/findings.h"

#include <algorithm>
#include <cmath>

#include "stockpot/base/text.h"

namespace stockpot {
namespace {

struct Place {
  std::size_t column;
  std::string words;  // "out of distribution"
};

std::optional<Place> place(const ResultTable& table, SetRole role, const char* words) {
  const auto column = table.main_column(role);
  if (!column) return {};
  return Place{*column, words};
}

std::optional<Place> out_of_distribution(const ResultTable& table) {
  return place(table, SetRole::ood, "out of distribution");
}

std::optional<Place> in_distribution(const ResultTable& table) {
  return place(table, SetRole::id_test, "in distribution");
}

std::string overlap(const TableCell& a, const TableCell& b) {
  if (!a.interval || !b.interval) return "";
  const bool apart = a.interval->low > b.interval->high || b.interval->low > a.interval->high;
  return apart ? "; intervals apart" : "; intervals overlap";
}

struct Comparison {
  std::string amount, where;  // "4.1 points better", "out of distribution (71.2 % against ...)"
  int sign = 0;
};

std::optional<Comparison> compare(const TableRow& a, const TableRow& b,
                                  const std::optional<Place>& there) {
  if (!there) return {};
  const TableCell& first = a.cells[there->column];
  const TableCell& second = b.cells[there->column];
  if (!first.value || !second.value) return {};
  const std::int64_t difference = tenths(*first.value) - tenths(*second.value);
  const std::string where = there->words + " (" + percent(*first.value) + " against " +
                            percent(*second.value) + " %" + overlap(first, second) + ")";
  if (difference == 0) return Comparison{"level", where, 0};
  const std::string points = fixed(static_cast<double>(std::abs(difference)) / 10, 1);
  return Comparison{
      points + (points == "1.0" ? " point " : " points ") + (difference > 0 ? "better" : "worse"),
      where, difference > 0 ? 1 : -1};
}

// "A is 4.1 points better than B <there>, but 0.3 points worse <elsewhere>."
std::string sentence(const std::string& a_name, const TableRow& a, const std::string& b_name,
                     const TableRow& b, const std::optional<Place>& first,
                     const std::optional<Place>& second) {
  auto one = compare(a, b, first), two = compare(a, b, second);
  if (!one) std::swap(one, two);
  if (!one) return "";
  std::string text = a_name + " is " + one->amount + (one->sign == 0 ? " with " : " than ") +
                     b_name + " " + one->where;
  if (two) {
    text += (one->sign * two->sign < 0 ? ", but " : " and ") + two->amount + " " + two->where;
  }
  return text + ".";
}

const TableRow* row_of(const ResultTable& table, RowKind kind, std::string_view part = "") {
  for (const TableRow& row : table.rows) {
    if (row.kind == kind && lower_ascii(row.name).find(part) != std::string::npos) return &row;
  }
  return nullptr;
}

// The variant of fine-tuning that held-out data would choose.
const TableRow* best_fine_tuning(const ResultTable& table) {
  const auto held_out = table.main_column(SetRole::held_out);
  const TableRow* best = nullptr;
  for (const TableRow& row : table.rows) {
    if (row.kind != RowKind::ft) continue;
    if (!best || (held_out && row.cells[*held_out].value &&
                  row.cells[*held_out].value > best->cells[*held_out].value)) {
      best = &row;
    }
  }
  return best;
}

void add_fine_tuning(const ResultTable& table, std::vector<std::string>& sentences) {
  const auto ood = out_of_distribution(table), id = in_distribution(table);
  const TableRow *lp = row_of(table, RowKind::lp), *lpft = row_of(table, RowKind::lpft),
                 *ft = best_fine_tuning(table);
  const auto variants = std::count_if(table.rows.begin(), table.rows.end(),
                                      [](const TableRow& r) { return r.kind == RowKind::ft; });
  const auto add = [&](const TableRow* a, const TableRow* b, const auto& first,
                       const auto& second) {
    if (!a || !b) return;
    sentences.push_back(sentence(printable(a->name), *a, printable(b->name), *b, first, second));
  };
  add(lpft, ft, ood, id);
  add(lpft, lp, ood, id);
  add(ft, lp, id, ood);
  if (ft && variants > 1) {
    sentences.push_back(printable(ft->name) + " stands for fine-tuning here: of the " +
                        std::to_string(variants) + " variants it is the best on held-out data.");
  }
}

std::string ledger_counts(const RunReport& report) {
  std::vector<std::string> kept;
  std::size_t candidates = 0;
  for (const auto& [seed, lines] : report.ledgers) {
    kept.push_back(std::to_string(std::count_if(
        lines.begin(), lines.end(), [](const LedgerLine& line) { return line.accepted; })));
    candidates = std::max(candidates, lines.size());
  }
  std::string text =
      "The greedy soup keeps " + join(kept, ", ") + " of " + std::to_string(candidates) + " runs";
  if (kept.size() > 1) text += " (one number a seed)";
  return text;
}

void add_soups(const RunReport& report, const ResultTable& table,
               std::vector<std::string>& sentences) {
  const auto ood = out_of_distribution(table), id = in_distribution(table);
  const TableRow* greedy = row_of(table, RowKind::soup, "greedy");
  const TableRow* best = row_of(table, RowKind::search, "best on held-out");
  const TableRow* ensemble = row_of(table, RowKind::ensemble);
  if (greedy && !report.ledgers.empty()) {
    sentences.push_back(ledger_counts(report) + " and costs one forward pass a picture.");
  }
  if (greedy && best) {
    const std::string single = "best single run on held-out data,";
    const std::string name = best->runs.size() == 1
                                 ? printable(best->runs.front()->name) + ", the " + single
                                 : "the " + single;
    sentences.push_back(sentence("The greedy soup", *greedy, name, *best, id, ood));
  }
  if (greedy && ensemble) {
    const std::string cost = std::to_string(ensemble->cost);
    sentences.push_back(
        sentence("The greedy soup", *greedy,
                 "the " + printable(ensemble->name) + " (" + cost + " forward passes a picture)",
                 *ensemble, id, ood));
  }
}

std::string best_by_held_out(const ResultTable& table) {
  const auto held_out = table.main_column(SetRole::held_out);
  for (const TableRow& row : table.rows) {
    if (held_out && row.cells[*held_out].value &&
        (row.cells[*held_out].best || table.rows.size() == 1)) {
      const std::string& name = row.runs.size() == 1 ? row.runs.front()->name : row.name;
      return "Highest on held-out data: " + printable(name) + ", " +
             percent(*row.cells[*held_out].value) + " %.";
    }
  }
  return table.rows.empty() ? "No model was evaluated." : "";
}

}  // namespace

std::vector<std::string> findings(const RunReport& report, const ResultTable& table) {
  std::vector<std::string> sentences;
  add_fine_tuning(table, sentences);
  add_soups(report, table, sentences);
  sentences.push_back(best_by_held_out(table));
  std::erase(sentences, "");
  return sentences;
}

}  // namespace stockpot
