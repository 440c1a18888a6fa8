/**
 * Shows only those rows of a table that hold the typed words, without asking the server.
 *
 *   <input data-sift="#rows">  <tbody id="rows">
 */

document.addEventListener('input', event => {
  const into = event.target.dataset?.sift;
  if (!into) return;
  const words = event.target.value.toLowerCase().split(/\s+/).filter(Boolean);
  for (const row of document.querySelector(into).rows) {
    const text = row.textContent.toLowerCase();
    row.hidden = !words.every(word => text.includes(word));
  }
});
