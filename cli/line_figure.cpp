#include "cli/line_figure.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "stockpot/base/text.h"

namespace stockpot::cli {
namespace {

constexpr double kWidth = 760, kHeight = 420, kLeft = 78, kRight = 20, kTop = 44, kBottom = 56;

std::string px(double value) { return fixed(value, 1); }

// One axis: values to places between `from` and `to`.
class Axis {
 public:
  Axis(bool log, double low, double high, double from, double to)
      : log_(log), low_(scaled(low)), high_(scaled(high)), from_(from), to_(to) {
    const double room = high_ > low_ ? 0.03 * (high_ - low_) : 0.5;
    low_ -= room;
    high_ += room;
  }

  double place(double value) const {
    return from_ + (scaled(value) - low_) / (high_ - low_) * (to_ - from_);
  }

  bool holds(double value) const { return scaled(value) >= low_ && scaled(value) <= high_; }

  // Up to about eight round values inside.
  std::vector<double> ticks() const {
    std::vector<double> values;
    const double decades = high_ - low_;
    if (!log_ || decades < 0.7) {
      const double low = unscaled(low_), high = unscaled(high_);
      const double step = round_step((high - low) / 6);
      // Adding 0 turns -0 into 0.
      for (double i = std::ceil(low / step); i * step <= high; ++i)
        values.push_back(i * step + 0.0);
      return values;
    }
    const double step = std::ceil(decades / 8);
    for (double power = std::floor(low_ / step) * step; power <= high_; power += step)
      for (const double factor : {1.0, 2.0, 5.0})
        if (const double value = factor * std::pow(10, power);
            (factor == 1 || decades < 2.5) && scaled(value) >= low_ && scaled(value) <= high_)
          values.push_back(value);
    return values;
  }

  static std::string text(double tick) {
    if (tick == 0 || (std::abs(tick) >= 1e-4 && std::abs(tick) < 1e5)) return significant(tick, 3);
    return "1e" + std::to_string(std::lround(std::log10(tick)));
  }

 private:
  double scaled(double value) const { return log_ ? std::log10(value) : value; }
  double unscaled(double value) const { return log_ ? std::pow(10, value) : value; }
  // 1, 2 or 5 times a power of ten, at least `least`.
  static double round_step(double least) {
    const double power = std::pow(10, std::floor(std::log10(least)));
    for (const double factor : {1.0, 2.0, 5.0})
      if (factor * power >= least) return factor * power;
    return 10 * power;
  }

