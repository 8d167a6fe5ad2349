// Draws what the page holds as JSON; the tables beside the charts have the same figures. Tooltips are drawn, not written as markup: the content policy allows no inline style.
"use strict";
(() => {
  const source = document.getElementById("charts");
  if (!source || !window.echarts) return;
  const style = getComputedStyle(document.documentElement);
  const colour = (name) => style.getPropertyValue(name).trim();
  const palette = ["#3b82c4", "#2f9e5b", "#d69a1c", "#cf3f3f", "#7b61b5", "#2a9d9d", "#b0678f", "#8b97a3"];
  const drawn = new Map();
  for (const chart of JSON.parse(source.textContent)) {
    const place = document.querySelector(`[data-chart="${chart.name}"]`);
    if (!place) continue;
    const made = window.echarts.init(place);
    const written = new Intl.NumberFormat(chart.language, { maximumFractionDigits: 1 });
    made.setOption({
      animation: false,
      color: palette,
      backgroundColor: colour("--paper"),
      textStyle: { fontFamily: "inherit", color: colour("--ink") },
      tooltip: { trigger: "axis", renderMode: "richText", valueFormatter: (value) => (value == null ? "—" : `${written.format(value)} ${chart.unit}`) },
      legend: { show: chart.series.length > 1, bottom: 0, type: "scroll", textStyle: { color: colour("--ink") } },
      grid: { left: 8, right: 16, top: 28, bottom: chart.series.length > 1 ? 34 : 8, containLabel: true },
      xAxis: { type: "category", data: chart.starts, axisLabel: { color: colour("--soft") } },
      yAxis: { type: "value", name: chart.unit, max: chart.unit === "%" ? 100 : null, nameTextStyle: { color: colour("--soft") }, axisLabel: { color: colour("--soft"), formatter: (value) => written.format(value) }, splitLine: { lineStyle: { color: colour("--rule") } } },
      series: chart.series.map((one) => ({ name: one.name, type: chart.kind === "line" ? "line" : "bar", stack: chart.kind === "stack" ? "all" : undefined, data: one.values, barMaxWidth: 38, symbolSize: 7 })),
    });
    drawn.set(chart.name, made);
  }
  window.addEventListener("resize", () => { for (const made of drawn.values()) made.resize(); });
  for (const button of document.querySelectorAll("[data-picture]")) button.addEventListener("click", () => {
    const link = document.createElement("a");
    link.href = drawn.get(button.dataset.picture).getDataURL({ pixelRatio: 2, backgroundColor: "#fff" });
    link.download = `${button.dataset.picture}.png`;
    link.click();
  });
})();
