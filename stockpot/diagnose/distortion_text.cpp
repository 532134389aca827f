#include "stockpot/diagnose/distortion_text.h"

#include <algorithm>

#include "stockpot/base/text.h"
#include "stockpot/diagnose/reading.h"
#include "stockpot/diagnose/words.h"

namespace stockpot::diagnose {
namespace {

std::string with_interval(double value, const PercentileInterval& interval) {
  return three(value) + " [" + three(interval.low) + ", " + three(interval.high) + "]";
}

TitledTable movement_table(const Distortion& all) {
  TitledTable table{
      .title = "How far features moved from " + all.before(),
      .columns = {"model", "set", "n", "mean", "median", "/ norm", "/ spread", "/ sqrt d",
                  "ID / set", "CKA", "in ID span", "common"},
      .rows = {},
      .names = 2,
      .note =
          "mean, median: Euclidean distance of a picture's features before and after (test "
          "transform), with a 95 % bootstrap interval. / norm: mean over the mean norm before. "
          "/ spread: mean over the root mean square distance of two pictures before. / sqrt d: "
          "root mean square distance by the root of the dimension. ID / set: the paper "
          "predicts more than 1. CKA: linear, 1 is no change but rotation and scale. in ID "
          "span: share of the squared movement inside the span of ID's features before (rank " +
          std::to_string(all.id_rank) + " of " + std::to_string(all.features) + ", " +
          percent(all.id_share) +
          " of ID's variance). common: share of it that is one shift of all pictures."};
  for (std::size_t a = 0; a < all.afters(); ++a)
    for (const DistortionSet& set : all.sets) {
      const SetMovement& moved = set.movements[a];
      table.rows.push_back(
          {all.models[a + 1], set.name, grouped(set.rows),
           with_interval(moved.mean, moved.mean_interval), three(moved.median),
           percent(moved.over_norm), three(moved.over_spread), three(moved.per_dimension),
           moved.id_ratio ? with_interval(*moved.id_ratio, moved.id_ratio_interval) : "-",
           fixed(moved.cka, 4), percent(moved.inside), percent(moved.common_share)});
    }
  return table;
}

TitledTable span_table(const Distortion& all) {
  TitledTable table{
      .title = "Spans of features",
      .columns = {"model", "set", "rank", "in ID span", "cos to ID", "least cos", "mean shift",
                  "cos to before", "least cos", "angle"},
      .rows = {},
      .names = 2,
      .note =
          std::string("A span is ") +
          (all.span.rank ? "the " + std::to_string(*all.span.rank) +
                               " largest principal directions of the centred features"
                         : "the fewest principal directions of the centred features that hold " +
                               percent(all.span.share) + " of their variance") +
          ". in ID span: share of the set's variance inside the same model's ID span. cos to "
          "ID, to before: mean and least cosine of the principal angles to the same model's ID "
          "span, and to the span of " +
          all.before() +
          " on the same set; angle: the largest of the latter, in degrees. mean shift: from "
          "the mean of ID, over the root mean square distance of two ID pictures."};
  for (std::size_t m = 0; m < all.models.size(); ++m)
    for (const DistortionSet& set : all.sets) {
      const SetFeatures& features = set.models[m];
      std::vector<std::string> row = {all.models[m], set.name, std::to_string(features.rank),
                                      percent(features.share_in_id_span)};
      if (features.to_id) {
        row.push_back(fixed(features.to_id->mean_cosine, 3));
        row.push_back(fixed(features.to_id->smallest_cosine, 3));
        row.push_back(three(features.mean_shift));
      } else {
        row.insert(row.end(), 3, "-");
      }
      if (m > 0) {
        const SpanRelation& spans = set.movements[m - 1].spans;
        row.push_back(fixed(spans.mean_cosine, 3));
        row.push_back(fixed(spans.smallest_cosine, 3));
        row.push_back(fixed(spans.largest_degrees, 1));
      } else {
        row.insert(row.end(), 3, "-");
      }
      table.rows.push_back(std::move(row));
    }
  return table;
}

TitledTable class_table(const Distortion& all) {
  TitledTable table{
      .title = "Classes",
      .columns = {"model", "set", "between / within", "nearest ID mean", "accuracy",
                  "95 % interval", "head on features before"},
      .rows = {},
      .names = 2,
      .note =
          "between / within: scatter of the class means over the scatter around them. nearest "
          "ID mean: accuracy of the nearest class mean of the same model's ID features (on ID, "
          "each picture is left out of its own mean). accuracy: of the model's own head. head "
          "on features before: this head on the features of " +
          all.before() + "."};
  for (std::size_t m = 0; m < all.models.size(); ++m)
    for (const DistortionSet& set : all.sets) {
      const SetFeatures& features = set.models[m];
      const PercentileInterval& interval = features.accuracy_interval;
      table.rows.push_back(
          {all.models[m], set.name, features.separation ? three(*features.separation) : "-",
           percent(features.nearest_mean.share()),
           features.accuracy ? percent(features.accuracy->share()) : "-",
           features.accuracy ? percent(interval.low) + " to " + percent(interval.high) : "-",
           m > 0 ? percent(set.movements[m - 1].head_on_before.share()) : "-"});
    }
  return table;
}

TitledTable head_table(const Distortion& all) {
  TitledTable table{
      .title = "Heads",
      .columns = {"model", "norm", "cosine", "least class", "mean class", "change", "angle",
                  "BatchNorm"},
      .rows = {},
      .names = 1,
      .note = "norm: Frobenius, without the bias. cosine: of the flattened weights to those of " +
              all.before() +
              "; least and mean over the classes' rows. change: norm of the difference over the "
              "norm before. angle: the largest principal angle between the rows' spans, in "
              "degrees. \"-\": the heads are over different classes, or one is zero. BatchNorm: "
              "largest change of a running statistic; 0 when they were frozen."};
  for (std::size_t m = 0; m < all.models.size(); ++m) {
    const DistortionHead& head = all.heads[m];
    std::vector<std::string> row = {all.models[m], three(head.norm)};
    if (head.change) {
      const std::vector<double>& cosines = head.change->class_cosines;
      double sum = 0;
      for (const double cosine : cosines) sum += cosine;
      row.push_back(fixed(head.change->cosine, 4));
      row.push_back(fixed(*std::min_element(cosines.begin(), cosines.end()), 4));
      row.push_back(fixed(sum / static_cast<double>(cosines.size()), 4));
      row.push_back(percent(head.change->relative_change));
      row.push_back(fixed(head.change->largest_degrees, 1));
    } else {
      row.insert(row.end(), 5, "-");
    }
    const auto& statistics = all.statistics_changes[m];
    row.push_back(m > 0 && statistics ? three(*statistics) : "-");
    table.rows.push_back(std::move(row));
  }
  return table;
}

// A column a layer would be too wide for deep networks: a row a layer and model.
TitledTable layer_table(const Distortion& all) {
  TitledTable table{
      .title = "By layer: mean movement over the typical distance of two pictures, and CKA",
      .columns = {"model", "layer", "width"},
      .rows = {},
      .names = 2,
      .note =
          "Of a ResNet the maps averaged over the pixels, of a ViT the class token (of the stem "
          "the mean over the patches). / spread: mean Euclidean distance before and after over "
          "the root mean square distance of two pictures before, at the same layer. CKA: linear, "
          "with the same layer of " +
          all.before() + "."};
  for (const DistortionSet& set : all.sets) {
    table.columns.push_back(set.name + " / spread");
    table.columns.push_back("CKA");
  }
  for (std::size_t a = 0; a < all.afters(); ++a)
    for (std::size_t l = 0; l < all.layer_widths.size(); ++l) {
      std::vector<std::string> row = {all.models[a + 1],
                                      l == 0 ? "stem" : "block " + std::to_string(l),
                                      std::to_string(all.layer_widths[l])};
      for (const DistortionSet& set : all.sets) {
        row.push_back(three(set.layers[a][l].over_spread));
        row.push_back(fixed(set.layers[a][l].cka, 4));
      }
      table.rows.push_back(std::move(row));
    }
  return table;
}

std::string html_table(const TitledTable& table) {
  std::string text =
      "<h3>" + escape_html(table.title) + "</h3>\n<div class=\"scroll\"><table>\n<thead><tr>";
  for (const std::string& column : table.columns) text += "<th>" + escape_html(column) + "</th>";
  text += "</tr></thead>\n<tbody>\n";
  for (const std::vector<std::string>& row : table.rows) {
    text += "<tr>";
    for (const std::string& cell : row) text += "<td>" + escape_html(printable(cell)) + "</td>";
    text += "</tr>\n";
  }
  return text + "</tbody></table></div>\n<p class=\"note\">" + escape_html(printable(table.note)) +
         "</p>\n";
}

}  // namespace

std::vector<TitledTable> tables(const Distortion& distortion) {
  std::vector<TitledTable> all = {movement_table(distortion), span_table(distortion),
                                  class_table(distortion), head_table(distortion)};
  if (!distortion.layer_widths.empty()) all.push_back(layer_table(distortion));
  return all;
}

std::string distortion_text(const Distortion& distortion, std::size_t width) {
  std::string text;
  for (const TitledTable& table : tables(distortion))
    text += text_without_note(table, width) + "\n" + printable(table.note) + "\n\n";
  text += "What this shows\n\n";
  for (const std::string& sentence : reading(distortion)) text += "- " + printable(sentence) + "\n";
  return text;
}

std::string html_section(const Distortion& distortion) {
  std::string text =
      "<section id=\"distortion\">\n<h2>Feature distortion</h2>\n<ul class=\"findings\">\n";
  for (const std::string& sentence : reading(distortion))
    text += "<li>" + escape_html(printable(sentence)) + "</li>\n";
  text += "</ul>\n";
  for (const TitledTable& table : tables(distortion)) text += html_table(table);
  return text + "</section>\n";
}

}  // namespace stockpot::diagnose
