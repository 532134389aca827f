# The style and the scripts of report.html, and Chart.js, which draws its charts.

find_file(STOCKPOT_CHART_JS NAMES chart.min.js chart.umd.js chart.umd.min.js Chart.min.js
  PATHS /usr/share/javascript/chart.js /usr/local/share/javascript/chart.js NO_DEFAULT_PATH
  DOC "Chart.js 3 or 4, one file that defines the global Chart")
if(NOT STOCKPOT_CHART_JS OR NOT EXISTS ${STOCKPOT_CHART_JS})
  message(FATAL_ERROR "Chart.js was not found. Install it (Debian: apt install libjs-chart.js), "
    "or point the cache variable STOCKPOT_CHART_JS to a copy of chart.min.js (version 3) or "
    "chart.umd.js (version 4): cmake -DSTOCKPOT_CHART_JS=/path/to/chart.umd.js")
endif()

stockpot_embed(stockpot_report kChartJs ${STOCKPOT_CHART_JS})
stockpot_embed(stockpot_report kReportCss ${CMAKE_SOURCE_DIR}/stockpot/report/assets/report.css)
stockpot_embed(stockpot_report kReportJs ${CMAKE_SOURCE_DIR}/stockpot/report/assets/report.js)
