// Draws the charts of report.html from the numbers in #chart-data. Works from file://, loads
// nothing, and leaves the page as it is when Chart.js is missing.
"use strict";
(() => {
  const data = JSON.parse(document.getElementById("chart-data").textContent);
  if (typeof Chart === "undefined") return;
  const charts = [];

  const style = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const fade = (hex, alpha) => hex + Math.round(alpha * 255).toString(16).padStart(2, "0");
  const percent = (value, digits = 1) => value.toFixed(digits) + " %";
  // Tells colours apart for those who see few of them.
  const shapes = {zero_shot: "rectRounded", lp: "triangle", ft: "rect", lpft: "circle",
                  search: "circle", soup: "rectRot", ensemble: "star"};

  // Lines for the 95 % intervals, drawn below the marks: dataset.whiskers holds one
  // {x: [low, high], y: [low, high]} a point; either may be missing.
  const whiskers = {
    id: "whiskers",
    beforeDatasetsDraw(chart) {
      const ctx = chart.ctx, area = chart.chartArea;
      ctx.save();
      ctx.beginPath();
      ctx.rect(area.left, area.top, area.right - area.left, area.bottom - area.top);
      ctx.clip();
      if (chart.config.type === "scatter") drawWhiskers(chart);
      ctx.restore();
    },
    afterDatasetsDraw(chart) {
      if (chart.config.type === "bar") drawWhiskers(chart);
    },
  };

  function drawWhiskers(chart) {
    const ctx = chart.ctx;
    chart.data.datasets.forEach((dataset, index) => {
      if (!dataset.whiskers || !chart.isDatasetVisible(index)) return;
      ctx.strokeStyle = dataset.whiskerColor;
      ctx.lineWidth = 1.25;
      chart.getDatasetMeta(index).data.forEach((mark, i) => {
        const ends = dataset.whiskers[i];
        if (!ends) return;
        for (const axis of ["x", "y"]) {
          if (!ends[axis] || ends[axis][0] === null) continue;
          const [low, high] = ends[axis].map((end) => chart.scales[axis].getPixelForValue(end));
          ctx.beginPath();
          ctx.moveTo(axis === "x" ? low : mark.x, axis === "x" ? mark.y : low);
          ctx.lineTo(axis === "x" ? high : mark.x, axis === "x" ? mark.y : high);
          ctx.stroke();
        }
      });
    });
  }

  function axis(title, extra = {}) {
    return {
      title: {display: Boolean(title), text: title, color: style("--soft"), font: {size: 13}},
      grid: {color: style("--line"), borderColor: style("--line"), tickColor: style("--line")},
      border: {color: style("--line")},
      ticks: {color: style("--soft"), maxRotation: 40},
      ...extra,
    };
  }

  const legend = () => ({position: "bottom", labels: {color: style("--ink"), usePointStyle: true,
                                                      padding: 14}});

  function draw(id, config) {
    const canvas = document.getElementById(id);
    if (!canvas) return;
    config.options.responsive = true;
    config.options.maintainAspectRatio = false;
    config.options.animation = false;
    config.plugins = [whiskers];
    charts.push(new Chart(canvas, config));
  }

  // From the lowest to the highest interval end, and some air.
  function range(scatter, i, key) {
    let low = Infinity, high = -Infinity;
    for (const series of scatter.series) {
      for (const point of series.points) {
        const ends = series.kind !== "search" && point.low[i] !== null;
        low = Math.min(low, ends ? point.low[i] : point[key]);
        high = Math.max(high, ends ? point.high[i] : point[key]);
      }
    }
    const air = Math.max((high - low) * 0.06, 0.5);
    return {min: Math.max(0, Math.floor(low - air)), max: Math.min(100.5, Math.ceil(high + air))};
  }

  function drawScatter(scatter) {
    const datasets = scatter.series.map((series) => {
      const color = style("--" + series.kind);
      const crowd = series.kind === "search";
      return {
        label: series.label,
        data: series.points,
        whiskers: crowd ? null : series.points.map((p) => ({x: [p.low[0], p.high[0]],
                                                            y: [p.low[1], p.high[1]]})),
        whiskerColor: fade(color, 0.45),
        pointStyle: shapes[series.kind],
        radius: crowd ? 4 : 8,
        hoverRadius: crowd ? 6 : 10,
        order: crowd ? 1 : 0,
        borderWidth: 2,
        borderColor: color,
        // The second variant of a kind is hollow, the third half filled.
        backgroundColor: series.variant % 3 === 1 ? style("--card")
                         : fade(color, crowd || series.variant % 3 === 2 ? 0.4 : 1),
      };
    });
    draw("scatter", {
      type: "scatter",
      data: {datasets},
      options: {
        layout: {padding: 10},
        scales: {x: axis(scatter.x, range(scatter, 0, "x")),
                 y: axis(scatter.y, range(scatter, 1, "y"))},
        plugins: {
          legend: legend(),
          tooltip: {callbacks: {
            label: ({raw}) => [raw.name, "in distribution " + percent(raw.x),
                               "out of distribution " + percent(raw.y)],
          }},
        },
      },
    });
  }

  function drawBars(bars) {
    const datasets = bars.rows.map((row) => {
      const color = style("--" + row.kind);
      return {
        label: row.label,
        data: row.values,
        whiskers: row.low.map((low, i) => ({y: [low, row.high[i]]})),
        whiskerColor: style("--ink"),
        backgroundColor: fade(color, [0.95, 0.5, 0.25][row.variant % 3]),
        borderColor: color,
        borderWidth: 1,
        barPercentage: 0.92,
        categoryPercentage: 0.8,
        pointStyle: "rect",
      };
    });
    draw("bars", {
      type: "bar",
      data: {labels: bars.sets, datasets},
      options: {
        scales: {x: axis("", {ticks: {color: style("--soft"), autoSkip: false, maxRotation: 60}}),
                 y: axis("accuracy (%)", {beginAtZero: true, suggestedMax: 100})},
        plugins: {
          legend: legend(),
          tooltip: {callbacks: {label: (item) => {
            const row = bars.rows[item.datasetIndex], i = item.dataIndex;
            const interval = row.low[i] === null ? ""
                : ` (95 %: ${row.low[i].toFixed(1)} to ${row.high[i].toFixed(1)})`;
            return `${row.label}: ${percent(item.parsed.y)}${interval}`;
          }}},
        },
      },
    });
  }

  function drawLedger(points, index) {
    const soup = style("--soup"), left = style("--search");
    const marks = points.map((p) => (p.accepted ? soup : style("--card")));
    draw("ledger-" + index, {
      type: "line",
      data: {
        labels: points.map((p) => p.name),
        datasets: [
          {label: "soup", data: points.map((p) => p.soup), borderColor: soup, borderWidth: 2,
           stepped: "before", pointRadius: 0, pointHitRadius: 0, pointStyle: "line", order: 2},
          {label: "soup with the candidate (filled: kept)", data: points.map((p) => p.after),
           showLine: false, pointStyle: "rectRot", pointRadius: 7, pointHoverRadius: 9,
           pointBackgroundColor: marks, backgroundColor: soup, borderColor: soup,
           pointBorderWidth: 2, order: 0},
          {label: "candidate alone", data: points.map((p) => p.alone), showLine: false,
           pointStyle: "circle", pointRadius: 4, borderColor: left, backgroundColor: left,
           order: 1},
        ],
      },
      options: {
        interaction: {mode: "index", intersect: false},
        scales: {x: axis("candidates, best alone first", {offset: true}), y: axis("held-out accuracy (%)",
                                                                 {grace: "10%"})},
        plugins: {
          legend: legend(),
          tooltip: {callbacks: {
            label: (item) => `${item.dataset.label.split(" (")[0]}: ${percent(item.parsed.y, 2)}`,
            footer: (items) => points[items[0].dataIndex].reason,
          }},
        },
      },
    });
  }

  // Accuracy on every set against the probe's penalty; the choice has the larger marks.
  function drawProbe(probe) {
    const others = ["ft", "lpft", "soup", "ensemble", "zero_shot", "search"];
    // Powers of ten alone, on a grid of some decades.
    const wide = probe.c[probe.c.length - 1] > 100 * probe.c[0];
    const power = (value) => {
      const text = value.toExponential(0);
      return wide && !text.startsWith("1") ? null : text;
    };
    let ood = 0;
    const datasets = probe.lines.map((line) => {
      const color = style("--" + (line.role === "ood" ? others[ood++ % others.length] : "lp"));
      return {
        label: line.label,
        data: line.values.map((value, i) => ({x: probe.c[i], y: value})),
        borderColor: color,
        backgroundColor: color,
        borderWidth: 2,
        borderDash: line.role === "id_test" ? [6, 4] : [],
        pointRadius: line.values.map((_, i) => (i === probe.chosen ? 6 : 1.5)),
        pointStyle: line.role === "held_out" ? "triangle" : "circle",
      };
    });
    draw("probe-path", {
      type: "line",
      data: {datasets},
      options: {
        interaction: {mode: "index", intersect: false},
        scales: {x: axis("C (larger: weaker penalty)",
                         {type: "logarithmic", ticks: {color: style("--soft"), callback: power}}),
                 y: axis("accuracy (%)", {grace: "5%"})},
        plugins: {
          legend: legend(),
          tooltip: {callbacks: {
            title: (items) => "C = " + probe.c[items[0].dataIndex].toExponential(2)
                + (items[0].dataIndex === probe.chosen ? ", chosen on held-out data" : ""),
            label: (item) => `${item.dataset.label}: ${percent(item.parsed.y, 2)}`,
          }},
        },
      },
    });
  }

  function drawAll() {
    while (charts.length) charts.pop().destroy();
    Chart.defaults.font.family = getComputedStyle(document.body).fontFamily;
    if (data.scatter) drawScatter(data.scatter);
    drawBars(data.bars);
    data.ledgers.forEach(drawLedger);
    if (data.probe) drawProbe(data.probe);
  }

  drawAll();
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", drawAll);
})();
