#include "cli/model_choice.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "stockpot/base/error.h"
#include "stockpot/base/text.h"
#include "stockpot/checkpoint/name_block.h"
#include "stockpot/checkpoint/weights_file.h"
#include "stockpot/data/csv.h"

namespace stockpot::cli {
namespace {

double number_of(const std::string& text, const std::string& where) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || !std::isfinite(value))
    throw FormatError(where + ": '" + printable(text) + "' is no finite number");
  return value;
}

// The metric of each model from a table: its column 'model' names a model by path, file name or
// stem.
std::vector<double> table_metrics(const fs::path& file, const std::string& column,
                                  const std::vector<fs::path>& models) {
  const CsvTable table = read_csv(file);
  const std::size_t name = table.column("model");
  const std::size_t metric = table.column(column);
  std::vector<double> values;
  for (const fs::path& model : models) {
    std::vector<const CsvTable::Row*> rows;
    for (const CsvTable::Row& row : table.rows) {
      const fs::path wanted = row.fields[name];
      if (wanted == model || wanted == model.filename() || wanted == model.stem())
        rows.push_back(&row);
    }
    if (rows.size() != 1)
      throw FormatError(file,
                        (rows.empty() ? "no row for the model '" : "several rows for the model '") +
                            printable(model.string()) + "' in column 'model'");
    values.push_back(
        number_of(rows.front()->fields[metric],
                  printable(file.native()) + ":" + std::to_string(rows.front()->line)));
  }
  return values;
}

// The number that the training program stored beside the tensors.
std::vector<double> stored_metrics(const MergeRequest& request,
                                   const std::vector<fs::path>& models) {
  const std::string wanted = request.metric.empty() ? "metric" : request.metric;
  std::vector<double> values;
  for (const fs::path& model : models) {
    OpenOptions options = request.open.options();
    options.data = false;
    const Checkpoint checkpoint = Checkpoint::open(model, options);
    const auto place = checkpoint.scalars().find(wanted);
    if (place == checkpoint.scalars().end() || !place->second.number) {
      std::string known;
      for (const auto& [name, scalar] : checkpoint.scalars())
        if (scalar.number) known += (known.empty() ? "" : ", ") + printable(name);
      throw FormatError(model, "no number '" + printable(wanted) + "' is stored here" +
                                   (known.empty() ? "" : " (there are: " + known + ")") +
                                   "; name another one with --metric or give a table with "
                                   "--metrics");
    }
    if (!std::isfinite(*place->second.number))
      throw FormatError(model, "the stored number '" + printable(wanted) + "' is not finite");
    values.push_back(*place->second.number);
  }
  return values;
}

std::vector<fs::path> best_models(const MergeRequest& request,
                                  const std::vector<fs::path>& models) {
  const std::vector<double> values =
      request.metrics.empty()
          ? stored_metrics(request, models)
          : table_metrics(request.metrics, request.metric.empty() ? "metric" : request.metric,
                          models);
  std::vector<std::size_t> order(models.size());
  for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
  std::ranges::stable_sort(order, [&](std::size_t a, std::size_t b) {
    return request.minimize ? values[a] < values[b] : values[a] > values[b];
  });
  std::vector<fs::path> best;
  for (std::size_t i = 0; i < static_cast<std::size_t>(request.best); ++i)
    best.push_back(models[order[i]]);
  return best;
}

void sort_naturally(std::vector<fs::path>& models) {
  std::ranges::sort(models, [](const fs::path& a, const fs::path& b) {
    return natural_less(a.native(), b.native());
  });
}

std::vector<fs::path> valley(const MergeRequest& request, const std::vector<fs::path>& models) {
  const std::vector<double> losses =
      table_metrics(request.swad, request.metric.empty() ? "loss" : request.metric, models);
  const auto window = swad_window(losses, request.swad_options);
  if (!window)
    throw FormatError(request.swad,
                      "no loss is the least of " +
                          std::to_string(request.swad_options.start_patience) +
                          " from it on: there is no valley to average over (--last averages the "
                          "end of a run)");
  return {models.begin() + static_cast<std::ptrdiff_t>(window->first),
          models.begin() + static_cast<std::ptrdiff_t>(window->last) + 1};
}

}  // namespace

std::vector<fs::path> chosen_models(const MergeRequest& request) {
  std::vector<fs::path> models;
  for (const fs::path& path : request.models) {
    std::error_code ignored;
    std::vector<fs::path> found;
    if (fs::is_directory(path, ignored)) found = checkpoints_in(path);
    if (found.empty()) found = {path};
    models.insert(models.end(), found.begin(), found.end());
  }
  if (request.command == "interpolate" && models.size() != 2)
    throw UsageError("interpolate needs two models, got " + std::to_string(models.size()));
  if (request.last > 0 && request.best > 0)
    throw UsageError("--last and --best contradict each other");
  const auto wanted = static_cast<std::size_t>(std::max(request.last, request.best));
  if (wanted > models.size())
    throw UsageError("--" + std::string(request.last > 0 ? "last " : "best ") +
                     std::to_string(wanted) + " of " + std::to_string(models.size()) + " models");
  if (request.best > 0) return best_models(request, models);
  if (request.ema || !request.swad.empty()) sort_naturally(models);
  if (!request.swad.empty()) return valley(request, models);
  if (request.last == 0) return models;
  sort_naturally(models);
  return {models.end() - request.last, models.end()};
}

}  // namespace stockpot::cli
