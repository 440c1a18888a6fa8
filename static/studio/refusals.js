/**
 * Refused events per day and reason, as bars (Chart.js); the same numbers stand in a table beside it.
 *
 *   <canvas data-refusals></canvas>  <script type="application/json" id="refusals-by-day">
 */

const COLOURS = ['error', 'secondary', 'primary', 'accent', 'info', 'warning', 'base-300'];
const canvas = document.querySelector('[data-refusals]');
const said = JSON.parse(document.getElementById('refusals-by-day').textContent);
let chart = null;

function draw() {
  const style = getComputedStyle(document.documentElement);
  const colour = name => style.getPropertyValue(`--color-${name}`).trim();
  const words = colour('base-content');
  const day = new Intl.DateTimeFormat(document.documentElement.lang || 'en', { day: 'numeric', month: 'short', timeZone: 'UTC' });
  chart?.destroy();
  chart = new Chart(canvas, {
    type: 'bar',
    data: {
      labels: said.days.map(each => day.format(new Date(each))),
      datasets: said.reasons.map((each, at) => ({ label: each.name, data: each.counts, backgroundColor: colour(COLOURS[at]) })),
    },
    options: {
      animation: false,
      maintainAspectRatio: false,
      plugins: { legend: { display: false } },
      scales: {
        x: { stacked: true, grid: { display: false }, ticks: { color: words, maxRotation: 0, autoSkipPadding: 12 } },
        y: { stacked: true, beginAtZero: true, ticks: { color: words, precision: 0, maxTicksLimit: 4 }, grid: { color: colour('base-300') } },
      },
    },
  });
}

draw();
new MutationObserver(draw).observe(document.documentElement, { attributes: true, attributeFilter: ['data-theme'] });
matchMedia('(prefers-color-scheme: dark)').addEventListener('change', draw);
