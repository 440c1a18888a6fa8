/** Prints the page: <button type="button" data-print>Print</button>. */

document.addEventListener('click', event => event.target.closest('[data-print]') && print());