  bool log_;
  double low_, high_, from_, to_;
};

std::string text_at(double x, double y, const char* anchor, const std::string& text,
                    const std::string& more = "") {
  return "<text x=\"" + px(x) + "\" y=\"" + px(y) + "\" text-anchor=\"" + anchor + "\"" + more +
         ">" + escape_html(text) + "</text>\n";
}

std::string grid_line(double x1, double y1, double x2, double y2) {
  return "<line x1=\"" + px(x1) + "\" y1=\"" + px(y1) + "\" x2=\"" + px(x2) + "\" y2=\"" + px(y2) +
         "\" stroke=\"var(--line)\"/>\n";
}

// The figure's own ticks as far as they lie on the axis, or round numbers.
std::vector<FigureTick> ticks_of(const std::vector<FigureTick>& own, const Axis& axis) {
  std::vector<FigureTick> ticks;
  for (const FigureTick& tick : own)
    if (axis.holds(tick.first)) ticks.push_back(tick);
  if (own.empty())
    for (const double tick : axis.ticks()) ticks.emplace_back(tick, Axis::text(tick));
  return ticks;
}

std::string axes(const LineFigure& figure, const Axis& x, const Axis& y) {
  std::string svg;
  for (const auto& [tick, label] : ticks_of(figure.x_ticks, x)) {
    svg += grid_line(x.place(tick), kTop, x.place(tick), kHeight - kBottom);
    svg += text_at(x.place(tick), kHeight - kBottom + 18, "middle", label);
  }
  for (const auto& [tick, label] : ticks_of(figure.y_ticks, y)) {
    svg += grid_line(kLeft, y.place(tick), kWidth - kRight, y.place(tick));
    svg += text_at(kLeft - 8, y.place(tick) + 4, "end", label);
  }
  svg += text_at((kLeft + kWidth - kRight) / 2, kHeight - 12, "middle", figure.x_label);
  const double middle = (kTop + kHeight - kBottom) / 2;
  svg += text_at(16, middle, "middle", figure.y_label,
                 " transform=\"rotate(-90 16 " + px(middle) + ")\"");
  return svg;
}

std::string legend(const LineFigure& figure) {
  std::string svg;
  double x = kLeft;
  for (const FigureLine& line : figure.lines) {
    if (line.label.empty()) continue;
    if (!line.joined)
      svg += "<circle cx=\"" + px(x + 11) + "\" cy=\"20\" r=\"3.5\" fill=\"var(--" + line.colour +
             ")\"/>\n";
    else
      svg += "<line x1=\"" + px(x) + "\" y1=\"20\" x2=\"" + px(x + 22) +
             "\" y2=\"20\" stroke-width=\"2.5\" stroke=\"var(--" + line.colour + ")\"" +
             (line.dashed ? " stroke-dasharray=\"5 4\"" : "") + "/>\n";
    svg += text_at(x + 28, 24, "start", line.label);
    x += 52 + 7.2 * static_cast<double>(line.label.size());
  }
  return svg;
}

std::string line_svg(const FigureLine& line, const Axis& x, const Axis& y) {
  std::string places, dots;
  for (std::size_t i = 0; i < line.points.size(); ++i) {
    const auto& [across, up] = line.points[i];
    const std::string place = px(x.place(across)) + "," + px(y.place(up));
    const std::string tip = i < line.tips.size()
                                ? line.tips[i]
                                : line.label + ": " + shortest(across) + ", " + significant(up, 4);
    places += (places.empty() ? "" : " ") + place;
    if (!line.marks) continue;
    dots += "<circle cx=\"" + px(x.place(across)) + "\" cy=\"" + px(y.place(up)) +
            "\" r=\"3.5\" fill=\"var(--" + line.colour + ")\"><title>" + escape_html(tip) +
            "</title></circle>\n";
  }
  if (!line.joined) return dots;
  return "<polyline points=\"" + places + "\" fill=\"none\" stroke-width=\"2\" stroke=\"var(--" +
         line.colour + ")\"" + (line.dashed ? " stroke-dasharray=\"5 4\"" : "") + "/>\n" + dots;
}

// What can be drawn of the lines.
std::vector<FigureLine> drawable(const LineFigure& figure) {
  std::vector<FigureLine> lines = figure.lines;
  for (FigureLine& line : lines) {
    for (auto& point : line.points)
      if (figure.floor) point.second = std::max(point.second, *figure.floor);
    FigureLine kept = line;
    kept.points.clear();
    kept.tips.clear();
    for (std::size_t i = 0; i < line.points.size(); ++i) {
      const auto& [across, up] = line.points[i];
      if (!std::isfinite(across) || !std::isfinite(up) || (figure.log_x && !(across > 0)) ||
          (figure.log_y && !(up > 0)))
        continue;
      kept.points.push_back(line.points[i]);
      if (i < line.tips.size()) kept.tips.push_back(line.tips[i]);
    }
    line = std::move(kept);
  }
  std::erase_if(lines, [](const FigureLine& line) { return line.points.empty(); });
  return lines;
}

}  // namespace

std::string figure_html(const LineFigure& figure) {
  LineFigure shown = figure;
  shown.lines = drawable(figure);
  if (shown.lines.empty()) return "";
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  double x_low = kInfinity, x_high = -kInfinity, y_low = kInfinity, y_high = -kInfinity;
  for (const FigureLine& line : shown.lines)
    for (const auto& [across, up] : line.points) {
      x_low = std::min(x_low, across), x_high = std::max(x_high, across);
      y_low = std::min(y_low, up), y_high = std::max(y_high, up);
    }
  const Axis x(figure.log_x, x_low, x_high, kLeft, kWidth - kRight);
  const Axis y(figure.log_y, y_low, y_high, kHeight - kBottom, kTop);
  std::string svg = axes(shown, x, y) + legend(shown);
  for (const FigureLine& line : shown.lines) svg += line_svg(line, x, y);
  return "<figure class=\"lines\">\n<svg viewBox=\"0 0 " + px(kWidth) + " " + px(kHeight) +
         "\" role=\"img\" aria-label=\"" + escape_html(figure.caption) + "\">\n" + svg +
         "</svg>\n<figcaption>" + escape_html(figure.caption) + "</figcaption>\n</figure>\n";
}

}  // namespace stockpot::cli
