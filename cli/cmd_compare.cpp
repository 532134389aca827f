// compare: differences of methods within a run, or of runs, from results.json and stored logits.
#include "cli/cmd_compare.h"

#include <algorithm>
#include <iostream>

#include "cli/terminal.h"
#include "cli/torch_commands.h"
#include "stockpot/base/error.h"
#include "stockpot/base/text.h"
#include "stockpot/pipeline/stored_right.h"

namespace stockpot::cli {
namespace {

struct OpenRun {
  fs::path folder;
  RunReport report;
  std::vector<MethodSummary> methods;
  RightOf right;
};

std::vector<OpenRun> open_runs(const std::vector<fs::path>& folders) {
  std::vector<OpenRun> runs;
  for (const fs::path& folder : folders)
    runs.push_back({folder, read_report(folder), {}, stored_right(folder)});
  for (OpenRun& run : runs) run.methods = summarise(run.report);
  return runs;
}

bool is_called(const MethodSummary& method, const std::string& name) {
  return method.method == name || method.name == name;
}

const MethodSummary& find_method(const OpenRun& run, const std::string& name) {
  std::vector<std::string> known;
  for (const MethodSummary& method : run.methods) {
    if (is_called(method, name)) return method;
    known.push_back(method.method);
  }
  const std::string near = nearest(name, known);
  throw UsageError(printable(run.folder.string()) + " has no method '" + printable(name) + "'" +
                   (near.empty() ? "" : "; did you mean '" + printable(near) + "'?") +
                   " It has: " + printable(join(known, ", ")));
}

// Those that --method names, or all but the runs of a search, which have no counterparts.
std::vector<const MethodSummary*> wanted_of(const OpenRun& run, const CompareArgs& args) {
  std::vector<const MethodSummary*> wanted;
  for (const std::string& name : args.methods) wanted.push_back(&find_method(run, name));
  if (args.methods.empty())
    for (const MethodSummary& method : run.methods)
      if (method.kind != RowKind::search) wanted.push_back(&method);
  return wanted;
}

std::string name_in(const OpenRun& run, const MethodSummary& method) {
  return run.folder.lexically_normal().string() + ": " + method.name;
}

// The sets of the first run that the other has too, with as many pictures.
std::vector<ReportedSet> common_sets(const OpenRun& first, const OpenRun& other) {
  std::vector<ReportedSet> sets;
  for (const ReportedSet& set : first.report.sets)
    if (std::ranges::any_of(other.report.sets, [&](const ReportedSet& one) {
          return one.name == set.name && one.role == set.role && one.rows == set.rows;
        }))
      sets.push_back(set);
  if (sets.empty())
    throw UsageError(printable(other.folder.string()) + " and " + printable(first.folder.string()) +
                     " have no set of the same name and size in common");
  return sets;
}

std::vector<MethodComparison> compare_within(const OpenRun& run, const CompareArgs& args) {
  if (args.against.empty() && args.methods.empty()) return compare_methods(run.report, run.right);
  if (args.against.empty())
    throw UsageError("--method within one run needs --against: what to compare with");
  const MethodSummary& against = find_method(run, args.against);
  std::vector<MethodComparison> comparisons;
  for (const MethodSummary* method : wanted_of(run, args))
    if (method != &against)
      comparisons.push_back(compare_sides({method->name, method->runs, run.right},
                                          {against.name, against.runs, run.right},
                                          run.report.sets));
  return comparisons;
}

std::vector<MethodComparison> compare_runs(const std::vector<OpenRun>& runs,
                                           const CompareArgs& args) {
  const OpenRun& first = runs.front();
  std::vector<MethodComparison> comparisons;
  for (auto run = runs.begin() + 1; run != runs.end(); ++run) {
    const std::vector<ReportedSet> sets = common_sets(first, *run);
    for (const MethodSummary* method : wanted_of(*run, args)) {
      const std::string& name = args.against.empty() ? method->method : args.against;
      const auto other = std::ranges::find_if(
          first.methods, [&](const MethodSummary& one) { return is_called(one, name); });
      // Methods that only one run has are left out, unless they were asked for.
      if (other == first.methods.end()) {
        if (!args.methods.empty() || !args.against.empty()) find_method(first, name);
        continue;
      }
      comparisons.push_back(compare_sides({name_in(*run, *method), method->runs, run->right},
                                          {name_in(first, *other), other->runs, first.right},
                                          sets));
    }
  }
  return comparisons;
}

// Names of methods and runs are long: above the table, not in it.
TitledTable without_names(const MethodComparison& comparison) {
  TitledTable table = comparison_table({comparison});
  table.title = comparison.first + " - " + comparison.second;
  table.columns.erase(table.columns.begin());
  for (std::vector<std::string>& row : table.rows) row.erase(row.begin());
  table.names = 1;
  return table;
}

}  // namespace

int cmd_compare(const CompareArgs& args, const CommandLine& line) {
  const std::vector<OpenRun> runs = open_runs(args.runs);
  const std::vector<MethodComparison> comparisons =
      runs.size() == 1 ? compare_within(runs.front(), args) : compare_runs(runs, args);
  if (comparisons.empty())
    throw UsageError(
        "nothing to compare: no two methods of fine-tuning, or none that the runs "
        "have in common");
  if (line.json) {
    Json list = Json::array(), folders = Json::array();
    for (const MethodComparison& one : comparisons) list.push(to_json(one));
    for (const OpenRun& run : runs) folders.push(printable(run.folder.string()));
    std::cout << Json::object({{"schema_version", 1},
                               {"kind", "comparison"},
                               {"runs", folders},
                               {"comparisons", list}})
                     .dump(2)
              << "\n";
    return 0;
  }
  for (const OpenRun& run : runs)
    if (!run.report.out_of_protocol.empty())
      std::cout << printable(run.folder.string()) << ": " << printable(run.report.out_of_protocol)
                << "\n\n";
  for (const MethodComparison& one : comparisons) {
    TitledTable table = without_names(one);
    if (&one != &comparisons.back()) table.note.clear();
    std::cout << text_of(table, static_cast<std::size_t>(terminal_width())) << "\n";
  }
  return 0;
}

}  // namespace stockpot::cli
