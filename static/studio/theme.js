/** Light or dark: the choice is kept in a cookie, so that the server draws the page in it from the start. */

const YEAR_S = 31_536_000;
const root = document.documentElement;

document.addEventListener('click', event => {
  if (!event.target.closest('[data-theme-switch]')) return;
  const dark = root.dataset.theme ? root.dataset.theme === 'dark' : matchMedia('(prefers-color-scheme: dark)').matches;
  root.dataset.theme = dark ? 'light' : 'dark';
  document.cookie = `pz_theme=${root.dataset.theme}; path=/; max-age=${YEAR_S}; samesite=lax`;
});
