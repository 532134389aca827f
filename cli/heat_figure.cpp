#include "cli/heat_figure.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <set>

#include "stockpot/base/text.h"

namespace stockpot::cli {
namespace {

constexpr double kWidth = 760, kLeft = 78, kTop = 18, kBottom = 56, kBar = 120;
constexpr double kRoom = kWidth - kLeft - kBar;

std::string px(double value) { return fixed(value, 1); }

// Nine points of a scale from dark blue over green to yellow: equal steps look equal, also in grey.
struct Rgb {
  double red, green, blue;
};
constexpr std::array<Rgb, 9> kScale = {{{13, 8, 80},
                                        {52, 34, 120},
                                        {60, 72, 138},
                                        {44, 104, 140},
                                        {34, 136, 138},
                                        {44, 166, 118},
                                        {110, 192, 84},
                                        {184, 214, 52},
                                        {252, 232, 60}}};

std::string colour_of(double share) {
  const double place = std::clamp(share, 0.0, 1.0) * (kScale.size() - 1);
  const auto first = std::min(static_cast<std::size_t>(place), kScale.size() - 2);
  const double part = place - static_cast<double>(first);
  const auto mix = [&](double a, double b) { return std::lround(a + part * (b - a)); };
  const Rgb &a = kScale[first], &b = kScale[first + 1];
  constexpr const char* kDigits = "0123456789abcdef";
  std::string text = "#";
  for (const long part_of : {mix(a.red, b.red), mix(a.green, b.green), mix(a.blue, b.blue)}) {
    text += kDigits[part_of / 16];
    text += kDigits[part_of % 16];
  }
  return text;
}

struct Frame {
  double cell = 0, height = 0;  // of one cell; of the whole figure

  explicit Frame(const HeatFigure& figure)
      : cell(std::min(kRoom / static_cast<double>(figure.columns),
                      560 / static_cast<double>(figure.rows))),
        height(kTop + kBottom + cell * static_cast<double>(figure.rows)) {}
  double x(double place) const { return kLeft + (place + 0.5) * cell; }
  double y(double place) const { return height - kBottom - (place + 0.5) * cell; }
};

std::string text_at(double x, double y, const char* anchor, const std::string& text,
                    const std::string& more = "") {
  return "<text x=\"" + px(x) + "\" y=\"" + px(y) + "\" text-anchor=\"" + anchor + "\"" + more +
         ">" + escape_html(text) + "</text>\n";
}

std::string cells_svg(const HeatFigure& figure, const Frame& frame) {
  std::string svg;
  const double spread = figure.high > figure.low ? figure.high - figure.low : 1;
  for (std::size_t i = 0; i < figure.values.size(); ++i) {
    const double value = figure.values[i];
    if (!std::isfinite(value)) continue;
    const auto column = static_cast<double>(static_cast<std::int64_t>(i) % figure.columns);
    const auto row = static_cast<double>(static_cast<std::int64_t>(i) / figure.columns);
    // A little wider than the cell, so that no seam shows between two.
    svg += "<rect x=\"" + px(frame.x(column - 0.5)) + "\" y=\"" + px(frame.y(row + 0.5)) +
           "\" width=\"" + px(frame.cell + 0.3) + "\" height=\"" + px(frame.cell + 0.3) +
           "\" fill=\"" + colour_of((value - figure.low) / spread) + "\"";
    svg += i < figure.tips.size() ? "><title>" + escape_html(figure.tips[i]) + "</title></rect>\n"
                                  : "/>\n";
  }
  return svg;
}

std::string contours_svg(const HeatFigure& figure, const Frame& frame) {
  std::string path;
  for (const auto& [from, to] : figure.contours)
    path += "M" + px(frame.x(from.x)) + " " + px(frame.y(from.y)) + "L" + px(frame.x(to.x)) + " " +
            px(frame.y(to.y));
  if (path.empty()) return "";
  return "<path d=\"" + path +
         "\" fill=\"none\" stroke=\"#fff\" stroke-opacity=\"0.7\" stroke-width=\"1\"/>\n";
}

std::string marks_svg(const HeatFigure& figure, const Frame& frame) {
  std::string svg;
  for (const HeatMark& mark : figure.marks) {
    const double x = frame.x(mark.place.x), y = frame.y(mark.place.y);
    const bool at_end = mark.place.x > 0.7 * static_cast<double>(figure.columns);
    svg += "<circle cx=\"" + px(x) + "\" cy=\"" + px(y) +
           "\" r=\"5\" fill=\"#fff\" stroke=\"#000\" stroke-width=\"1.5\"/>\n" +
           text_at(x + (at_end ? -9 : 9), y - 8, at_end ? "end" : "start", mark.label,
                   " class=\"mark\"");
  }
  return svg;
}

// Up to five cells of a side, from its first to its last.
std::set<double> tick_cells(std::int64_t count) {
  std::set<double> cells;
  for (int i = 0; i <= 4; ++i) cells.insert(std::round(static_cast<double>(count - 1) * i / 4));
  return cells;
}

std::string axes_svg(const HeatFigure& figure, const Frame& frame) {
  std::string svg;
  if (figure.step > 0) {
    const auto label = [&](double start, double place) {
      return significant(start + figure.step * place, 3);
    };
    for (const double x : tick_cells(figure.columns))
      svg += text_at(frame.x(x), frame.height - kBottom + 18, "middle", label(figure.left, x));
    for (const double y : tick_cells(figure.rows))
      svg += text_at(kLeft - 8, frame.y(y) + 4, "end", label(figure.bottom, y));
  }
  const double right = kLeft + frame.cell * static_cast<double>(figure.columns);
  svg += text_at((kLeft + right) / 2, frame.height - 12, "middle", figure.x_label);
  const double middle = (kTop + frame.height - kBottom) / 2;
  return svg + text_at(16, middle, "middle", figure.y_label,
                       " transform=\"rotate(-90 16 " + px(middle) + ")\"");
}

std::string colour_bar(const HeatFigure& figure, const Frame& frame) {
  constexpr int kSteps = 48;
  const double x = kLeft + frame.cell * static_cast<double>(figure.columns) + 24;
  const double room = frame.height - kTop - kBottom;
  std::string svg;
  for (int i = 0; i < kSteps; ++i)
    svg += "<rect x=\"" + px(x) + "\" y=\"" + px(kTop + room * (kSteps - 1 - i) / kSteps) +
           "\" width=\"14\" height=\"" + px(room / kSteps + 0.3) + "\" fill=\"" +
           colour_of((i + 0.5) / kSteps) + "\"/>\n";
  for (int i = 0; i <= 4; ++i)
    svg += text_at(x + 20, kTop + room * (4 - i) / 4 + 4, "start",
                   significant(figure.low + (figure.high - figure.low) * i / 4, 3));
  return svg;
}

}  // namespace

std::string figure_html(const HeatFigure& figure) {
  const Frame frame(figure);
  return "<figure class=\"map\">\n<svg viewBox=\"0 0 " + px(kWidth) + " " + px(frame.height) +
         "\" role=\"img\" aria-label=\"" + escape_html(figure.caption) + "\">\n" +
         cells_svg(figure, frame) + contours_svg(figure, frame) + marks_svg(figure, frame) +
         axes_svg(figure, frame) + colour_bar(figure, frame) + "</svg>\n<figcaption>" +
         escape_html(figure.caption) + "</figcaption>\n</figure>\n";
}

}  // namespace stockpot::cli
