// The dashboard's charts, drawn from the numbers that the page carries; a chart without numbers has no place to draw.
(() => {
  const data = JSON.parse(document.getElementById("chart-data").textContent);
  const token = banyanToken, phone = matchMedia("(max-width: 767.98px)").matches;
  const draw = (id, option) => document.getElementById(id) && banyanChart(id, option);
  const grouped = (n) => n.toLocaleString("en-US");
  const bar = (name, values, more) => ({ type: "bar", name, data: values, barMaxWidth: 26, ...more });
  const grid = { left: 16, right: 16, top: 40, bottom: 10, containLabel: true };
  const counts = { type: "value", minInterval: 1, axisLabel: { formatter: grouped } };
  const legend = { top: 8, left: 16 };

  // the highest month is labelled, once, on the topmost segment
  const highest = data.totals.indexOf(Math.max(...data.totals));
  const top = (index) => ({
    itemStyle: { borderRadius: [3, 3, 0, 0] },
    label: { show: index === data.issued.length - 1 && data.totals[highest] > 0, position: "top", color: token("--by-ink"), fontSize: 12,
      formatter: (p) => (p.dataIndex === highest ? grouped(data.totals[highest]) : "") },
  });
  draw("chart-issued", {
    grid, legend,
    xAxis: { type: "category", data: data.months, axisLabel: { interval: phone ? 1 : 0 } }, yAxis: { ...counts, splitNumber: 4 },
    series: data.issued.map((one, index) => bar(one.name, one.values, { stack: "all", ...(index === data.issued.length - 1 ? top(index) : {}) })),
  });

  draw("chart-steps", {
    grid: { ...grid, right: 24 }, legend,
    xAxis: { ...counts, splitNumber: 4 },
    yAxis: { type: "category", inverse: true, axisLine: { show: false }, axisLabel: { color: token("--by-ink"), fontSize: 13 }, data: data.steps },
    series: [
      bar(data.words.in_time, data.in_time, { stack: "due", color: token("--c-1"), barMaxWidth: 20 }),
      bar(data.words.soon, data.soon, { stack: "due", color: token("--c-2"), barMaxWidth: 20 }),
      bar(data.words.late, data.late, { stack: "due", color: token("--by-bad"), barMaxWidth: 20 }),
    ],
  });

  draw("chart-expiring", {
    grid: { ...grid, top: 20 },
    xAxis: { type: "category", data: data.expiry_months }, yAxis: { ...counts, splitNumber: 3 },
    series: [bar(data.words.expiring, data.expiring, {
      color: token("--c-8"), itemStyle: { borderRadius: [3, 3, 0, 0] },
      label: { show: true, position: "top", color: token("--by-ink"), fontSize: 12, formatter: (p) => (p.value ? grouped(p.value) : "") },
    })],
  });
})();
