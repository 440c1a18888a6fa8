/** Bundles the sources into the served files. Run it by `make tracker`; the results are committed. */

import { createHash } from 'node:crypto';
import { readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';
import { build } from 'esbuild';

const FOLDER = '../static/tracker/';
const [, version] = readFileSync('../pyproject.toml', 'utf8').match(/^version = "(.+)"$/m); // the product's

await bundle('pz.js', 'src', { format: 'iife', most: 8192 });
await bundle('conditions.js', 'src/conditions', { format: 'esm', most: 4096 });
await bundle('edge.js', 'src/edge', { format: 'esm', most: 5120, with: 'src/conditions' });

async function bundle(name, folder, { format, most, with: other }) {
  const { outputFiles: [{ text: code }] } = await build({
    entryPoints: [`${folder}/index.js`],
    bundle: true,
    minify: true,
    format,
    target: 'es2018', // newer syntax is translated, newer functions of browsers are not
    define: { VERSION: JSON.stringify(version) },
    write: false,
  });

  // Checked by tests/tracker/test_bundle.py: neither a change that was not built nor an edit of the result goes unseen.
  const hash = createHash('sha256');
  const sources = [other, folder].filter(Boolean).flatMap(
    place => readdirSync(place).filter(file => file.endsWith('.js')).sort().map(file => `${place}/${file}`),
  );
  for (const file of ['build.js', 'package-lock.json', ...sources]) hash.update(`${file}\n`).update(readFileSync(file));
  hash.update(code);

  const banner = `/*! ${name} ${version} | Apache-2.0 | sha256 of sources and code: ${hash.digest('hex')} */`;
  writeFileSync(FOLDER + name, `${banner}\n${code}`);
  console.log(`static/tracker/${name}: ${gzipSync(readFileSync(FOLDER + name)).length} bytes after gzip, ${most} allowed`);
}
