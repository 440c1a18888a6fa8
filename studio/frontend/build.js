/** Builds what /studio/ serves and nobody writes by hand. Run it by `make studio`; the results are committed. */

import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';
import { build } from 'esbuild';

const FOLDER = '../../static/studio/';
const FONTS = ['inter-latin-wght-normal.woff2', 'inter-latin-ext-wght-normal.woff2'];

for (const folder of ['vendor', 'fonts']) mkdirSync(FOLDER + folder, { recursive: true });

execFileSync('node_modules/.bin/tailwindcss', ['-i', 'studio.css', '-o', `${FOLDER}studio.css`, '--minify'], {
  stdio: ['ignore', 'ignore', 'inherit'],
});
copyFileSync('node_modules/htmx.org/dist/htmx.min.js', `${FOLDER}vendor/htmx.js`);
copyFileSync('node_modules/chart.js/dist/chart.umd.min.js', `${FOLDER}vendor/chart.js`);
for (const font of FONTS) copyFileSync(`node_modules/@fontsource-variable/inter/files/${font}`, `${FOLDER}fonts/${font}`);
writeFileSync(`${FOLDER}icons.svg`, drawIcons(readFileSync('icons.txt', 'utf8').split(/\s+/).filter(Boolean)));
await build({
  entryPoints: ['code.js'], // the editor of blocks
  outfile: `${FOLDER}vendor/code.js`,
  bundle: true,
  minify: true,
  format: 'esm',
  target: 'es2020',
});

for (const file of ['studio.css', 'icons.svg', 'vendor/htmx.js', 'vendor/chart.js', 'vendor/code.js']) {
  console.log(`static/studio/${file}: ${gzipSync(readFileSync(FOLDER + file)).length} bytes after gzip`);
}

/** One file of symbols: `<use href="icons.svg#copy">` draws one of them. */
function drawIcons(names) {
  const symbols = [...new Set(names)].sort().map(name => {
    const svg = readFileSync(`node_modules/lucide-static/icons/${name}.svg`, 'utf8');
    const shapes = svg.slice(svg.indexOf('>', svg.indexOf('<svg')) + 1, svg.lastIndexOf('</svg>'));
    return `<symbol id="${name}" viewBox="0 0 24 24">${shapes.replace(/\s*\n\s*/g, '')}</symbol>`;
  });
  return `<!-- Lucide, ISC licence, lucide.dev -->\n<svg xmlns="http://www.w3.org/2000/svg">\n${symbols.join('\n')}\n</svg>\n`;
}
