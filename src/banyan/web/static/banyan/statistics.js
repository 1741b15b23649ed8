// Finished requests by month, stacked by issuing system; drawn from the numbers that the page carries.
(() => {
  const data = JSON.parse(document.getElementById("chart-data").textContent);
  const phone = matchMedia("(max-width: 767.98px)").matches;
  if (!document.getElementById("chart-finished")) return;
  banyanChart("chart-finished", {
    grid: { left: 16, right: 16, top: 40, bottom: 10, containLabel: true }, legend: { top: 8, left: 16 },
    xAxis: { type: "category", data: data.months, axisLabel: { interval: phone ? 1 : 0 } },
    yAxis: { type: "value", minInterval: 1, splitNumber: 4, axisLabel: { formatter: (n) => n.toLocaleString("en-US") } },
    series: data.series.map((one) => ({ type: "bar", name: one.name, data: one.values, stack: "all", barMaxWidth: 26 })),
  });
})();
