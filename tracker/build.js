/** Bundles src/ into the served file. Run it by `make tracker`; the result is committed. */

import { createHash } from 'node:crypto';
import { readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';
import { build } from 'esbuild';

const TARGET = '../static/tracker/pz.js';
const [, version] = readFileSync('../pyproject.toml', 'utf8').match(/^version = "(.+)"$/m); // the product's

const { outputFiles: [{ text: code }] } = await build({
  entryPoints: ['src/index.js'],
  bundle: true,
  minify: true,
  format: 'iife',
  target: 'es2018', // newer syntax is translated, newer functions of browsers are not
  define: { VERSION: JSON.stringify(version) },
  write: false,
});

// Checked by tests/tracker/test_bundle.py: neither a change that was not built nor an edit of the result goes unseen.
const hash = createHash('sha256');
const sources = readdirSync('src').filter(name => name.endsWith('.js')).sort().map(name => `src/${name}`);
for (const name of ['build.js', 'package-lock.json', ...sources]) hash.update(`${name}\n`).update(readFileSync(name));
hash.update(code);

const banner = `/*! pz.js ${version} | Apache-2.0 | sha256 of sources and code: ${hash.digest('hex')} */`;
writeFileSync(TARGET, `${banner}\n${code}`);
console.log(`static/tracker/pz.js: ${gzipSync(readFileSync(TARGET)).length} bytes after gzip, 8192 allowed`);
